"""Candidate: what may be in a specimen and can be fitted to a scan."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.cell import Cell
from bragglens.crystal.phase import Phase
from bragglens.fit.parameters import STRAINS
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.reflection_list import ReflectionList
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]
Axis = tuple[int, int, int]


class Solid(NamedTuple):
    """What the correction of microabsorption needs of a solid.

    Attributes:
        density: in g/cm³.
        absorption: linear absorption coefficient in 1/cm.
    """

    density: float
    absorption: float


class Candidate(Protocol):
    """Gives a pattern for a state of instrument and specimen.

    A new kind of candidate is a new class with this interface. It is hashable. One without a crystal structure takes
    from `WithoutStructure` what it does not know.
    """

    @property
    def name(self) -> str:
        """Name of the phase; no other candidate has it."""

    @property
    def refined(self) -> tuple[str, ...]:
        """Names of its own parameters, of `parameters.OWN`, that a fit may change.

        Texture follows from `texture_axes`.
        """

    @property
    def texture_axes(self) -> tuple[Axis, ...]:
        """Plane normals about which it may have preferred orientation; empty where it has no texture."""

    @property
    def strain_basis(self) -> Array:
        """Strains that its lattice may have, (m, 3, 3); empty where it has no cell to refine."""

    @property
    def in_grams(self) -> bool:
        """Whether its scale means grams, so that weight fractions can be calculated."""

    @property
    def phase(self) -> Phase | None:
        """Its crystal structure; None where it has none."""

    @property
    def elements(self) -> frozenset[str]:
        """Symbols of the elements that it contains; empty where they are not known."""

    def solid(self, wavelength: float) -> Solid | None:
        """Density, and absorption at a wavelength in Å. None where they are not known: nothing is then corrected."""

    def cell(self, strains: Array) -> Cell | None:
        """The cell strained by the coefficients of `strain_basis`, which may be followed by zeros; None without one."""

    def reflections(self, instrument: Instrument, specimen: Specimen, start: float, stop: float) -> ReflectionList:
        """Its visible reflections from `start` to `stop` in degrees; an empty list where it has none."""

    def pattern(self, instrument: Instrument, specimen: Specimen, grid: Grid) -> Array:
        """Pattern of one unit of it without noise, (points,)."""


class WithoutStructure:
    """What a candidate without a crystal structure answers, unless it knows more."""

    texture_axes: tuple[Axis, ...] = ()
    in_grams: bool = False
    phase: Phase | None = None
    elements: frozenset[str] = frozenset()

    @property
    def strain_basis(self) -> Array:
        """None: there is no cell to refine."""
        return np.empty((0, 3, 3))

    def solid(self, wavelength: float) -> Solid | None:
        """None: neither density nor composition is known."""
        return None

    def cell(self, strains: Array) -> Cell | None:
        """None: there is no cell."""
        return None

    def reflections(self, instrument: Instrument, specimen: Specimen, start: float, stop: float) -> ReflectionList:
        """An empty list."""
        return ReflectionList(np.empty((0, 3), dtype=np.int64), np.empty(0), np.empty(0))


def swelling(strain_basis: Array) -> Array:
    """Coefficients of the strain that expands a lattice by 1 in all directions, (6,)."""
    out = np.zeros(len(STRAINS))
    if count := len(strain_basis):
        out[:count] = np.linalg.lstsq(strain_basis.reshape(count, 9).T, np.eye(3).ravel(), rcond=None)[0]
    return out
