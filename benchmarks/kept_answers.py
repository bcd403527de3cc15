"""Measured scans identified in three ways, and the answers kept, for the scripts that score them."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bragglens.crystal.library import Library
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.evaluate import Judged, Label, judge, read_alike, read_manifest
from bragglens.identification.options import Options
from bragglens.learn.model import Model

HERE = Path(__file__).parent
RESULTS = HERE / "results"
ANSWERS = RESULTS / "answers"  # not kept in the repository
HALVES = ("looked at", "held out")
WAYS = ("network", "fit", "both")
SETS = (  # library, set
    ("tio2", "single_tio2"),
    ("tio2", "tio2_mixtures"),
    ("tio2", "open_tio2"),
    ("oxides", "tio2_mixtures"),
    ("oxides", "weighed_oxides"),
    ("oxides", "weighed_cpd"),
    ("oxides", "li_mn_ti_o_f"),
    ("oxides", "open_oxides"),
    ("minerals", "single_rruff"),
    ("minerals", "single_rockjock"),
    ("minerals", "mixed_rockjock"),
)
HALVES_TEXT = """Each set is split in two by the SHA-1 of the scan's path. Thresholds and the
regression for probabilities were fitted while looking at the first half (*looked at*), not at the other (*held out*).
The halves are not fully independent. Repeated measurements of one specimen and minerals of one name are in both. One
scan has two names in two sets. The recipe of the simulation was widened with all scans in view. The 381 rows of dev.csv
are 196 different scans: most minerals are searched in two or three libraries, and are in the same half each time."""


@dataclass(frozen=True)
class Asked:
    """The answer for one measured scan.

    Attributes:
        library: name of the library that was asked.
        way: `network` alone, `fit` alone over the whole library, or `both`.
        held_out: whether the scan is of the half that nothing was fitted on.
        judged: label and answer.
        cpu: seconds of all threads.
    """

    library: str
    way: str
    held_out: bool
    judged: Judged
    cpu: float

    @property
    def wrong(self) -> list[Finding]:
        """What was named and is not there."""
        return [f for f in self.judged.answer.phases if f.name in self.judged.false]


def arguments(text: str | None) -> argparse.ArgumentParser:
    """The options that all scripts on measured scans share."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--models", type=Path, default=RESULTS / "models")
    return parser


def held_out(label: Label, data: Path) -> bool:
    """The half a scan belongs to, by the SHA-1 of its path as dev.csv has it."""
    path = label.file.relative_to(data).as_posix()
    return int(hashlib.sha1(path.encode()).hexdigest(), 16) % 2 == 1


def ask_set(library: str, name: str, model: Model, data: Path, ways: Iterable[str] = WAYS) -> list[Asked]:
    """All scans of a set, asked in all ways."""
    alike = read_alike(data / "alike.csv")
    labels = read_manifest(data / "dev.csv", sets=[name])
    ask(labels[0], library, "both", model, alike, False)  # compiles, and makes the library ready
    return [ask(label, library, way, model, alike, held_out(label, data)) for label in labels for way in ways]


def ask(label: Label, library: str, way: str, model: Model, alike: tuple[frozenset[str], ...], held_out: bool) -> Asked:
    """One scan asked in one way; where the program breaks, the traceback is the answer's error."""
    asked: Model | Library = model.library if way == "fit" else model
    started = time.process_time()
    try:
        judged = judge(label, asked, alike, Options(network_only=way == "network"))
    except Exception:
        judged = Judged(label, Identification(str(label.file), way, None, error=traceback.format_exc()), alike)
    return Asked(library, way, held_out, judged, time.process_time() - started)


def keep(library: str, name: str, asked: Iterable[Asked]) -> None:
    """Write the answers of a set."""
    entries = [{"way": a.way, "held_out": a.held_out, "cpu": a.cpu, "answer": a.judged.answer.to_dict()} for a in asked]
    ANSWERS.mkdir(parents=True, exist_ok=True)
    _path(library, name).write_text(json.dumps(entries))


def kept(library: str, name: str, data: Path) -> list[Asked]:
    """The answers that `keep` wrote; none where a set was not asked yet."""
    path = _path(library, name)
    if not path.exists():
        return []
    alike = read_alike(data / "alike.csv")
    labels = {label.file.name: label for label in read_manifest(data / "dev.csv", sets=[name])}
    return [
        Asked(library, e["way"], e["held_out"], Judged(_label(labels, e), _answer(e["answer"]), alike), e["cpu"])
        for e in json.loads(path.read_text())
    ]


def keep_answers(name: str, answers: Iterable[Identification]) -> None:
    """Write answers for scans that stand in no manifest."""
    ANSWERS.mkdir(parents=True, exist_ok=True)
    (ANSWERS / f"{name}.json").write_text(json.dumps([answer.to_dict() for answer in answers]))


def stored_answers(name: str) -> list[Identification]:
    """The answers that `keep_answers` wrote."""
    return [_answer(entry) for entry in json.loads((ANSWERS / f"{name}.json").read_text())]


def _path(library: str, name: str) -> Path:
    return ANSWERS / f"{library}-{name}.json"


def _label(labels: dict[str, Label], entry: dict[str, Any]) -> Label:
    return labels[Path(entry["answer"]["file"]).name]


def _answer(entry: dict[str, Any]) -> Identification:
    """An answer from the JSON of `Identification.to_dict`, as far as scores need it."""
    findings = [Finding(**{**f, "rivals": tuple(f["rivals"])}) for f in entry["phases"]]
    return Identification(
        entry["file"],
        model="",
        verdict=entry["verdict"],
        phases=tuple(findings),
        probabilities=entry["probabilities"],
        stranger=entry["stranger"],
        unexplained=entry["unexplained"],
        rwp=entry["rwp"],
        seconds=entry["seconds"],
        error=entry["error"],
    )
