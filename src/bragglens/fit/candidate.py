"""Candidate: what may be in a specimen and can be fitted to a scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.lattice import cell_parameters, strained_axes
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections
from bragglens.fit.parameters import STRAINS
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.render import fixed_conditions, pack_apart, render_per_gram
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]
Axis = tuple[int, int, int]

TEXTURE_AXES: tuple[Axis, ...] = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))


class Candidate(Protocol):
    """Gives a pattern for a state of instrument and specimen.

    A new kind of candidate is a new class with this interface.
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

    def pattern(self, instrument: Instrument, specimen: Specimen, grid: Grid) -> Array:
        """Pattern of one unit of it without noise, (points,)."""


@dataclass(frozen=True)
class Structure:
    """A crystal structure.

    Attributes:
        crystal: its reflections.
        faulted: whether stacking faults broaden some of them (`crystal.faults`).
    """

    crystal: Reflections
    faulted: bool

    @property
    def phase(self) -> Phase:
        """The phase, with its sites."""
        return self.crystal.phase

    @property
    def name(self) -> str:
        """Its name in the library."""
        return self.crystal.phase.name

    @property
    def refined(self) -> tuple[str, ...]:
        """Size, microstrain, displacement parameter, faults if they broaden lines, strains of its lattice."""
        faults = ("faults",) if self.faulted else ()
        return "log_size", "log_microstrain", "extra_b", *faults, *STRAINS[: len(self.strain_basis)]

    @property
    def texture_axes(self) -> tuple[Axis, ...]:
        """The axes of TEXTURE_AXES that its symmetry does not make equivalent."""
        return texture_axes(self.crystal.phase.operations)

    @property
    def strain_basis(self) -> Array:
        """Strains that keep its crystal system."""
        return self.crystal.strain_basis

    @property
    def in_grams(self) -> bool:
        """True: a structure has a cell mass and a volume."""
        return True

    def pattern(self, instrument: Instrument, specimen: Specimen, grid: Grid) -> Array:
        """Pattern of one gram without noise, as `candidates.render_states` gives it for many at once."""
        packed = pack_apart([self.crystal], instrument.lines)
        whole = render_per_gram(packed, fixed_conditions(instrument, [specimen], [0]), grid)
        if self.faulted:
            smaller = replace(specimen, size=1 / (1 / specimen.size + specimen.faults))
            whole += render_per_gram(packed, fixed_conditions(instrument, [smaller], [int(packed.blurred[0])]), grid)
        return np.asarray(whole[0], dtype=np.float64)

    def cell(self, strains: Array) -> Array:
        """a, b, c in Å and α, β, γ in degrees of the strained lattice, (6,)."""
        crystal = self.crystal
        strained = strained_axes(crystal.axes, crystal.strain_basis, strains[: len(crystal.strain_basis)])
        return np.asarray(cell_parameters(strained))


@lru_cache(maxsize=1024)
def texture_axes(operations: tuple[str, ...]) -> tuple[Axis, ...]:
    """The axes of TEXTURE_AXES, plane normals as hkl, that are not equivalent by the symmetry of a phase."""
    rotations = [np.array(gemmi.Op(xyz).rot) // gemmi.Op.DEN for xyz in operations]
    taken: set[tuple[int, ...]] = set()
    distinct = []
    for axis in TEXTURE_AXES:
        if axis not in taken:
            distinct.append(axis)
            turned = [np.array(axis) @ rotation for rotation in rotations]
            taken |= {tuple(int(h) for h in sign * one) for one in turned for sign in (1, -1)}
    return tuple(distinct)


def swelling(strain_basis: Array) -> Array:
    """Coefficients of the strain that expands a lattice by 1 in all directions, (6,)."""
    out = np.zeros(len(STRAINS))
    if count := len(strain_basis):
        out[:count] = np.linalg.lstsq(strain_basis.reshape(count, 9).T, np.eye(3).ravel(), rcond=None)[0]
    return out
