"""Places: which phases and lines a drawing shows, and where, free of how it is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Identification
from bragglens.report.words import nearest
from bragglens.scan.pattern import Grid
from bragglens.simulate.formulas import displacement_shift
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.reference import Sticks, sticks
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

FAINT = 1e-3  # of the strongest line; fainter ones cannot be seen and would only blacken the row
_MOST_REFUSED = 2  # phases that the network named and the fit refused are drawn to show what it took for them


def placed_lines(phase: Phase, instrument: Instrument, specimen: Specimen, stop: float) -> tuple[Sticks, Reflections]:
    """The lines of a phase where they are measured, for the strongest line of the tube, and the reflections behind.

    The specimen's strain, its displacement and the instrument's zero are in their 2θ.
    """
    (crystal,) = reflections_in_range([phase], instrument.lines, Grid(stop / 2, stop, stop / 100), margin=0.05)
    wavelength = instrument.lines[0].wavelength
    lines = sticks(crystal, wavelength=wavelength, polarisation=instrument.polarisation, specimen=specimen)
    shift = displacement_shift(two_theta=lines.two_theta, displacement=specimen.displacement, radius=instrument.radius)
    return replace(lines, two_theta=lines.two_theta + shift + instrument.zero), crystal


def refused(answer: Identification, fit: Fit) -> list[str]:
    """Phases that the network named and the fit refused, or the network's nearest where nothing was found."""
    network, close = answer.probabilities or {}, nearest(answer)
    names = [name for name in network if network[name] >= answer.policy.named and name not in fit.names]
    names.sort(key=lambda name: -network[name])
    return names[:_MOST_REFUSED] or ([close.name] if close and not answer.phases else [])


def within(lines: Sticks, start: float, stop: float) -> Sticks:
    """The lines from `start` to `stop` in degrees."""
    inside = (lines.two_theta >= start) & (lines.two_theta <= stop)
    return Sticks(lines.hkl[inside], lines.d[inside], lines.two_theta[inside], lines.area[inside])


def best_indices(indices: NDArray[np.float64], crystal: Reflections) -> tuple[int, ...]:
    """Of all equivalents of a reflection that with the fewest minus, 101 before 011."""
    row = int(np.flatnonzero((crystal.hkl == indices).all(axis=1))[0])
    equivalents = crystal.equivalents[crystal.first_equivalent[row] : crystal.first_equivalent[row + 1]]
    return tuple(
        max((*equivalents.tolist(), *(-equivalents).tolist()), key=lambda hkl: (sum(i >= 0 for i in hkl), hkl))
    )
