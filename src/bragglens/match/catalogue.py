"""Catalogue: a library with what a search through it needs, ready for scan after scan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from bragglens.crystal.library import Library, read_library
from bragglens.crystal.library_file import SUFFIX
from bragglens.match.sought import Sought, sought
from bragglens.simulate.built import read_built
from bragglens.simulate.lines import Lines, lines_of_phases


@dataclass(frozen=True)
class Catalogue:
    """A library and the lines of its phases.

    Attributes:
        library: the phases.
        lines: of each phase, in the library's order.
    """

    library: Library
    lines: Lines

    def __len__(self) -> int:
        return len(self.library)

    @cached_property
    def sought(self) -> Sought:
        """The lines on the matcher's axis."""
        return sought(self.lines)


@lru_cache(maxsize=4)
def catalogue(library: Library) -> Catalogue:
    """The catalogue of a library: some 10 ms a phase, the first time."""
    return Catalogue(library, lines_of_phases(library))


def read_catalogue(source: str | Path) -> Catalogue:
    """The catalogue of a `.library` file, whose lines are ready, or of a folder of CIFs.

    Raises:
        StructureError: as `read_library` does.
    """
    source = Path(source)
    if source.suffix == SUFFIX and not source.is_dir():
        built = read_built(source)
        return Catalogue(built.library, built.lines)
    return catalogue(read_library(source))
