"""Picture: what a plot of an answer shows, free of how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.fit.residual import Peak
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Identification
from bragglens.identification.asked import Asked, library_of
from bragglens.learn.model import Model
from bragglens.report.places import FAINT, best_indices, placed_lines, refused
from bragglens.report.words import RELATIVE, named, nearest, weight
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """One phase of a picture.

    Attributes:
        name: of the phase, with its rivals.
        told: its weight, or why it is shown though it was not found.
        found: whether the answer names it.
        two_theta: where its lines are, in degrees.
        strength: root of their areas, the strongest 1.
        hkl: their Miller indices, as "1 0 -1".
        pattern: what the fit calculates for it, in counts on the axis of the picture, or None.
    """

    name: str
    told: str
    found: bool
    two_theta: Array
    strength: Array
    hkl: tuple[str, ...]
    pattern: Array | None = None


@dataclass(frozen=True)
class Picture:
    """A scan with what was found in it, over 2θ in degrees.

    Attributes:
        start, step: of the axis, in degrees.
        wavelength: Å that the axis is for.
        observed: what was measured, in counts.
        background: of the fit, or None where nothing was fitted; with the patterns of the layers it is the calculated
            line.
        layers: the phases, those that were found first.
        unexplained: peaks that no phase explains.
        parts: of the axis that were measured, each from its first point up to an end that is no more of it; None: all.
    """

    start: float
    step: float
    wavelength: float
    observed: Array
    background: Array | None
    layers: tuple[Layer, ...]
    unexplained: tuple[Peak, ...] = ()
    parts: tuple[tuple[int, int], ...] | None = None

    @property
    def two_theta(self) -> Array:
        """The axis in degrees."""
        return np.asarray(self.start + self.step * np.arange(len(self.observed)))

    @property
    def measured(self) -> list[slice]:
        """The parts of the axis that were measured: no line is drawn across a hole."""
        return [slice(*part) for part in self.parts or [(0, len(self.observed))]]

    @property
    def calculated(self) -> Array | None:
        """Background and phases together, or None where nothing was fitted."""
        parts = [layer.pattern for layer in self.layers if layer.pattern is not None]
        if self.background is None or not parts:
            return None
        return np.asarray(self.background + np.sum(parts, axis=0), dtype=np.float64)


def picture_of(answer: Identification, asked: Asked | None) -> Picture | None:
    """What to draw of an answer; None where it holds no scan, or no fit and there is no model to give the lines.

    Args:
        answer: with its fit, or with its pattern where the network alone answered.
        asked: who answered; phases that were considered and not found are taken from there.
    """
    library = library_of(asked) if asked is not None else ()
    phases = {phase.name: phase for phase in library}
    if answer.fit is not None:
        return _fitted(answer, answer.fit, phases)
    if answer.pattern is None or not isinstance(asked, Model):
        return None
    return _unfitted(answer, asked, phases)


def _fitted(answer: Identification, fit: Fit, phases: Mapping[str, Phase]) -> Picture:
    """The fit, its phases in the order of the answer, then what the network alone named."""
    stop = float(fit.two_theta[-1])
    usual = Specimen(displacement=fit.specimens[0].displacement if fit.specimens else 0.0)
    layers = []
    for finding in (*answer.phases, *answer.relatives):
        place = fit.names.index(finding.name)
        told = weight(finding) if len(answer.phases) > 1 or answer.amorphous_percent is not None else ""
        one = _layer(fit.phases[place], fit.instrument, fit.specimens[place], fit.two_theta[0], stop)
        told = RELATIVE if finding in answer.relatives else told
        layers.append(Layer(named(finding), told, True, *one, pattern=fit.patterns[place]))
    for name in [name for name in refused(answer, fit) if name in phases]:
        one = _layer(phases[name], fit.instrument, usual, fit.two_theta[0], stop)
        layers.append(Layer(name, "named by the network alone", False, *one))
    return Picture(
        start=float(fit.two_theta[0]),
        step=float(fit.two_theta[1] - fit.two_theta[0]),
        wavelength=fit.instrument.lines[0].wavelength,
        observed=fit.observed,
        background=fit.background,
        layers=tuple(layers),
        unexplained=answer.unexplained_peaks,
        parts=_runs(fit.measured),
    )


def _runs(true: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """First point and end of each run of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(int)))
    return tuple(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _unfitted(answer: Identification, model: Model, phases: Mapping[str, Phase]) -> Picture:
    """The scan on the model's axis, with the lines of the phases named, or of the nearest, as their CIFs have them."""
    pattern = answer.pattern
    assert pattern is not None
    wavelength = model.preparation.wavelength
    angle, close = pattern.grid.two_theta[pattern.covered], nearest(answer)
    shown = answer.phases or ((close,) if close else ())
    instrument = Instrument(emission(str(model.recipe.get("wavelength", wavelength))))
    told = "" if answer.phases else "nearest, not accepted"
    layers = tuple(
        Layer(named(one), told, bool(answer.phases), *_layer(phases[one.name], instrument, Specimen(), *angle[[0, -1]]))
        for one in shown
    )
    return Picture(float(angle[0]), pattern.grid.step, wavelength, pattern.intensity[pattern.covered], None, layers)


def _layer(
    phase: Phase, instrument: Instrument, specimen: Specimen, start: float, stop: float
) -> tuple[Array, Array, tuple[str, ...]]:
    """Place, strength and indices of the lines of a phase that can be seen from `start` to `stop`."""
    lines, crystal = placed_lines(phase, instrument, specimen, stop)
    inside = (lines.two_theta >= start) & (lines.two_theta <= stop)
    strongest = lines.area[inside].max(initial=1e-300)
    seen = np.flatnonzero(inside & (lines.area > FAINT * strongest))
    hkl = tuple(" ".join(map(str, best_indices(lines.hkl[i], crystal))) for i in seen)
    return lines.two_theta[seen], np.sqrt(lines.area[seen] / strongest), hkl
