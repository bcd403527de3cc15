"""Catalogue: a library with precomputed data for searches, used for scan after scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library, read_library
from bragglens.crystal.library_file import SUFFIX
from bragglens.crystal.minerals import SAME_LATTICE
from bragglens.crystal.phase import Phase
from bragglens.fit.candidate import Candidate
from bragglens.match.reference_lines import ReferenceLines, reference_lines
from bragglens.simulate.built import read_built
from bragglens.simulate.duplicates import Mark, mark_of, same_compound, signatures
from bragglens.simulate.lines import Lines, lines_of_phases, stack


@dataclass(frozen=True)
class Catalogue:
    """A library and the lines of its phases.

    Attributes:
        library: the phases.
        lines: the lines of each phase, in the order of the library.
        others: candidates without a crystal structure, which the fit tests beside the phases.
    """

    library: Library
    lines: Lines
    others: tuple[Candidate, ...] = ()

    def __len__(self) -> int:
        return len(self.library)

    def of(self, rows: Sequence[int] | NDArray[np.integer]) -> Catalogue:
        """Some of the phases, in this order, with all candidates without a crystal structure."""
        phases = tuple(self.library.phases[row] for row in rows)
        return Catalogue(Library(phases), self.lines.of(rows), self.others)

    @cached_property
    def reference_lines(self) -> ReferenceLines:
        """The lines on the matcher's axis."""
        return reference_lines(self.lines)

    @cached_property
    def signatures(self) -> NDArray[np.float32]:
        """Patterns for comparison, (phases, points). The scalar product of two rows is the similarity of two phases."""
        return signatures(self.lines)


@lru_cache(maxsize=4)
def catalogue(library: Library) -> Catalogue:
    """The catalogue of a library. The first call takes some 10 ms a phase."""
    return Catalogue(library, lines_of_phases(library))


def joined(own: Catalogue, other: Catalogue) -> Catalogue:
    """The phases of both, without those of `other` whose compound `own` has on nearly the same lattice."""
    marks: dict[frozenset[str], list[Mark]] = {}
    for phase in own.library:
        marks.setdefault(_elements(phase), []).append(mark_of(phase))

    def is_new(phase: Phase) -> bool:
        near = marks.get(_elements(phase), [])
        return not (near and any(same_compound(mark_of(phase), one, spacing_by=SAME_LATTICE) for one in near))

    rows = [row for row, phase in enumerate(other.library) if is_new(phase)]
    added = [other.library.phases[row] for row in rows]
    taken = set(own.library.names)
    renamed = [replace(phase, name=f"{phase.name} (2)") if phase.name in taken else phase for phase in added]
    library = Library((*own.library, *renamed), (*own.library.problems, *other.library.problems))
    return Catalogue(library, stack([own.lines, other.lines.of(rows)]), (*own.others, *other.others))


def _elements(phase: Phase) -> frozenset[str]:
    return frozenset(site.element for site in phase.sites) - {"H"}


def read_catalogue(source: str | Path) -> Catalogue:
    """The catalogue of a `.library` file, which includes the lines, or of a folder of CIFs.

    Raises:
        StructureError: as `read_library` does.
    """
    source = Path(source)
    if source.suffix == SUFFIX and not source.is_dir():
        built = read_built(source)
        return Catalogue(built.library, built.lines)
    return catalogue(read_library(source))
