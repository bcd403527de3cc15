"""Clean patterns: phases measured by an ideal diffractometer, without strain, background and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, Line
from bragglens.simulate.reflection_list import ReflectionList, reflection_list
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen


@dataclass(frozen=True)
class CleanPattern:
    """The calculated pattern of one phase.

    Attributes:
        phase: the phase.
        grid: the axis of the pattern.
        wavelength: wavelength of the strongest emission line in Å.
        intensity: scaled to a strongest point of 1, shape (grid.size,).
        reflections: all reflections in the range of the grid.
    """

    phase: Phase
    grid: Grid
    wavelength: float
    intensity: NDArray[np.floating]
    reflections: ReflectionList


def clean_patterns(phases: Sequence[Phase], grid: Grid, lines: tuple[Line, ...]) -> list[CleanPattern]:
    """The pattern of each phase for a tube with these emission lines."""
    tube, usual = Instrument(lines), Specimen()
    intensity = render_phases(reflections_in_range(phases, lines, grid), tube, [usual] * len(phases), grid)
    return [
        CleanPattern(phase, grid, lines[0].wavelength, row, clean_reflections(phase, grid, lines))
        for phase, row in zip(phases, intensity, strict=True)
    ]


def clean_reflections(phase: Phase, grid: Grid, lines: tuple[Line, ...]) -> ReflectionList:
    """All reflections of a phase in the range of a grid, at the positions of an ideal diffractometer."""
    return reflection_list(phase, Instrument(lines), Specimen(), grid.start, grid.stop, faintest=0.0)
