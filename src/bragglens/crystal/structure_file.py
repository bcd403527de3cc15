"""Structure files: recognising them, and reading every phase of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from bragglens.crystal.bgmn_str import parse_str
from bragglens.crystal.cif import cif_content, parse_structures
from bragglens.crystal.entry import storable
from bragglens.crystal.phase import Phase

SUFFIXES = (".cif", ".str")


@dataclass(frozen=True)
class Structures:
    """The content of a file.

    Attributes:
        blocks: for each phase the name of its block, '' if the file has one structure.
        phases: the phases.
        problems: one sentence for each structure of the file that cannot be read.
    """

    blocks: tuple[str, ...]
    phases: tuple[Phase, ...]
    problems: tuple[str, ...] = ()


def is_structure(path: Path) -> bool:
    """Whether a path has the extension of a structure file, in any case, and is no folder."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def read_structures(path: Path) -> Structures:
    """Every phase of a CIF, or the phase of a `.str` file of BGMN and Profex.

    Raises:
        StructureError: the file is missing, damaged, or has no physically possible structure.
    """
    return structures_in(cif_content(path), path)


def structures_in(content: bytes, path: Path) -> Structures:
    """Every phase of a file's content; `path` gives its format and begins error messages.

    Raises:
        StructureError: it is damaged, or has no physically possible structure.
    """
    text = content.decode("utf-8", errors="replace")
    if path.suffix.lower() == ".str":
        return Structures(("",), (storable(parse_str(text, path.stem, where=path), path),))
    found, problems = parse_structures(text, path.stem, where=path)
    phases = named_apart(storable(phase, path) for _, phase in found)
    return Structures(tuple(block for block, _ in found), phases, tuple(problems))


def named_apart(phases: Iterable[Phase]) -> tuple[Phase, ...]:
    """The phases, with a number appended to repeated names."""
    named: dict[str, Phase] = {}
    for phase in phases:
        numbered = (f"{phase.name}_{number}" for number in count(2))
        name = phase.name if phase.name not in named else next(one for one in numbered if one not in named)
        named[name] = replace(phase, name=name)
    return tuple(named.values())
