"""Crystals of Avogadro, mostly from COD, from Debian's package libavogadro-data."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from amcsd import paper
from record import Gathered, Record
from structure import formula_name, shortest_contact

from bragglens.crystal.cif import parse_cif
from bragglens.crystal.conditions import conditions
from bragglens.crystal.provenance import file_name
from bragglens.errors import StructureError

SOURCE = "Avogadro"
PACKAGE = "libavogadro-data"
_GASES = {"H", "He", "N", "O", "F", "Ne", "Cl", "Ar", "Kr", "Xe", "Br"}
_NEAREST = 1.0  # Å between two heavy atoms


def fetch(folder: Path) -> Path:
    """The crystals of the package, downloaded and unpacked into a folder unless they are there already."""
    data = folder / "usr" / "share" / "avogadro2" / "crystals"
    if not data.is_dir():
        subprocess.run(["apt-get", "download", "-q", PACKAGE], cwd=folder, check=True)
        subprocess.run(["dpkg", "-x", next(folder.glob(f"{PACKAGE}*.deb")).name, "."], cwd=folder, check=True)
    return data


def avogadro(data: Path) -> Gathered:
    """A record of each crystal with a stated paper; computed frameworks are left out."""
    found = Gathered()
    for file in sorted(data.rglob("*.cif")):
        name = f"{file.parent.name}/{file.name}"
        if file.parent.name in ("zeolites", "ice"):
            found.leave_out(name, SOURCE, "an idealised framework, or not of usual conditions")
            continue
        text = file.read_text(errors="replace")
        try:
            if reason := _add(found, file, text):
                found.leave_out(name, SOURCE, reason)
        except StructureError as error:
            found.leave_out(name, SOURCE, str(error))
    return found


def _add(found: Gathered, file: Path, text: str) -> str:
    """Add a record, or return why it is left out."""
    phase = parse_cif(text, file.stem, where=file.name)
    title = re.search(r"_publ_section_title\s*\n;(.*?)^;", text, re.M | re.S)
    reported = conditions(title[1] if title else "")
    elements = {site.element for site in phase.sites}
    code = re.search(r"^_cod_database_code\s+(\d+)", text, re.M)
    if not code or not phase.source:
        return "no paper is stated"
    if reported.distance >= 2:
        return f"not of usual conditions: {reported.words}"
    if len(elements) == 1 and elements <= _GASES:
        return "a frozen gas"
    if (nearest := shortest_contact(phase)) < _NEAREST:
        return f"atoms {nearest:.2f} Å apart"
    mineral = re.search(r"-([A-Z][a-z]+ite)\b", file.stem)
    found.records.append(
        Record(
            name=file_name(mineral[1] if mineral else formula_name(phase)),
            cif=text,
            source=SOURCE,
            number=f"COD {code[1]}",
            reference=phase.source,
            papers=frozenset({paper(text)}),
            mineral=bool(mineral),
        )
    )
    return ""
