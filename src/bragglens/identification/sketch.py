"""Sketch: a scan judged by a network alone, with calculated patterns of its phases; nothing is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.scan.moving import convolved, gaussian, moving_lowest
from bragglens.scan.pattern import Pattern
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.reflection_list import ReflectionList, reflection_list
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

# degrees: width of the smoothing of noise, of the background's windows, of the smoothing of the background
_SMOOTH, _WIDE, _EDGE = 0.05, 3.0, 1.0
_REACH = 0.4  # degrees by which a measured peak may be shifted


@dataclass(frozen=True)
class Sketch:
    """Contents of a plot without a fit. Reflections and patterns are computed at first use.

    Attributes:
        pattern: the scan on the axis of the network.
        wavelength: Å that the axis is for.
        instrument: whose emission lines the patterns are calculated for.
        phases: phases that the network names, or the most probable one.
        named: whether the network names them.
    """

    pattern: Pattern
    wavelength: float
    instrument: Instrument
    phases: tuple[Phase, ...]
    named: bool

    @property
    def span(self) -> slice:
        """From the first to the last measured point; holes may lie between."""
        first, *_, last = np.flatnonzero(self.pattern.covered).tolist()
        return slice(first, last + 1)

    @property
    def two_theta(self) -> Array:
        """The axis of the span in degrees."""
        return self.pattern.grid.two_theta[self.span]

    @cached_property
    def reflections(self) -> tuple[ReflectionList, ...]:
        """Visible reflections of each phase, at the angles of the structure as given."""
        start, stop = float(self.two_theta[0]), float(self.two_theta[-1])
        return tuple(reflection_list(phase, self.instrument, Specimen(), start, stop) for phase in self.phases)

    @cached_property
    def background(self) -> Array:
        """A rough background for the calculated patterns, over the span."""
        return _background(self._smooth, self.pattern.grid.step)

    @cached_property
    def patterns(self) -> Array:
        """A pattern of each phase above that background, scaled roughly to the scan, shape (phases, points)."""
        if not self.phases:
            return np.empty((0, len(self.background)))
        grid, above = self.pattern.grid, self._smooth - self.background
        crystals = reflections_in_range(self.phases, self.instrument.lines, grid)
        clean = render_phases(crystals, self.instrument, [Specimen()] * len(self.phases), grid)[:, self.span]
        clean = clean / np.maximum(clean.max(axis=1, keepdims=True), 1e-9)
        return np.array([self._height(one, above) * one for one in clean], dtype=np.float64)

    @cached_property
    def _smooth(self) -> Array:
        """The smoothed scan, with its holes interpolated."""
        intensity, covered = self.pattern.intensity[self.span], self.pattern.covered[self.span]
        place = np.arange(len(intensity))
        whole = np.where(covered, intensity, np.interp(place, place[covered], intensity[covered]))
        return convolved(whole, gaussian(_SMOOTH / self.pattern.grid.step), "symmetric")

    def _height(self, clean: Array, above: Array) -> float:
        """Height of the strongest line: that of the scan near it; of the highest peak if the phase is not named."""
        if not self.named:
            return float(above.max())
        peak, reach = int(clean.argmax()), round(_REACH / self.pattern.grid.step)
        return max(0.0, float(above[max(0, peak - reach) : peak + reach + 1].max()))


def _background(smooth: Array, step: float) -> Array:
    lowest = moving_lowest(smooth, max(1, round(_WIDE / step)))
    return convolved(lowest, gaussian(_EDGE / step), "symmetric")
