"""Model: a trained network with everything that it needs, in one file. Its use does not need torch.

A `.bragglens` file is a zip archive of two members: `network.onnx` and `manifest.json` (format number, phases, grid,
preparation, recipe, scores, versions, and the SHA-256 of the network). Nothing in it is ever executed as code. JSON is
data and every field of it is checked. ONNX Runtime gets only a chain of the few operators that the networks of
bragglens have.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError, ModelError
from bragglens.files import check_format, whole_file
from bragglens.inference import session
from bragglens.learn.graph import GraphError
from bragglens.learn.layers import check_network
from bragglens.packed import unpacked
from bragglens.scan.pattern import Grid, Pattern
from bragglens.scan.prepare import Preparation, Scaling
from bragglens.schema import (
    MisfitError,
    anything,
    either,
    fit,
    listing,
    number,
    one_of,
    record,
    row,
    table,
    text,
    whole,
)

FORMAT = 1
_FINEST = 1e-3  # degrees; finer axes would have more points than any diffractometer measures
_COLDEST = 1e-3  # smallest temperature that logits are divided by, and smallest inverse; usual values are near 1
Answer = Literal["sigmoid", "softmax"]


@dataclass(frozen=True)
class Model:
    """A trained network and everything that it needs.

    Attributes:
        library: the phases it can name, in the order of its outputs.
        preparation: grid, wavelength and scaling of its input.
        answer: `sigmoid` gives an independent probability for each phase, and a last one for a phase outside the
            library. `softmax` chooses one of the phases, as in the founding blog post.
        network: the network as ONNX, with logits as its output.
        network_name: its name in `learn.networks.NETWORKS`.
        recipe: the recipe of its training.
        scores: figures on simulated patterns that were not used for training.
        versions: of bragglens, of the libraries used, and the date.
        temperature: logits are divided by this before they become probabilities.
        alike: pairs of phases with nearly the same pattern, which the network cannot distinguish.
        name: name of the file.
    """

    library: Library
    preparation: Preparation
    answer: Answer
    network: bytes = field(repr=False)
    network_name: str = "compact"
    recipe: dict[str, Any] = field(default_factory=dict, repr=False)
    scores: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    temperature: float = 1.0
    alike: tuple[tuple[str, str], ...] = ()
    name: str = "unsaved"

    @property
    def outputs(self) -> int:
        """Number of outputs of the network for a scan."""
        return len(self.library) + (self.answer == "sigmoid")

    @cached_property
    def _session(self) -> Any:
        try:
            return session(self.network)
        except Exception as error:  # onnxruntime raises many kinds of exceptions, none of them public
            raise ModelError(f"{self.name}: its network cannot be loaded: train the model again") from error

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Raw outputs for prepared input of shape (batch, channels, points)."""
        try:
            (out,) = self._session.run(None, {self._session.get_inputs()[0].name: x})
        except Exception as error:
            raise ModelError(f"{self.name}: its network does not fit its own grid: train the model again") from error
        logits = np.asarray(out, dtype=float)
        if logits.shape != (len(x), self.outputs) or not np.isfinite(logits).all():
            raise ModelError(f"{self.name}: its network gives no numbers for its phases: copy or train it again")
        return logits

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each phase, and with `sigmoid` also of a phase outside the library, shape (batch, outputs)."""
        return activate(self.logits(x), self.answer, self.temperature)

    def judge(self, pattern: Pattern) -> NDArray[np.float64]:
        """Probabilities for one pattern on the model's grid, shape (outputs,)."""
        return np.asarray(self.probabilities(self.preparation.apply(pattern.intensity[None], pattern.covered[None]))[0])


def activate(logits: NDArray[np.float64], answer: Answer, temperature: float) -> NDArray[np.float64]:
    """Convert logits to probabilities."""
    z = logits / temperature
    if answer == "sigmoid":
        return np.asarray(np.exp(-np.logaddexp(0.0, -z)))
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def save_model(model: Model, path: str | Path) -> Path:
    """Write a model file. An existing file is replaced only when the new one is complete.

    Raises:
        BragglensError: the file cannot be written there.
    """
    path = Path(path)
    with whole_file(path) as handle, zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("manifest.json", json.dumps(_manifest(model), indent=1))
        archive.writestr("network.onnx", model.network)
    return path


def load_model(path: str | Path) -> Model:
    """Read a model file.

    Raises:
        ModelError: the file is missing, foreign, damaged, or of a newer format.
    """
    path = Path(path)
    manifest, network = _read(path)
    check_format(path, manifest.get("format"), FORMAT, ModelError, of="model", again="train it again")
    if hashlib.sha256(network).hexdigest() != manifest.get("network_sha256"):
        raise ModelError(f"{path}: is damaged, its network does not match its checksum: copy or train it again")
    try:
        model = _from_manifest(manifest, network, path.name)
        seen = model.preparation
        check_network(network, channels=seen.channels, points=seen.grid.size, outputs=model.outputs)
    except GraphError as error:
        raise ModelError(f"{path}: its network {error}: copy or train it again") from None
    except (MisfitError, BragglensError) as error:
        raise ModelError(f"{path}: its {error}: copy or train it again") from None
    return model


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    """Manifest and network of an archive, up to the sizes that a model may have."""
    with unpacked(
        path,
        ModelError,
        missing=f"no such model file: train one with `bragglens train PHASES -o {path}`",
        damaged="is no bragglens model, or was cut short: copy or train it again",
    ) as packed:
        return packed.fields("manifest.json"), packed.read("network.onnx")


def _manifest(model: Model) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "answer": model.answer,
        "network": model.network_name,
        "network_sha256": hashlib.sha256(model.network).hexdigest(),
        "temperature": model.temperature,
        "alike": model.alike,
        "preparation": asdict(model.preparation),
        "library_sha256": model.library.hash,
        "recipe": model.recipe,
        "scores": model.scores,
        "versions": model.versions,
        "phases": model.library.to_list(),
    }


def _from_manifest(manifest: dict[str, Any], network: bytes, name: str) -> Model:
    fit("manifest", manifest, _MANIFEST)
    preparation, library = manifest["preparation"], Library.from_list(manifest["phases"])
    if library.hash != manifest["library_sha256"]:
        raise MisfitError("is not that of the phases: an unchanged file is expected", "manifest.library_sha256")
    named = one_of(frozenset(library.names), "the name of a phase")
    fit("manifest.alike", manifest["alike"], listing(row(named, named)))
    return Model(
        library=library,
        preparation=Preparation(Grid(**preparation["grid"]), float(preparation["wavelength"]), preparation["scaling"]),
        answer=manifest["answer"],
        network=network,
        network_name=manifest["network"],
        recipe=manifest["recipe"],
        scores=manifest["scores"],
        versions=manifest["versions"],
        temperature=float(manifest["temperature"]),
        alike=tuple((one, other) for one, other in manifest["alike"]),
        name=name,
    )


_FIGURE = number(-1e15, 1e15)
_GRID = {"start": number(0, 180), "stop": number(0, 180), "step": number(_FINEST, 180)}
_PREPARATION = {
    "grid": record(_GRID),
    "wavelength": number(0.05, 5),
    "scaling": one_of(get_args(Scaling), "minmax or sqrt"),
}
_MANIFEST = record(
    {
        "format": whole(FORMAT, FORMAT),
        "answer": one_of(get_args(Answer), "sigmoid or softmax"),
        "network": text(least=1, longest=200),
        "network_sha256": text(least=64, longest=64),
        "temperature": number(_COLDEST, 1 / _COLDEST),
        "alike": listing(anything),
        "preparation": record(_PREPARATION),
        "library_sha256": text(least=64, longest=64),
        "recipe": table(either(either(text(), _FIGURE), table(table(_FIGURE)))),
        "scores": table(_FIGURE),
        "versions": table(text()),
        "phases": listing(anything, least=1),
    }
)
