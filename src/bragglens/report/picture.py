"""Picture: what a plot of an answer shows, free of how it is drawn."""

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

_BESIDE, _NETWORK = 26, 24  # letters that stand beside a row of ticks: of a fit, of the network alone


@dataclass(frozen=True)
class Layer:
    """One phase of a picture.

    Attributes:
        phase: its name.
        name: the same with its rivals.
        remark: its weight, or why it is shown though it was not found.
        beside: name and figures, short enough to stand beside its row of ticks.
        found: whether the answer names it.
        reflections: that can be seen.
        pattern: what the fit calculates for it, in counts on the axis of the picture, or None.
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
    """A scan with what was found in it, over 2θ in degrees.

    Attributes:
        name: of the scan.
        said: the verdict, and how well the fit is.
        start, step: of the axis, in degrees.
        wavelength: Å that the axis is for.
        observed: what was measured, in counts.
        background: of the fit, or None where nothing was fitted; with the patterns of the layers it is the calculated
            curve.
        layers: the phases, those that were found first.
        unexplained: peaks that no phase explains.
        parts: of the axis that were measured, each from its first point up to an end that is no more of it.
        measured_at: Å of the measurement.
        disagreement: between network and fit: it has the votes of the network, which take a while.
        sketch: where nothing was fitted, rough patterns of the phases.
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
        """The parts of the axis that were measured: no line is drawn across a hole."""
        return [slice(*part) for part in self.parts]

    @property
    def calculated(self) -> Array | None:
        """Background and phases together, or None where no phase was fitted."""
        parts = [layer.pattern for layer in self.layers if layer.pattern is not None]
        if self.background is None or not parts:
            return None
        return np.asarray(self.background + np.sum(parts, axis=0), dtype=np.float64)


def picture_of(answer: Identification) -> Picture | None:
    """What to draw of an answer; None where it holds no scan: not judged, or kept without its patterns."""
    if answer.fit is not None:
        return _fitted(answer, answer.fit)
    return _sketched(answer, answer.sketch) if answer.sketch is not None else None


def _fitted(answer: Identification, fit: Fit) -> Picture:
    """The fit, its phases in the order of the answer, then what the network alone names."""
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
        beside = f"{shorten(phase.name, _BESIDE)}\nnetwork alone, p {probability(network[phase.name])}"
        yield Layer(phase.name, phase.name, "named by the network alone", beside, False, reflections)


def _beside(finding: Finding) -> str:
    """A phase with its rivals, or their number where they are too long, and its figures."""
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
    """First point and end of each run of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(int)))
    return tuple(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
