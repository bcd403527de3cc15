"""A built library: phases with everything that a search through thousands of them needs, read in about a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bragglens.crystal.library import Library, library_in
from bragglens.crystal.library_file import LibraryFile, read_library_file
from bragglens.errors import StructureError
from bragglens.schema import MisfitError
from bragglens.simulate.lines import Lines, lines_in


@dataclass(frozen=True)
class Built:
    """The result of `build_library` for a folder.

    Attributes:
        library: the phases, each structure once, and what was left out.
        lines: the lines of each phase, in the order of the library.
        groups: names of phases with nearly the same powder pattern, the leader of each group first.
        same: name of each duplicate, and the name of the phase that it duplicates.
        hash: `library.hash` at the time of the build.
        members: name, file, SHA-256 and origin of each structure, duplicates included.
    """

    library: Library
    lines: Lines
    groups: tuple[tuple[str, ...], ...]
    same: dict[str, str]
    hash: str
    members: tuple[dict[str, Any], ...]


def read_built(path: str | Path, *, trusted: bool = False) -> Built:
    """Read a `.library` file. `trusted` is passed to `read_library_file`.

    Raises:
        StructureError: the file is missing, foreign, damaged, or of a newer format.
    """
    content = read_library_file(Path(path), trusted=trusted)
    try:
        lines_in(content.tables, content.phases)
    except MisfitError as error:
        raise StructureError(f"{path}: its {error}: copy or build it again") from None
    return built_of(content)


def built_of(content: LibraryFile) -> Built:
    """The content of a library file without its duplicates."""
    manifest = content.manifest
    members = tuple(manifest["members"])
    return Built(
        library=library_in(content),
        lines=lines_in(content.tables, content.phases).of(content.kept),
        groups=tuple(map(tuple, manifest["groups"])),
        same={member["name"]: member["same_as"] for member in members if "same_as" in member},
        hash=manifest["hash"],
        members=members,
    )
