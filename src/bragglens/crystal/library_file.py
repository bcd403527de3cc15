"""A library in one file: its phases, tables computed from them, and the origin of each phase.

A `.library` file is a zip archive: `manifest.json` (format number, version of bragglens, hash, of each phase its file,
that file's SHA-256, block and origin, problems, look-alikes), `phases.json`, and one `.npy` for each table of numbers.
The same content gives the same bytes. Nothing in it is ever executed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.collector import resting
from bragglens.crystal.entry import LONGEST_NAME, OPERATIONS, SITE, phase_from
from bragglens.crystal.phase import Phase, Site
from bragglens.errors import StructureError
from bragglens.files import check_format, whole_file
from bragglens.packed import Packed, unpacked
from bragglens.schema import Check, MisfitError, anything, fit, listing, one_of, record, row, table, text, whole

SUFFIX = ".library"
FORMAT = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, since a zip must state a time
_ROW = [field.name for field in fields(Phase) if field.name != "name"]
_GROUP = _ROW.index("operations")
_NAME = text(least=1, longest=LONGEST_NAME)
_MANIFEST = record(
    {
        "format": whole(FORMAT, FORMAT),
        "bragglens": text(least=1),
        "hash": text(least=64, longest=64),
        "problems": listing(text()),
        "groups": listing(listing(_NAME, least=1)),
        "members": listing(
            record(
                {
                    "name": _NAME,
                    "file": text(),
                    "sha256": text(),
                    "block": text(),
                    "origin": table(text()),
                    "same_as": _NAME,
                },
                optional=("file", "block", "origin", "same_as"),
            ),
            least=1,
        ),
    }
)
_SITES = listing(row(*[anything] * len(SITE)))
_CELLS: dict[str, Check] = dict.fromkeys(_ROW, anything) | {"sites": _SITES}
_PHASES = record({"operations": listing(OPERATIONS), "phases": listing(row(*_CELLS.values()))})


@dataclass(frozen=True)
class LibraryFile:
    """The content of a library file.

    Attributes:
        manifest: everything except phases and tables. `members` lists name, file and sha256 of each phase in their
            order, with `block` if the file has several, and `same_as`, a name, for duplicates; `problems` lists what
            was left out.
        phases: of each member, by the name it was given.
        tables: arrays by name, a row for each member.
    """

    manifest: dict[str, Any]
    phases: tuple[Phase, ...]
    tables: dict[str, NDArray[Any]]

    @property
    def kept(self) -> list[int]:
        """Indices of the members that are not duplicates."""
        return [place for place, member in enumerate(self.manifest["members"]) if "same_as" not in member]


def made_by() -> dict[str, Any]:
    """Format and version of bragglens; a file with other ones would be built differently today."""
    return {"format": FORMAT, "bragglens": version("bragglens")}


def write_library_file(content: LibraryFile, path: Path) -> None:
    """Write the file, completely or not at all.

    Raises:
        BragglensError: it cannot be written there.
    """
    members = {
        "manifest.json": _json(made_by() | content.manifest, indent=1),
        "phases.json": _json(_plain(content.phases)),
        **{f"{name}.npy": _npy(table) for name, table in sorted(content.tables.items())},
    }
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content_bytes in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content_bytes, compresslevel=6)


def read_library_file(path: Path, *, trusted: bool = False) -> LibraryFile:
    """Read the file.

    Args:
        path: of it.
        trusted: whether its hash shows that bragglens wrote it. The fields are then not checked, which saves most of
            the time.

    Raises:
        StructureError: it is missing, from another program, damaged, or of a newer format.
    """
    with (
        resting(),
        unpacked(
            path,
            StructureError,
            missing=f"there is no such library: `bragglens library build FOLDER -o {path}` makes one",
            damaged="is not a library of bragglens, or incomplete: copy or build it again",
        ) as packed,
    ):
        manifest = packed.fields("manifest.json")
        check_format(path, manifest["format"], FORMAT, StructureError, of="library", again="build it again")
        try:
            return _content(manifest, packed, trusted)
        except MisfitError as error:
            raise StructureError(f"{path}: its {error}: copy or build it again") from None


def _content(manifest: dict[str, Any], packed: Packed, trusted: bool) -> LibraryFile:
    if not trusted:
        _check_manifest(manifest)
    names = [member["name"] for member in manifest["members"]]
    phases = _phases(packed.fields("phases.json"), names, trusted)
    tables = {
        Path(name).stem: _table(packed.read(name), name, len(phases)) for name in packed.names if name.endswith(".npy")
    }
    return LibraryFile(manifest, phases, tables)


def _check_manifest(manifest: dict[str, Any]) -> None:
    fit("manifest", manifest, _MANIFEST)
    names = [member["name"] for member in manifest["members"]]
    kept = frozenset(member["name"] for member in manifest["members"] if "same_as" not in member)
    if len(set(names)) < len(names):
        raise MisfitError("give two phases the same name", "manifest.members")
    fit("manifest.groups", manifest["groups"], listing(listing(one_of(kept, "the name of a member"))))
    copies = [member.get("same_as", member["name"]) for member in manifest["members"]]
    fit("manifest.members", copies, listing(one_of(kept, "a same_as that names another member")))


def _table(data: bytes, name: str, rows: int) -> NDArray[np.float32]:
    """A table; its header is checked before memory of its size is allocated."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise MisfitError(f"{name} is of another version of NumPy's format than 1.0")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype != np.dtype("<f4") or by_columns or len(shape) not in (1, 2) or shape[0] != rows:
        raise MisfitError(f"{name} holds {dtype} of shape {shape}: float32 with a row for each of {rows} is expected")
    found = np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape)
    if not (usable := np.isfinite(found) & (found >= 0)).all():
        place = np.unravel_index(np.argmin(usable), shape)
        raise MisfitError(f"{name}{[int(i) for i in place]} is {found[place]:g}: a number from 0 is expected")
    return found


def _json(value: Any, indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else None
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).encode()


def _npy(table: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, table, allow_pickle=False)
    return stream.getvalue()


def _plain(phases: Iterable[Phase]) -> dict[str, Any]:
    """Phases as rows in the order of their fields; operations, which many share, separately."""
    groups: dict[tuple[str, ...], int] = {}
    rows = []
    for phase in phases:
        operations = groups.setdefault(phase.operations, len(groups))
        row = {name: getattr(phase, name) for name in _ROW}
        rows.append(
            [*(row | {"operations": operations, "sites": [[*vars(site).values()] for site in phase.sites]}).values()]
        )
    return {"operations": list(groups), "phases": rows}


def _phases(plain: dict[str, Any], names: list[str], trusted: bool) -> tuple[Phase, ...]:
    if trusted:
        groups = list(map(tuple, plain["operations"]))
        return tuple(_phase(name, row, groups) for name, row in zip(names, plain["phases"], strict=True))
    _check_phases(plain, names)
    entries = [_entry(name, row, plain["operations"]) for name, row in zip(names, plain["phases"], strict=True)]
    return tuple(phase_from(entry, f"phases[{place}]") for place, entry in enumerate(entries))


def _check_phases(plain: dict[str, Any], names: list[str]) -> None:
    fit("phases", plain, _PHASES)
    rows, groups = plain["phases"], plain["operations"]
    if len(rows) != len(names):
        raise MisfitError(f"phases have {len(rows)} rows: one for each of the manifest's {len(names)} is expected")
    fit("phases", [row[_GROUP] for row in rows], listing(whole(0, len(groups) - 1)))


def _phase(name: str, row: list[Any], groups: list[tuple[str, ...]]) -> Phase:
    """The phase of a trusted row, by the places of its values: by their names takes three times as long."""
    formula, space_group, cell, group, sites, mass, source, notes = row
    held = tuple(
        Site(label, element, tuple(position), occupancy, u_iso, u_aniso and tuple(u_aniso))
        for label, element, position, occupancy, u_iso, u_aniso in sites
    )
    return Phase(name, formula, space_group, tuple(cell), groups[group], held, mass, source, tuple(notes))


def _entry(name: str, row: list[Any], groups: list[list[str]]) -> dict[str, Any]:
    """A row with the names of its fields."""
    entry = {"name": name} | dict(zip(_ROW, row, strict=True))
    sites = [dict(zip(SITE, site, strict=True)) for site in entry["sites"]]
    return entry | {"operations": groups[entry["operations"]], "sites": sites}
