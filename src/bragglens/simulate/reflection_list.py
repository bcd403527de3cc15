"""Reflection list: the reflections of a phase at the positions where a diffractometer measures them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections
from bragglens.scan.pattern import Grid
from bragglens.simulate.formulas import displacement_shift
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.reference import sticks
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

FAINT = 1e-3  # intensity over that of the strongest reflection; weaker ones are not visible in a scan
_MARGIN = 0.05  # relative change of a cell edge up to which all reflections are in the list


@dataclass(frozen=True)
class ReflectionList:
    """Reflections in a range of 2θ, for the strongest emission line.

    Attributes:
        hkl: Miller indices, shape (n, 3). Of all equivalents, those with the fewest minus signs (101 before 011).
        two_theta: in degrees, with strain and displacement of the specimen and zero shift of the instrument.
        area: integrated intensities in an arbitrary unit.
    """

    hkl: NDArray[np.int64]
    two_theta: Array
    area: Array

    @property
    def strength(self) -> Array:
        """Square root of the areas, scaled to 1 for the strongest."""
        return np.sqrt(self.area / self.area.max(initial=1e-300))


def reflection_list(
    phase: Phase, instrument: Instrument, specimen: Specimen, start: float, stop: float, *, faintest: float = FAINT
) -> ReflectionList:
    """The reflections of a phase from `start` to `stop` in degrees.

    Args:
        phase: the phase.
        instrument: its strongest emission line, polarisation, zero shift and radius are used.
        specimen: its strain, texture and displacement are used.
        start, stop: limits of the range in degrees.
        faintest: intensity over that of the strongest reflection. Weaker reflections are left out.
    """
    (crystal,) = reflections_in_range([phase], instrument.lines, Grid(stop / 2, stop, stop / 100), margin=_MARGIN)
    wavelength = instrument.lines[0].wavelength
    found = sticks(crystal, wavelength=wavelength, polarisation=instrument.polarisation, specimen=specimen)
    shift = displacement_shift(two_theta=found.two_theta, displacement=specimen.displacement, radius=instrument.radius)
    angle = found.two_theta + shift + instrument.zero
    inside = (angle >= start) & (angle <= stop)
    seen = inside & (found.area >= faintest * found.area[inside].max(initial=0.0))
    hkl = [_fewest_minus(indices, crystal) for indices in found.hkl[seen]]
    return ReflectionList(np.array(hkl, dtype=np.int64).reshape(-1, 3), angle[seen], found.area[seen])


def _fewest_minus(indices: Array, crystal: Reflections) -> tuple[int, ...]:
    """Of all equivalents of a reflection, the one with the fewest minus signs."""
    row = int(np.flatnonzero((crystal.hkl == indices).all(axis=1))[0])
    equivalents = crystal.equivalents[crystal.first_equivalent[row] : crystal.first_equivalent[row + 1]]
    return tuple(
        max((*equivalents.tolist(), *(-equivalents).tolist()), key=lambda hkl: (sum(i >= 0 for i in hkl), hkl))
    )
