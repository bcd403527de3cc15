"""Entries of AMCSD that larixite lacks, mostly large silicates, from an older release of xraylarch."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gemmi import cif

from bragglens.crystal.amcsd import Entry

PACKAGE = "xraylarch==0.9.34"  # later releases have fewer entries
_DATABASE = "amcsd_cif.db"


def fetch(folder: Path) -> Path:
    """The database of the package, downloaded and unpacked into a folder unless it is there already.

    Current pip cannot build so old a release, so that only the unpacked source is used.
    """
    place = folder / "xraylarch"
    if not (found := list(place.rglob(_DATABASE))):
        place.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "xraylarch", "--no-clean"]
        command += ["--no-build-isolation", "-d", str(place), PACKAGE]
        result = subprocess.run(command, env=os.environ | {"TMPDIR": str(place)}, capture_output=True, text=True)
        found = list(place.rglob(_DATABASE))
        if not found:
            raise RuntimeError(f"{PACKAGE} was not downloaded: {result.stderr}")
    return found[0]


def larch(database: Path) -> Iterator[Entry]:
    """All entries in the order of their codes."""
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        for (text,) in connection.execute("SELECT cif FROM ciftbl ORDER BY amcsd_id"):
            yield _entry(text.decode() if isinstance(text, bytes) else text)


def _entry(text: str) -> Entry:
    block = cif.read_string(text).sole_block()

    def stated(tag: str) -> str:
        return cif.as_string(block.find_value(tag) or "?").strip()

    return Entry(
        code=stated("_database_code_amcsd"),
        mineral=stated("_chemical_name_mineral"),
        formula=stated("_chemical_formula_sum"),
        title=stated("_publ_section_title"),
        specimen=stated("_chemical_compound_source"),
        year=int(stated("_journal_year")),
        density=cif.as_number(stated("_exptl_crystal_density_diffrn"), 0.0),
        cif=text,
    )
