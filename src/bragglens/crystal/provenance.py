"""A folder of CIFs and the manifest with the origin of each."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bragglens.crystal.cif import cif_content
from bragglens.errors import StructureError
from bragglens.files import read_bytes, safe_name, whole_file
from bragglens.plain import csv_text, of_cell

MANIFEST = "manifest.csv"
_LONGEST, _LARGEST = 80, 110  # letters and bytes of a name or id: two of them and a number go into a file name
_LARGEST_MANIFEST = 2**28  # bytes, a million rows


@dataclass(frozen=True)
class Origin:
    """Origin of a CIF of the folder; texts, as in the manifest.

    Attributes:
        file: its name in the folder.
        source: COD, AMCSD, or an OPTIMADE address.
        id: of the entry in the source.
        revision: of the source's entry, or the release of the database.
        url: of the download, if there was one.
        date: of the download, UTC.
        sha256: of the file.
        formula: as stated.
        space_group: Hermann-Mauguin symbol.
        reference: to the literature.
        chosen: reason for this structure, if there was a choice.
        others: ids of the same phase that were not used.
    """

    file: str
    source: str
    id: str
    revision: str = ""
    url: str = ""
    date: str = ""
    sha256: str = ""
    formula: str = ""
    space_group: str = ""
    reference: str = ""
    chosen: str = ""
    others: str = ""


@dataclass(frozen=True)
class Gathered:
    """The result of filling a folder.

    Attributes:
        files: the requested CIFs that are there now.
        problems: one sentence for each thing that failed or was left out.
    """

    files: tuple[Path, ...]
    problems: tuple[str, ...] = ()


def read_manifest(folder: Path) -> dict[str, Origin]:
    """The origins by file; empty if there is no manifest.

    Raises:
        StructureError: the file of that name has another form.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        text = read_bytes(path, StructureError, largest=_LARGEST_MANIFEST, what="a manifest").decode()
        table = csv.DictReader(io.StringIO(text, newline=""))
        rows = [Origin(**{key: of_cell(cell) for key, cell in row.items()}) for row in table]
    except (TypeError, ValueError, AttributeError, csv.Error) as error:
        raise StructureError(f"{path}: is not a manifest of bragglens: choose another folder, or remove it") from error
    return {row.file: row for row in rows}


def write_manifest(folder: Path, origins: dict[str, Origin]) -> None:
    """Write the origins of the existing files, in the order of their names."""
    rows = [asdict(origins[name]) for name in sorted(origins) if (folder / name).exists()]
    with whole_file(folder / MANIFEST) as file:
        file.write(csv_text([field.name for field in fields(Origin)], rows, end="\n").encode("utf-8", "replace"))


def put(folder: Path, content: bytes, origin: Origin, origins: dict[str, Origin]) -> Path:
    """Put a CIF into the folder and its origin into the manifest.

    An existing file is overwritten only if the manifest shows that it is unchanged; otherwise it is the user's own.

    Raises:
        StructureError: a file of that name is the user's own.
        BragglensError: the folder cannot be written to.
    """
    path = folder / origin.file
    if path.exists():
        held = sha256(cif_content(path))
        known = origins.get(origin.file)
        if held not in (origin.sha256, known.sha256 if known else ""):
            raise StructureError(f"{path}: exists already and was changed, so it is kept: rename or remove it")
    if not path.exists() or held != origin.sha256:
        with whole_file(path) as file:
            file.write(content)
    origins[origin.file] = origin
    return path


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_name(name: str) -> str:
    """The beginning of a CIF's name: a mineral, formula or id, short, without blanks and shell characters."""
    plain = re.sub(r"[^\w(),.+-]+", "_", name).strip("_.")[:_LONGEST]
    while len(plain.encode()) > _LARGEST:
        plain = plain[:-1]
    return safe_name(plain or "phase")
