"""Known compounds: structure types, lattices and frequency of all phases of the built-in library, in a small table.

A library of a few phases says nothing of the compounds that it lacks. This table does: how many compounds of the same
structure type have nearly the same lattice, and how often a phase is met. `library/compounds.py` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.essential import essential_elements
from bragglens.crystal.lattice import lattice_spacings
from bragglens.crystal.phase import Phase
from bragglens.crystal.structure_type import structure_type

SPACINGS = 10  # the largest of the lattice: enough to determine six lengths and angles
# Relative, a judgement: the same elements in the same type on lattices this near are one compound or its solutions.
_SAME = 0.015


@dataclass(frozen=True)
class Compounds:
    """The known compounds.

    Attributes:
        names: of the phases.
        types: their structure types (`structure_type`).
        elements: their essential elements.
        spacings: logarithms of the largest d-spacings of the lattice in Å, (phases, SPACINGS).
        papers: number of papers with a structure of the phase, (phases,).
        listed: whether a list of common or laboratory phases names it, (phases,).
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    elements: tuple[frozenset[str], ...]
    spacings: NDArray[np.float64]
    papers: NDArray[np.float64]
    listed: NDArray[np.bool_]

    def without(self, names: Set[str]) -> Compounds:
        """The same as if some phases were not known."""
        kept = np.array([name not in names for name in self.names])
        return Compounds(
            tuple(name for name, stays in zip(self.names, kept, strict=True) if stays),
            tuple(one for one, stays in zip(self.types, kept, strict=True) if stays),
            tuple(one for one, stays in zip(self.elements, kept, strict=True) if stays),
            self.spacings[kept],
            self.papers[kept],
            self.listed[kept],
        )

    def entry(self, phase: Phase) -> int | None:
        """Row of a phase: the nearest compound of its type and elements; None if it is not known."""
        rows = self._of_type(phase)
        own = essential_elements(phase)
        same = [row for row in rows if self.elements[row] == own]
        if not same:
            return None
        away = np.abs(self.spacings[same] - log_spacings(phase)).max(axis=1)
        nearest = int(np.argmin(away))
        return int(same[nearest]) if away[nearest] < _SAME else None

    def neighbours(
        self, phase: Phase, fitted: Phase, allowed: Callable[[Set[str]], bool] = lambda _: True
    ) -> tuple[NDArray[np.float64], list[int]]:
        """Other compounds of a phase's structure type, and how far their lattices are from the fitted one.

        Args:
            phase: as in the library.
            fitted: the same with its fitted cell.
            allowed: whether a compound of these elements is possible.

        Returns:
            The largest relative difference of a spacing for each compound of other elements, (n,), and its row.
        """
        own = essential_elements(phase)
        rows = [i for i in self._of_type(phase) if self.elements[i] != own and allowed(self.elements[i])]
        return np.abs(self.spacings[rows] - log_spacings(fitted)).max(axis=1, initial=0.0), rows

    @cached_property
    def _by_type(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for row, one in enumerate(self.types):
            rows.setdefault(one, []).append(row)
        return rows

    def _of_type(self, phase: Phase) -> list[int]:
        return self._by_type.get(structure_type(phase), [])


def distance(phase: Phase, fitted: Phase) -> float:
    """The largest relative difference of a spacing between the lattice of a phase and its fitted one."""
    return float(np.abs(log_spacings(phase) - log_spacings(fitted)).max())


def log_spacings(phase: Phase) -> NDArray[np.float64]:
    """Logarithms of the largest spacings of a lattice in Å, (SPACINGS,)."""
    return np.log(lattice_spacings(phase, count=SPACINGS))


@cache
def compounds() -> Compounds:
    """The table that comes with the package."""
    with (files("bragglens") / "data" / "compounds.npz").open("rb") as file, np.load(file) as table:
        return Compounds(
            tuple(table["names"].tolist()),
            tuple(table["types"].tolist()),
            tuple(frozenset(one.split()) for one in table["elements"].tolist()),
            table["spacings"].astype(np.float64),
            table["papers"].astype(np.float64),
            table["listed"],
        )


def table_of(phases: Sequence[Phase], papers: Sequence[int], listed: Sequence[bool]) -> dict[str, NDArray[np.generic]]:
    """The arrays of the table for the phases of the built-in library."""
    return {
        "names": np.array([phase.name for phase in phases]),
        "types": np.array([structure_type(phase) for phase in phases]),
        "elements": np.array([" ".join(sorted(essential_elements(phase))) for phase in phases]),
        "spacings": np.array([log_spacings(phase) for phase in phases], dtype=np.float32),
        "papers": np.array(papers, dtype=np.int16),
        "listed": np.array(listed, dtype=bool),
    }
