"""The built-in library: the phases with which a scan is compared if no other library is given.

`library/build.py` of the repository makes its file from installable packages and a table of published structures. For
each phase the manifest of the file holds source, reference, number, scopes, number of papers and doubts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import as_file, files
from types import MappingProxyType
from typing import Any

from bragglens.errors import StructureError
from bragglens.match.catalogue import Catalogue
from bragglens.simulate.built import Built, read_built

SCOPES: tuple[str, ...] = ("minerals", "inorganic", "metals", "cement", "battery", "pharma", "all")
"""Parts of the library. Internal standards, sample holders and substrates are in each of them."""


@dataclass(frozen=True)
class BuiltinEntry:
    """Origin of a phase of the built-in library, and how common it is.

    Attributes:
        name: name of the phase.
        formula: as stated by the source, or as its sites give it.
        space_group: Hermann-Mauguin symbol.
        source: AMCSD, AFLOW, Avogadro, or typed.
        reference: the paper.
        number: its number in the source, '' for typed phases.
        scopes: the members of `SCOPES` that hold the phase, `all` among them.
        papers: number of structures of this phase in the sources, each from a different paper.
        listed: the lists of common phases that name it, `common`, `laboratory`, or both.
        doubts: what is uncertain about the structure, '' if nothing is known.
    """

    name: str
    formula: str
    space_group: str
    source: str
    reference: str
    number: str
    scopes: tuple[str, ...]
    papers: int
    listed: tuple[str, ...] = ()
    doubts: str = ""


def builtin(scopes: Sequence[str] = ("all",)) -> Catalogue:
    """The phases of the built-in library in one or more scopes, with their lines.

    Raises:
        StructureError: a scope is not in `SCOPES`, or none is given.
    """
    wanted = frozenset([scopes] if isinstance(scopes, str) else scopes)
    unknown = sorted(wanted - set(SCOPES))
    if unknown or not wanted:
        what = f"'{unknown[0]}' is not part of the built-in library" if unknown else "no part of the library is given"
        raise StructureError(f"{what}: give one or several of {', '.join(SCOPES)}")
    return _chosen(frozenset({"all"}) if "all" in wanted else wanted)


def entries() -> Mapping[str, BuiltinEntry]:
    """Entry of each phase of the built-in library by name: source, reference, scopes, how common it is, doubts."""
    return _entries()


@lru_cache(maxsize=len(SCOPES))
def _chosen(scopes: frozenset[str]) -> Catalogue:
    built, held = _read(), _entries()
    rows = [row for row, phase in enumerate(built.library) if scopes & set(held[phase.name].scopes)]
    return Catalogue(built.library, built.lines).of(rows)


@lru_cache(maxsize=1)
def _entries() -> Mapping[str, BuiltinEntry]:
    built = _read()
    members = {member["name"]: member for member in built.members if member["name"] not in built.same}
    return MappingProxyType({phase.name: _entry(members[phase.name]) for phase in built.library})


def _entry(member: dict[str, Any]) -> BuiltinEntry:
    origin: dict[str, str] = member["origin"]
    return BuiltinEntry(
        name=member["name"],
        formula=origin["formula"],
        space_group=origin["space_group"],
        source=origin["source"],
        reference=origin.get("reference", ""),
        number=origin.get("id", ""),
        scopes=tuple(origin["scopes"].split()),
        papers=int(origin["papers"]),
        listed=tuple(origin.get("listed", "").split()),
        doubts=origin.get("doubts", ""),
    )


@lru_cache(maxsize=1)
def _read() -> Built:
    data = files("bragglens") / "data"
    with as_file(data / "builtin.library") as path:
        written = (data / "builtin.sha256").read_text().strip()
        return read_built(path, trusted=sha256(path.read_bytes()).hexdigest() == written)
