"""Identify: a scan and a model in, an Identification out."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from bragglens.errors import BragglensError, ScanError
from bragglens.identify.identification import Finding, Identification, Verdict
from bragglens.learn.model import Model
from bragglens.scan.prepare import to_grid
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import strongest_line

THRESHOLD = 0.5
CERTAIN = 0.9  # two phases of nearly the same pattern are both named only beyond this
LEAST_RIVAL = 0.1


def identify(scan: Scan, model: Model, *, wavelength: float | None = None) -> Identification:
    """Tell which phases of the model's library a scan holds.

    Args:
        scan: as read.
        model: a trained model.
        wavelength: Å of the scan's strongest line; wins over what the file states.

    Raises:
        ScanError: the wavelength is neither stated nor in the file, or the scan covers too little of the model's grid.
    """
    started = time.perf_counter()
    stated = wavelength or scan.wavelength
    if stated is None:
        raise ScanError(f"{scan.name}: the file does not state its wavelength: give it, for example --wavelength CuKa")
    used = strongest_line(stated)
    pattern = to_grid(scan, model.preparation, wavelength=used)
    scores = model.judge(pattern)
    names = model.library.names
    own = scores[: len(names)]
    stranger = float(scores[-1]) if model.answer == "sigmoid" else None
    probabilities = {name: float(p) for name, p in zip(names, own, strict=True)}
    found = findings(probabilities, model.alike)
    return Identification(
        file=scan.name,
        model=model.name,
        verdict=_verdict(len(found), stranger),
        phases=found,
        probabilities=probabilities,
        stranger=stranger,
        wavelength=used,
        seconds=time.perf_counter() - started,
        notes=scan.notes,
        pattern=pattern,
    )


def identify_file(path: str | Path, model: Model, *, wavelength: float | None = None) -> Identification:
    """Read a file and identify it; what goes wrong becomes the answer's `error`, so that a batch goes on."""
    try:
        scan = read_scan(path)
        answer = identify(scan, model, wavelength=wavelength)
    except BragglensError as error:
        return Identification(file=str(path), model=model.name, verdict=None, error=str(error))
    return Identification(**{**vars(answer), "file": str(path)})


def findings(probabilities: dict[str, float], alike: tuple[tuple[str, str], ...]) -> tuple[Finding, ...]:
    """The phases that are named, the most probable first.

    Of phases whose patterns are nearly the same a network splits its answer: it is sure that one of them is there, and
    not which. The most probable one is then named if that one of them is there is more likely than not, with the others
    as its rivals; two of them are named only where both are beyond CERTAIN.
    """
    named: dict[str, Finding] = {}
    for name in sorted(probabilities, key=lambda name: -probabilities[name]):
        p = probabilities[name]
        group = {other for pair in alike if name in pair for other in pair} - {name}
        if group & set(named) and p < CERTAIN:
            continue
        rivals = tuple(sorted(other for other in group if probabilities[other] >= LEAST_RIVAL and other not in named))
        none_there = (1 - p) * float(np.prod([1 - probabilities[rival] for rival in rivals]))
        if 1 - none_there >= THRESHOLD:
            named[name] = Finding(name, p, rivals=rivals)
    return tuple(named.values())


def _verdict(found: int, stranger: float | None) -> Verdict:
    if not found:
        return "unknown"
    if stranger is not None and stranger >= THRESHOLD:
        return "partly unknown"
    return "known" if found == 1 else "mixture"


def ranking(answer: Identification) -> list[str]:
    """All phases of the library, the most probable first."""
    probabilities = answer.probabilities or {}
    return sorted(probabilities, key=lambda name: -probabilities[name])
