"""Structure: a crystal structure as a candidate of the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.cell import Cell
from bragglens.crystal.harmonics import MOST_TERMS
from bragglens.crystal.lattice import cell_parameters, strained_axes
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections, composition
from bragglens.crystal.scattering import dispersion
from bragglens.fit.candidate import Axis, Solid
from bragglens.fit.parameters import STRAINS
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.orientation import norms, with_harmonics
from bragglens.simulate.reflection_list import ReflectionList, reflection_list
from bragglens.simulate.render import fixed_conditions, pack_apart, render_per_gram
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

TEXTURE_AXES: tuple[Axis, ...] = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
_ELECTRON_RADIUS = 2.8179403205e-13  # cm, CODATA 2018


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

    @property
    def elements(self) -> frozenset[str]:
        """The elements of its sites."""
        return frozenset(site.element for site in self.phase.sites)

    def solid(self, wavelength: float) -> Solid:
        """X-ray density, and absorption by `linear_absorption`."""
        return Solid(self.phase.density, linear_absorption(self.phase, wavelength))

    def cell(self, strains: Array) -> Cell:
        """The cell of the strained lattice."""
        crystal = self.crystal
        strained = strained_axes(crystal.axes, crystal.strain_basis, strains[: len(crystal.strain_basis)])
        return Cell.of(self.phase, cell_parameters(strained))

    def reflections(self, instrument: Instrument, specimen: Specimen, start: float, stop: float) -> ReflectionList:
        """As `reflection_list` gives them."""
        return reflection_list(self.phase, instrument, specimen, start, stop)

    def pattern(self, instrument: Instrument, specimen: Specimen, grid: Grid) -> Array:
        """Pattern of one gram without noise, as `candidates.render_states` gives it for many at once."""
        if specimen.fine_share:
            coarse = replace(specimen, fine_share=0.0)
            both = [self.pattern(instrument, one, grid) for one in (coarse, replace(coarse, size=specimen.fine_size))]
            return np.average(both, axis=0, weights=(1 - specimen.fine_share, specimen.fine_share))
        packed = pack_apart([self.crystal], instrument.lines)
        whole = render_per_gram(*self._oriented(packed, fixed_conditions(instrument, [specimen], [0]), specimen), grid)
        if self.faulted:
            smaller = replace(specimen, size=1 / (1 / specimen.size + specimen.faults))
            blurred = fixed_conditions(instrument, [smaller], [int(packed.blurred[0])])
            whole += render_per_gram(*self._oriented(packed, blurred, smaller), grid)
        return np.asarray(whole[0], dtype=np.float64)

    def _oriented(
        self, packed: PackedPhases, conditions: Conditions, specimen: Specimen
    ) -> tuple[PackedPhases, Conditions]:
        """The same with the orientation distribution of a specimen."""
        if not specimen.harmonics:
            return packed, conditions
        coefficients = np.array(specimen.harmonics)[None]
        z = norms(self.phase, specimen.texture_axis, np.array([specimen.march]), coefficients)
        rows = np.zeros((1, 1, MOST_TERMS))
        rows[0, 0, : coefficients.shape[1]] = coefficients
        return with_harmonics(packed, (self.phase,), (0,)), conditions._replace(weight=1 / z[:, None], harmonics=rows)


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


def linear_absorption(phase: Phase, wavelength: float) -> float:
    """Photoelectric absorption coefficient in 1/cm of a solid phase: 2 r_e λ Σ f'' / V (optical theorem).

    f'' is from Cromer & Liberman (`scattering.dispersion`). Scattering, a few percent more, is left out.
    """
    content = composition(phase)
    f2 = dispersion(tuple(content), wavelength).imag
    total = float(np.dot(list(content.values()), f2))
    return 2 * _ELECTRON_RADIUS * wavelength * 1e-8 * total / (phase.volume * 1e-24)
