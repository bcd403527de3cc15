"""A library in one file: its phases, ready to use, what was made of them, and where each came from.

A `.library` file is a zip archive: `manifest.json` (format number, version of bragglens, hash, of each phase its CIF,
that file's SHA-256 and origin, problems, look-alikes), `phases.json`, and one `.npy` for each table of numbers. The
same content gives the same bytes. Nothing in it is ever executed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase, Site
from bragglens.errors import StructureError
from bragglens.files import read_whole, whole_file

SUFFIX = ".library"
FORMAT = 1
_LARGEST = 2_000_000_000  # bytes unpacked; a hundred thousand phases have less
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, since a zip must state a time
_PHASE = [field.name for field in fields(Phase)]


@dataclass(frozen=True)
class LibraryFile:
    """What a library's file holds.

    Attributes:
        manifest: all that is no phase and no table. `members` lists name, file and sha256 of each phase in their order,
            with `same_as`, a name, where it repeats another; `problems` what was left out.
        phases: of each member, by the name it was given.
        tables: arrays by name, a row for each member.
    """

    manifest: dict[str, Any]
    phases: tuple[Phase, ...]
    tables: dict[str, NDArray[Any]]

    @property
    def kept(self) -> list[int]:
        """Places of the members that do not repeat another."""
        return [place for place, member in enumerate(self.manifest["members"]) if "same_as" not in member]


def made_by() -> dict[str, Any]:
    """What tells whether a file's content would be made alike today: the format and the version of bragglens."""
    return {"format": FORMAT, "bragglens": version("bragglens")}


def write_library_file(content: LibraryFile, path: Path) -> None:
    """Write the file, whole or not at all.

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


def read_library_file(path: Path) -> LibraryFile:
    """Read the file.

    Raises:
        StructureError: it is missing, foreign, damaged, or of a newer format.
    """
    with read_whole(
        path,
        StructureError,
        missing=f"no such library: `bragglens library build FOLDER -o {path}` makes one",
        damaged="is no library of bragglens, or was cut short: copy or build it again",
    ):
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                raise StructureError(f"{path}: would unpack to over {_LARGEST // 10**9} GB: not a library")
            manifest = json.loads(archive.read("manifest.json"))
            if manifest["format"] != FORMAT:
                raise StructureError(
                    f"{path}: is of library format {manifest['format']}, this version reads {FORMAT}: update bragglens "
                    "or build the library again"
                )
            names = [member["name"] for member in manifest["members"]]
            phases = _phases(json.loads(archive.read("phases.json")), names)
            tables = {
                Path(name).stem: np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
        if {len(table) for table in tables.values()} - {len(phases)}:
            raise ValueError("tables of another length")
    return LibraryFile(manifest, phases, tables)


def _json(value: Any, indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else None
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).encode()


def _npy(table: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, table, allow_pickle=False)
    return stream.getvalue()


def _plain(phases: Iterable[Phase]) -> dict[str, Any]:
    """Phases as rows in the order of their fields; operations, which many share, apart."""
    groups: dict[tuple[str, ...], int] = {}
    rows = []
    for phase in phases:
        operations = groups.setdefault(phase.operations, len(groups))
        row = {name: getattr(phase, name) for name in _PHASE if name != "name"}
        rows.append(
            [*(row | {"operations": operations, "sites": [[*vars(site).values()] for site in phase.sites]}).values()]
        )
    return {"operations": list(groups), "phases": rows}


def _phases(plain: Mapping[str, Any], names: Iterable[str]) -> tuple[Phase, ...]:
    groups = [tuple(operations) for operations in plain["operations"]]
    return tuple(_phase(name, row, groups) for name, row in zip(names, plain["phases"], strict=True))


def _phase(name: str, row: list[Any], groups: list[tuple[str, ...]]) -> Phase:
    formula, space_group, cell, operations, sites, cell_mass, source, notes = row
    return Phase(
        name=name,
        formula=formula,
        space_group=space_group,
        cell=tuple(cell),
        operations=groups[operations],
        sites=tuple(
            Site(label, element, tuple(position), occupancy, u_iso, tuple(u_aniso) if u_aniso else None)
            for label, element, position, occupancy, u_iso, u_aniso in sites
        ),
        cell_mass=cell_mass,
        source=source,
        notes=tuple(notes),
    )
