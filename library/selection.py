"""Selection: each phase once from the records of several sources, the better source first."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

import numpy as np
from amcsd import SOURCE as AMCSD
from listed import shares, unlike
from numpy.typing import NDArray
from record import Gathered, Record
from structure import enantiomorphs, space_group_number
from typed import SOURCE as TYPED

from bragglens.crystal.lattice import lattice_spacings, orthogonalization
from bragglens.crystal.library_file import read_library_file
from bragglens.crystal.minerals import MODERN
from bragglens.crystal.phase import Phase
from bragglens.crystal.provenance import file_name
from bragglens.crystal.reflections import composition
from bragglens.crystal.symbol import plain_symbol
from bragglens.simulate.build import build_library
from bragglens.simulate.duplicates import SAME, SAME_CONTENT, SAME_SPACING, signatures
from bragglens.simulate.lines import Lines, lines_in

SPACING = 0.01  # relative; cells of one phase in papers of different years differ by about 0.005
CONTENT = 0.02  # atomic fraction, without hydrogen
OLD_SPACING = 0.025  # the same for papers before MODERN, whose cells are imprecise or in kX units
RENAMED = 0.01  # the same, for one mineral with two names: Apatite-(CaF) and Fluorapatite
LIKE = 0.9  # similarity of the patterns of one structure in two papers


@dataclass(frozen=True)
class Chosen:
    """A phase that the library keeps.

    Attributes:
        phase: with its name in the library.
        record: the record that it is from.
        row: its row in the tables of lines.
        papers: of all records of this phase.
    """

    phase: Phase
    record: Record
    row: int
    papers: frozenset[str]


def read(gathered: Gathered, library: Path) -> tuple[list[tuple[Record, Phase]], Lines]:
    """Phases and lines of all records that can be read; the file at `library` caches them."""
    with tempfile.TemporaryDirectory() as folder:
        for number, record in enumerate(gathered.records):
            (Path(folder) / f"{number:05d}.cif").write_text(record.cif)
        build_library(folder, library)
    content = read_library_file(library)
    for problem in content.manifest["problems"]:
        file, _, reason = problem.partition(".cif: ")
        record = gathered.records[int(file)]
        gathered.leave_out(record.name, record.source, reason)
    rows = [(gathered.records[int(phase.name)], phase) for phase in content.phases]
    return rows, lines_in(content.tables, content.phases)


def select(rows: Sequence[tuple[Record, Phase]], lines: Lines, gathered: Gathered) -> list[Chosen]:
    """Each phase once, from the first of its records; papers of the other records are counted for it.

    If a source describes one structure in two space groups, the description with more symmetry is kept, with the
    mineral name of either one. The other is in a subgroup without using its additional freedom. A record with another
    name is listed among those left out.
    """
    rows = list(rows)
    kept: dict[frozenset[str], list[tuple[int, _Mark]]] = {}
    papers: dict[int, frozenset[str]] = {}
    patterns = signatures(lines)
    order = sorted(range(len(rows)), key=lambda row: (rows[row][0].source_order, _precedence(rows[row][0]), row))
    for row in order:
        record, phase = rows[row]
        mark = _Mark(record, phase, shares(composition(phase)), lattice_spacings(phase), patterns[row])
        near = kept.setdefault(frozenset(mark.content), [])
        place = next((place for place, (_, there) in enumerate(near) if mark.same(there) or mark.renamed(there)), None)
        if place is None:
            near.append((row, mark))
            papers[row] = record.papers
            continue
        first, there = near[place]
        if mark.of_more_symmetry(there):
            near[place] = row, mark.by_the_mineral_of(there)
            rows[row] = near[place][1].record, phase
            papers[row] = papers.pop(first)
            first = row
        papers[first] |= record.papers
        kept_name = rows[first][0].name
        if record.mineral and _first_word(record.name) != _first_word(kept_name):
            gathered.leave_out(record.name, record.source, f"is {kept_name} by another name")
    taken: set[str] = set()
    return [Chosen(_named(*rows[row], taken), rows[row][0], row, papers[row]) for row in order if row in papers]


def _precedence(record: Record) -> tuple[bool, int, int, str]:
    """Order: minerals before compounds, names with more papers first, shorter names first."""
    return not record.mineral, -len(record.papers), len(record.name), record.name


@dataclass(frozen=True)
class _Mark:
    record: Record
    phase: Phase
    content: Mapping[str, float]
    spacings: NDArray[np.float64]
    pattern: NDArray[np.float32]

    @property
    def apart(self) -> float:
        """Largest difference of its lattice from that of a better record of the same phase."""
        year = re.search(r"\((\d{4})\)", self.record.reference)
        return OLD_SPACING if year and int(year[1]) < MODERN else SPACING

    def same(self, other: _Mark) -> bool:
        """Whether two records are of one phase: one structure, or the same space group and nearly the same lattice."""
        if self._twice(other):
            return True
        away = float(np.abs(self.spacings / other.spacings - 1).max())
        foreign = unlike(self.content, other.content)
        if away > self.apart or foreign > CONTENT or not self._by_other_means(other):
            return False
        return space_group_number(self.phase) in enantiomorphs(space_group_number(other.phase))

    def renamed(self, other: _Mark) -> bool:
        """Whether one structure has two names in one source without a different composition or symmetry."""
        away = float(np.abs(self.spacings / other.spacings - 1).max())
        if away > self.apart or unlike(self.content, other.content) > RENAMED:
            return False
        if self.record.source == other.record.source == TYPED or float(self.pattern @ other.pattern) < LIKE:
            return False
        return space_group_number(self.phase) in enantiomorphs(space_group_number(other.phase))

    def of_more_symmetry(self, other: _Mark) -> bool:
        """Whether this describes the same structure as another record of its source with more operations per volume."""
        if self.record.source != other.record.source or not self._twice(other):
            return False
        return self._operations > 1.5 * other._operations  # a supergroup has twice as many or more

    def by_the_mineral_of(self, other: _Mark) -> _Mark:
        """With the mineral name of the other record, without its space group."""
        if not other.record.mineral:
            return self
        name = other.record.name.removesuffix(f"_{plain_symbol(other.phase)}")
        return replace(self, record=replace(self.record, name=name, mineral=True))

    @property
    def _operations(self) -> float:
        """Operations of the space group per cubic ångström, which do not depend on the choice of the cell."""
        return len(self.phase.operations) / abs(float(np.linalg.det(orthogonalization(self.phase))))

    def _twice(self, other: _Mark) -> bool:
        """Whether two records are one structure: the same lattice, atoms and pattern."""
        away = float(np.abs(self.spacings / other.spacings - 1).max())
        likeness = float(self.pattern @ other.pattern)
        return away <= SAME_SPACING and unlike(self.content, other.content) <= SAME_CONTENT and likeness > SAME

    def _by_other_means(self, other: _Mark) -> bool:
        """Whether no source has distinguished the two yet:

        AMCSD and the table are selections, and minerals have names.
        """
        one, two = self.record, other.record
        if one.source == two.source and (one.source == TYPED or (one.source == AMCSD and one.mineral == two.mineral)):
            return False
        return not (one.mineral and two.mineral) or _first_word(one.name) == _first_word(two.name)


def _first_word(name: str) -> str:
    return re.split(r"[_-]", name.casefold())[0]


def _named(record: Record, phase: Phase, taken: set[str]) -> Phase:
    """The phase with the name of its record; if that is taken, with its space group and a number."""
    group = file_name(f"{record.name}_{plain_symbol(phase)}")
    names = chain((record.name, group), (f"{group}_{number}" for number in count(2)))
    free = next(name for name in names if name.casefold() not in taken)
    taken.add(free.casefold())
    return replace(phase, name=free)
