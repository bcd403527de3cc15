"""Scopes of a phase in the library: rules on its elements, and lists where no rule is possible."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from listed import counts, shares, unlike
from structure import space_group_number

from bragglens.crystal.formula import parse_formula
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition
from bragglens.match.builtin import SCOPES

HERE = Path(__file__).parent


def _symbols(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_METALS = _symbols("H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Sb Te I Xe At Rn")
_OF_ALLOYS = _symbols("B C Si Ge Sb")  # together with metals: borides, carbides, silicides in alloys
_ALKALI = _symbols("Li Na")
_REDOX = _symbols("Ti V Cr Mn Fe Co Ni Cu Nb Mo W")
_OF_BATTERIES = _ALKALI | _REDOX | _symbols("Mg Al Zr Ta La Y Si P Ge S O F Cl Br I B C N")
_SAME_CONTENT = 0.02  # of the atoms


def scopes(phase: Phase, *, mineral: bool) -> tuple[str, ...]:
    """The scopes of a phase, in the order of `SCOPES`."""
    content = dict(parse_formula(phase.formula)) or composition(phase)
    found = {"all"}
    if _is_listed(phase, "standards.csv"):
        return SCOPES
    organic = is_organic(content)
    rules = {
        "minerals": mineral,
        "inorganic": not organic,
        "metals": is_metallic(content),
        "cement": _is_listed(phase, "cement.csv"),
        "battery": _is_listed(phase, "battery.csv") or (not mineral and is_of_batteries(content)),
        "pharma": organic or _is_listed(phase, "pharma.csv"),
    }
    found |= {scope for scope, holds in rules.items() if holds}
    return tuple(scope for scope in SCOPES if scope in found)


def is_organic(content: Mapping[str, float]) -> bool:
    """Whether there is more hydrogen than in hydroxide, water and acid: oxygen not needed by carbon binds two each.

    Carbonates and oxalates, hydrated or not, therefore are inorganic; formates, urea and glucose are organic.
    """
    carbon, hydrogen, oxygen = (content.get(element, 0.0) for element in ("C", "H", "O"))
    return carbon > 0 and hydrogen > 2 * max(oxygen - 2 * carbon, 0.0)


def is_metallic(content: Mapping[str, float]) -> bool:
    """Metals, alloys and intermetallics, and borides, carbides, silicides, germanides and antimonides of metals."""
    metals = content.keys() - _NO_METALS
    return bool(metals) and content.keys() - metals <= _OF_ALLOYS


def is_of_batteries(content: Mapping[str, float]) -> bool:
    """Oxides, fluorides, phosphates and sulfides of lithium; of sodium only with a metal of several valences."""
    alkali = content.keys() & _ALKALI
    anion = content.keys() & {"O", "F", "S", "Cl", "Br", "I", "N"}
    redox = bool(content.keys() & _REDOX) or "Li" in alkali
    return bool(alkali and anion and redox) and content.keys() <= _OF_BATTERIES and "H" not in content


def _is_listed(phase: Phase, file: str) -> bool:
    """Whether a list has its name, or its formula and space group."""
    number = space_group_number(phase)
    for name, formula, group in _list(file):
        if name and name.casefold() == phase.name.casefold():
            return True
        if formula and group == number and unlike(shares(counts(formula)), shares(composition(phase))) <= _SAME_CONTENT:
            return True
    return False


@cache
def _list(file: str) -> tuple[tuple[str, str, int], ...]:
    with (HERE / file).open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return tuple((row.get("name", ""), row.get("formula", ""), int(row.get("space_group") or 0)) for row in rows)


def plain_words(text: str) -> str:
    """A text on one line."""
    return re.sub(r"\s+", " ", text).strip()
