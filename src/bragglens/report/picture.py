"""Picture: the contents of a plot of an answer, independent of how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.residual import Peak
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.disagreement import Disagreement
from bragglens.identification.sketch import Sketch
from bragglens.report.words import RELATIVE, named, percent, probability, shorten, weight
from bragglens.simulate.reflection_list import ReflectionList

Array = NDArray[np.float64]

_BESIDE, _NETWORK = 26, 24  # longest text beside a row of ticks in characters: with a fit, by the network alone


@dataclass(frozen=True)
class Layer:
    """One phase of a picture.

    Attributes:
        phase: name of the phase.
        name: the same with its rivals.
        remark: its weight fraction, or why it is shown although it was not found.
        beside: name and figures, short enough for the space beside its row of ticks.
        found: whether the answer names it.
        reflections: the visible ones.
        pattern: calculated by the fit, in counts on the axis of the picture; or None.
    """

    phase: str
    name: str
    remark: str
    beside: str
    found: bool
    reflections: ReflectionList
    pattern: Array | None = None


@dataclass(frozen=True)
class Picture:
    """A scan with its phases, over 2θ in degrees.

    Attributes:
        name: name of the scan.
        said: the verdict, and the quality of fit.
        start, step: of the axis, in degrees.
        wavelength: Å of the axis.
        observed: measured counts.
        background: of the fit, or None without a fit. With the patterns of the layers it gives the calculated curve.
        layers: the phases; those that were found come first.
        unexplained: peaks that no phase explains.
        parts: measured parts of the axis, each from its first point to an exclusive end.
        measured_at: Å of the measurement.
        disagreement: between network and fit; it holds the votes of the network, which take time to compute.
        sketch: without a fit, rough patterns of the phases.
    """

    name: str
    said: str
    start: float
    step: float
    wavelength: float
    observed: Array
    background: Array | None
    layers: tuple[Layer, ...]
    unexplained: tuple[Peak, ...]
    parts: tuple[tuple[int, int], ...]
    measured_at: float | None = None
    disagreement: Disagreement | None = None
    sketch: Sketch | None = None

    @property
    def two_theta(self) -> Array:
        """The axis in degrees."""
        return np.asarray(self.start + self.step * np.arange(len(self.observed)))

    @property
    def measured(self) -> list[slice]:
        """The measured parts of the axis; no line is drawn across a hole."""
        return [slice(*part) for part in self.parts]

    @property
    def calculated(self) -> Array | None:
        """Background and phases together, or None where no phase was fitted."""
        parts = [layer.pattern for layer in self.layers if layer.pattern is not None]
        if self.background is None or not parts:
            return None
        return np.asarray(self.background + np.sum(parts, axis=0), dtype=np.float64)


def picture_of(answer: Identification) -> Picture | None:
    """The picture of an answer. None where it holds no scan: not judged, or its patterns were not kept."""
    if answer.fit is not None:
        return _fitted(answer, answer.fit)
    return _sketched(answer, answer.sketch) if answer.sketch is not None else None


def _fitted(answer: Identification, fit: Fit) -> Picture:
    """The fit, its phases in the order of the answer, then phases that only the network names."""
    rwp = f", Rwp {percent(answer.rwp)}" if fit.names else ""
    return Picture(
        name=Path(answer.file).name,
        said=f"{answer.verdict}{rwp}",
        start=float(fit.two_theta[0]),
        step=float(fit.two_theta[1] - fit.two_theta[0]),
        wavelength=fit.instrument.lines[0].wavelength,
        observed=fit.observed,
        background=fit.background,
        layers=(*_found(answer, fit), *_refused(answer)),
        unexplained=answer.unexplained_peaks,
        parts=_runs(fit.measured),
        disagreement=answer.disagreement,
    )


def _found(answer: Identification, fit: Fit) -> Iterator[Layer]:
    weighed = len(answer.phases) > 1 or answer.amorphous_percent is not None
    for finding in (*answer.phases, *answer.relatives):
        place, related = fit.names.index(finding.name), finding in answer.relatives
        remark = RELATIVE if related else weight(finding) * weighed
        beside = f"{shorten(finding.name, _BESIDE)}\n{RELATIVE}" if related else _beside(finding)
        yield Layer(finding.name, named(finding), remark, beside, True, fit.reflections[place], fit.patterns[place])


def _refused(answer: Identification) -> Iterator[Layer]:
    if answer.disagreement is None:
        return
    network = answer.probabilities or {}
    for phase, reflections in zip(answer.disagreement.refused, answer.disagreement.reflections, strict=True):
        beside = f"{shorten(phase.name, _BESIDE)}\nbefore the fit, p {probability(network[phase.name])}"
        yield Layer(phase.name, phase.name, "proposed, and not confirmed by the fit", beside, False, reflections)


def _beside(finding: Finding) -> str:
    """A phase with its rivals, or with their number if the text is too long, and its figures."""
    others = f"{shorten(finding.name, _BESIDE - 12)} or {len(finding.rivals)} others"
    name = named(finding) if len(named(finding)) <= _BESIDE or len(finding.rivals) < 2 else others
    figures = ", ".join(part for part in (weight(finding), f"p {probability(finding.probability)}") if part)
    return f"{shorten(name, _BESIDE)}\n{figures}"


def _sketched(answer: Identification, sketch: Sketch) -> Picture:
    """The scan on the network's axis, with the phases that it names, or the nearest."""
    shown = answer.phases or ((answer.nearest,) if answer.nearest else ())
    remark = "" if answer.phases else "nearest, not accepted"
    layers = tuple(
        Layer(one.name, named(one), remark, _sketched_beside(one, remark), sketch.named, reflections)
        for one, reflections in zip(shown, sketch.reflections, strict=True)
    )
    return Picture(
        name=Path(answer.file).name,
        said=f"{answer.verdict}",
        start=float(sketch.two_theta[0]),
        step=sketch.pattern.grid.step,
        wavelength=sketch.wavelength,
        observed=sketch.pattern.intensity[sketch.span],
        background=None,
        layers=layers,
        unexplained=(),
        parts=_runs(sketch.pattern.covered[sketch.span]),
        measured_at=answer.wavelength,
        sketch=sketch,
    )


def _sketched_beside(finding: Finding, remark: str) -> str:
    figures = f"{probability(finding.probability)}  {weight(finding)}".rstrip()
    return "\n".join(part for part in (shorten(finding.name, _NETWORK), figures, remark) if part)


def _runs(true: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """First point and exclusive end of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(int)))
    return tuple(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
