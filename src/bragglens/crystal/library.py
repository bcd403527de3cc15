"""Library: the ordered set of phases that a model can name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from bragglens.crystal.entry import hash_of, phase_from, plain
from bragglens.crystal.library_file import SUFFIX, LibraryFile, read_library_file
from bragglens.crystal.phase import Phase
from bragglens.crystal.structure_file import SUFFIXES, is_structure, named_apart, read_structures
from bragglens.errors import StructureError


@dataclass(frozen=True)
class Library:
    """Phases in the order of their names, which is the order of the classes.

    Attributes:
        phases: the phases.
        problems: one sentence for each file that could not be read.
    """

    phases: tuple[Phase, ...]
    problems: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Library({len(self)} phases: {', '.join(self.names[:5])}{', ...' if len(self) > 5 else ''})"

    def __getitem__(self, name: str) -> Phase:
        """The phase with this name.

        Raises:
            StructureError: there is none.
        """
        if name in self._by_name:
            return self._by_name[name]
        raise StructureError(
            f"the library has no phase '{name}': ask for one of its {len(self)}, such as {', '.join(self.near(name))}"
        )

    def spelled(self, name: str) -> str | None:
        """The name of a phase in the library's spelling, for a name in any case; None if it is not in the library."""
        same = [name] if name in self._by_name else [own for own in self.names if own.casefold() == name.casefold()]
        return same[0] if same else None

    def near(self, name: str) -> list[str]:
        """Three names of phases with similar spelling, in any case."""
        cases = {own.casefold(): own for own in reversed(self.names)}
        close = get_close_matches(str(name).casefold(), cases, n=3, cutoff=0.5)
        return [cases[one] for one in close] or list(self.names[:3])

    def __contains__(self, phase: object) -> bool:
        """Whether a phase, or one of this name, is in the library."""
        return phase in self._by_name if isinstance(phase, str) else phase in self.phases

    @cached_property
    def _by_name(self) -> dict[str, Phase]:
        return {phase.name: phase for phase in self.phases}

    def __len__(self) -> int:
        return len(self.phases)

    def __iter__(self) -> Iterator[Phase]:
        return iter(self.phases)

    @property
    def names(self) -> tuple[str, ...]:
        """The phases' names."""
        return tuple(phase.name for phase in self.phases)

    @property
    def hash(self) -> str:
        """SHA-256 of the crystallographic content, without paths and notes."""
        return hash_of(map(plain, self.phases))

    def to_list(self) -> list[dict[str, Any]]:
        """The phases as plain dictionaries, for JSON."""
        return [plain(phase) for phase in self.phases]

    @classmethod
    def from_list(cls, entries: list[dict[str, Any]]) -> Library:
        """The library from the output of `to_list`.

        Raises:
            MisfitError: a field of an entry is missing, unknown, or not possible.
        """
        return cls(tuple(phase_from(entry, f"phases[{place}]") for place, entry in enumerate(entries)))


def read_library(source: str | Path) -> Library:
    """Read a folder of CIFs and `.str` files, one such file, or a `.library` file built from them.

    Every structure of a CIF becomes a phase. Unreadable ones are listed in `problems`; the others are read.

    Raises:
        StructureError: the folder or file is missing, or has no readable structure; or a `.library` file is from
            another program, damaged or of a newer format.
    """
    folder = Path(source)
    if folder.suffix == SUFFIX and not folder.is_dir():
        return library_in(read_library_file(folder))
    if is_structure(folder):
        held = read_structures(folder)
        return Library(tuple(sorted(held.phases, key=lambda phase: phase.name)), held.problems)
    if not folder.is_dir():
        raise StructureError(
            f"{folder}: is not a folder: give the folder with the CIFs of your phases, or a {SUFFIX} file"
        )
    files = sorted(file for file in folder.iterdir() if is_structure(file))
    if not files:
        raise StructureError(f"{folder}: holds no {' or '.join(SUFFIXES)} file: put one for each phase there")
    phases: list[Phase] = []
    problems: list[str] = []
    for file in files:
        try:
            held = read_structures(file)
        except StructureError as error:
            problems.append(str(error))
            continue
        phases += held.phases
        problems += held.problems
    if not phases:
        raise StructureError(f"{folder}: none of its {len(files)} structures can be read; the first: {problems[0]}")
    return Library(tuple(sorted(named_apart(phases), key=lambda phase: phase.name)), tuple(problems))


def library_in(content: LibraryFile) -> Library:
    """The phases of a library file, without duplicates."""
    return Library(tuple(content.phases[i] for i in content.kept), tuple(content.manifest["problems"]))
