"""Which phases from a list of common phases a library holds.

A row of the list gives formula, space group, cell, density and the d-spacings of the three strongest lines, all
calculated from an independent structure. It counts as held if the library has a phase with the same composition,
lattice and density, and with these three among its five strongest lines of Cu Kα. Density is compared with and without
hydrogen, which many of those structures lack. A row without numbers needs the same composition and space group only.
Lines broadened by stacking faults are not used in the search, but they count here, because the structure is in the
library.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray
from structure import enantiomorphs, space_group_number

from bragglens.crystal.content import density, mass
from bragglens.crystal.lattice import lattice_spacings
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition, reflections
from bragglens.simulate.formulas import lorentz_polarisation, two_theta
from bragglens.simulate.instrument import emission
from bragglens.simulate.lines import D_MIN, Lines
from bragglens.simulate.reference import structure_factor_squared

SPACING = 0.005  # relative, of the lattice d-spacings and of the strongest lines; the requirement of the list
DENSITY = 0.02  # relative; the requirement of the list
STRONGEST = 5  # lines that must include the three of the row; the requirement of the list
APART = 0.05  # degrees in 2θ; half of the width of laboratory diffractometers (0.1°): closer lines appear as one
CONTENT = 0.05  # of the atoms, without hydrogen, that may be other elements: traces in solid solutions
_CU_KA1 = emission("CuKa1")[0].wavelength
_CELL = ("a", "b", "c", "alpha", "beta", "gamma")


@dataclass(frozen=True)
class Row:
    """A phase of the list; numbers are None where the list gives none."""

    list: str
    name: str
    formula: str
    space_group: str
    cell: tuple[float, ...] | None
    density: float | None
    strongest: tuple[float, ...]

    @cached_property
    def shares(self) -> dict[str, float]:
        """Atomic fractions without hydrogen."""
        return shares(counts(self.formula))

    @cached_property
    def group(self) -> gemmi.SpaceGroup:
        """The space group in the setting of the list."""
        if self.space_group.isdigit():
            return gemmi.find_spacegroup_by_number(int(self.space_group))
        found = gemmi.find_spacegroup_by_name(self.space_group.replace("_", ""))
        if found is None:
            raise ValueError(f"{self.name}: space group {self.space_group} is not known")
        return found

    @cached_property
    def spacings(self) -> NDArray[np.float64]:
        """The largest d-spacings of the lattice in Å."""
        assert self.cell is not None
        lattice = tuple(op.triplet() for op in self.group.operations())
        return lattice_spacings(Phase(self.name, "", "", self.cell, lattice, (), 1.0))  # type: ignore[arg-type]


def read_rows(path: Path) -> list[Row]:
    """The rows of the list."""
    with path.open(newline="") as file:
        return [_row(cells) for cells in csv.DictReader(file)]


def _row(cells: Mapping[str, str]) -> Row:
    cell = tuple(float(cells[edge]) for edge in _CELL) if cells["a"] else None
    lines = tuple(float(cells[d]) for d in ("d1", "d2", "d3") if cells[d])
    density = float(cells["density"]) if cells["density"] else None
    return Row(cells["list"], cells["name"], cells["formula"], cells["space_group"], cell, density, lines)


def counts(formula: str) -> dict[str, float]:
    """Atoms of each element of `Li1.3333Ti1.6667O4` or `Ca8 Si12 O44 (cell content)`; deuterium is hydrogen."""
    found: dict[str, float] = {}
    for element, number in re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula.partition(" (")[0]):
        element = "H" if element == "D" else element
        found[element] = found.get(element, 0.0) + float(number or 1)
    return found


def shares(content: Mapping[str, float]) -> dict[str, float]:
    """Atomic fractions without hydrogen, which many structures lack."""
    heavy = {element: number for element, number in content.items() if element != "H"} or dict(content)
    return {element: number / sum(heavy.values()) for element, number in heavy.items()}


def unlike(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The fraction of atoms that are different elements."""
    return sum(abs(one.get(e, 0.0) - other.get(e, 0.0)) for e in one.keys() | other.keys()) / 2


def strongest_lines(phase: Phase) -> NDArray[np.float64]:
    """d-spacings in Å of the strongest lines of Cu Kα1 that a diffractometer resolves, without stacking faults."""
    crystal = reflections(phase, D_MIN)
    angle = two_theta(d=crystal.d, wavelength=_CU_KA1)
    squares = structure_factor_squared(crystal, crystal.d, _CU_KA1)
    seen = crystal.multiplicity * squares * lorentz_polarisation(two_theta=angle, polarisation=1.0)
    group = np.cumsum(np.r_[0, np.diff(angle) > APART])
    total = np.bincount(group, seen)
    d = np.bincount(group, seen * crystal.d) / np.maximum(total, 1e-300)
    return d[np.argsort(-total, kind="stable")[:STRONGEST]]


class Coverage:
    """A library prepared for comparison with rows."""

    def __init__(self, library: Library, lines: Lines) -> None:
        self.phases = library.phases
        angle, intensity = lines.intensity(_CU_KA1)
        order = np.argsort(-np.where(np.isfinite(angle), intensity, 0.0), axis=1, kind="stable")[:, :STRONGEST]
        self.strongest = np.take_along_axis(lines.d, order, axis=1)
        self.elements = [frozenset(site.element for site in phase.sites) for phase in self.phases]
        self.shares: dict[int, dict[str, float]] = {}
        self.spacings: dict[int, NDArray[np.float64]] = {}
        self.numbers: dict[int, int] = {}

    def holding(self, row: Row) -> tuple[list[str], str]:
        """Names of the phases that match a row, and what is missing if there is none."""
        same = self._of_composition(row)
        if not same:
            return [], "no phase of this composition"
        if row.cell is None:
            found = [i for i in same if self._number(i) in enantiomorphs(row.group.number)]
            return self._names(found), "" if found else f"no phase of space group {row.group.number}"
        near = [i for i in same if self._away(i, row) <= SPACING]
        if not near:
            best = min(same, key=lambda i: self._away(i, row))
            return [], f"cell: that of {self.phases[best].name} differs by {100 * self._away(best, row):.1f}%"
        assert row.density is not None
        dense = [i for i in near if any(abs(one / row.density - 1) <= DENSITY for one in self._densities(i))]
        if not dense:
            densities = ", ".join(f"{self.phases[i].name} has {self.phases[i].density:.3f}" for i in near)
            return [], f"density: {row.density} is stated, {densities} g/cm³"
        found = [i for i in dense if self._has_strongest(i, row)]
        return self._names(found), "" if found else f"strongest lines differ: {', '.join(self._names(dense))}"

    def _of_composition(self, row: Row) -> list[int]:
        """The phases with the composition of a row."""
        main = {element for element, share in row.shares.items() if share > CONTENT}
        near = [place for place, elements in enumerate(self.elements) if main <= elements]
        return [place for place in near if unlike(row.shares, self._shares(place)) <= CONTENT]

    def _shares(self, place: int) -> dict[str, float]:
        if place not in self.shares:
            self.shares[place] = shares(composition(self.phases[place]))
        return self.shares[place]

    def _names(self, found: Iterable[int]) -> list[str]:
        return [self.phases[i].name for i in found]

    def _away(self, place: int, row: Row) -> float:
        if place not in self.spacings:
            self.spacings[place] = lattice_spacings(self.phases[place])
        return float(np.abs(self.spacings[place] / row.spacings - 1).max())

    def _densities(self, place: int) -> tuple[float, float]:
        """Density with and without hydrogen, which many structures of the list lack."""
        phase = self.phases[place]
        content = composition(phase)
        heavy = mass({element: number for element, number in content.items() if element != "H"})
        return phase.density, density(heavy, phase.volume)

    def _has_strongest(self, place: int, row: Row) -> bool:
        return _among(row.strongest, self.strongest[place]) or _among(
            row.strongest, strongest_lines(self.phases[place])
        )

    def _number(self, place: int) -> int:
        if place not in self.numbers:
            self.numbers[place] = space_group_number(self.phases[place])
        return self.numbers[place]


def _among(wanted: Iterable[float], spacings: NDArray[np.floating]) -> bool:
    return all((np.abs(spacings / d - 1) <= SPACING).any() for d in wanted)
