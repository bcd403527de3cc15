"""The element of a site, from its type symbol, else its label, and from the formula if these are ambiguous."""

from __future__ import annotations

import re
from collections.abc import Set

import gemmi

from bragglens.errors import StructureError

HEAVIEST = 98  # californium, the last with X-ray form factors (International Tables C, 6.1.1.4)

_WATER = re.compile(r"WAT|H2O|OH2", re.IGNORECASE)  # a water molecule; W alone would be tungsten
_VACANCY = re.compile(r"vac|□|\[\s*\]|void", re.IGNORECASE)
_VACANCY_TYPE = re.compile(r"va\d*", re.IGNORECASE)  # as a label it may be vanadium a
# PLATON's and Mercury's centroids and dummies
_CENTROID = re.compile(r"(c[gt]|cent\w*|ctr|cnt|dum\w*|du|x+)\d*[a-z]?", re.IGNORECASE)
_HYDRIDE = re.compile(r"([NCO])H\d?(?![a-z])[^A-Za-z]*")  # ammonium, methyl, hydroxyl
_GROUP = re.compile(r"(?:CO|PO|NO|SO|BO|SiO|ClO|UO|PF|BF|SiF)\d|S?CN")
_ALTERNATIVES = re.compile(r"([A-Z][a-z]?)[\d.+-]*\s*[/,&|+]\s*([A-Z][a-z]?)")
_TWO_NAMES = re.compile(r"([A-Z][a-z]?)[\d.]*([A-Z][a-z])[\d.]*")


def element_of(type_symbol: str, label: str, composition: Set[str], notes: list[str]) -> str | None:
    """The element of a site; None for a vacancy, a centroid or a dummy.

    Args:
        type_symbol: from the file, '' if it has none.
        label: the site's name.
        composition: the elements of the formula, empty if not known.
        notes: notes are added here.

    Raises:
        StructureError: the site has several elements, a group of atoms, or an unknown element; the message does not
            name the file.
    """
    kind = "" if type_symbol in ("?", ".") else type_symbol
    unsure = _letters(kind).upper() in ("", "V")  # V: some programs take the type from the label
    if _VACANCY.match(kind) or _VACANCY_TYPE.fullmatch(kind) or (unsure and _VACANCY.match(label)):
        notes.append(f"site {label} is a vacancy and is left out")
        return None
    for text, read in ((kind, _of_type), (label, _of_label)):
        if _WATER.match(text):
            notes.append(f"site {label} taken as the oxygen of a water molecule")
            return "O"
        symbol = read(text, label, composition, notes)
        if symbol:
            return _without_isotope(symbol, notes)
        if _CENTROID.fullmatch(text) and (read is _of_type or text[0] in "Cc"):
            notes.append(f"site {label} is not an atom ({text}) and is left out")
            return None
    raise StructureError(f"atom '{label}' has no known element: give its _atom_site_type_symbol")


def _of_type(text: str, label: str, composition: Set[str], notes: list[str]) -> str | None:
    """The element of a type symbol such as `Fe3+`, `FE`, `Fe(tet)`."""
    alternatives = _ALTERNATIVES.match(text) or _TWO_NAMES.fullmatch(text)
    if alternatives and all(map(_usable, alternatives.groups())) and alternatives[1] != alternatives[2]:
        raise StructureError(f"atom '{label}' is a mixture of elements ({text}): give each a row with its occupancy")
    hydride = _HYDRIDE.fullmatch(text)
    if hydride:
        notes.append(f"site {label} of type {text} taken as {hydride[1]}, without its hydrogen")
        return hydride[1]
    letters = _letters(text)
    whole, first = letters.capitalize(), letters[:1].upper()
    meant = sorted(composition & {whole, first})
    if letters.isupper() and len(letters) > 1 and len(meant) == 1 and (_GROUP.fullmatch(text) or meant == [first]):
        notes.append(f"site {label} of type {text} taken as {meant[0]}, as in the formula")
        return meant[0]
    if _GROUP.fullmatch(text):
        raise StructureError(f"atom '{label}' is a group of atoms ({text}): give each of its atoms a row")
    if _usable(letters):
        return whole
    if _too_heavy(letters):
        raise StructureError(f"atom '{label}' is {letters}, which has no X-ray form factor: correct its type symbol")
    known = [s for s in (letters[:2].capitalize(), first) if _usable(s) and (not composition or s in composition)]
    if not known or _CENTROID.fullmatch(text):
        return None
    if "(" not in text:
        notes.append(f"site {label} of type {text} taken as {known[0]}")
    return known[0]


def _of_label(label: str, _: str, composition: Set[str], notes: list[str]) -> str | None:
    """The element that begins a label such as `Fe1`, `FeM2`, `Ow`; the formula decides between Co and C."""
    letters = _letters(label)
    if re.fullmatch(r"NH\d?", label) and "N" in (composition or {"N"}):
        notes.append(f"site {label} taken as N, without its hydrogen")
        return "N"
    known = [s for s in (letters[:2].capitalize(), letters[:1].upper()) if _usable(s)]
    expected = [s for s in known if s in composition]
    if not known or (_CENTROID.fullmatch(label) and not expected):
        return None
    symbol = (expected or known)[0]
    if _GROUP.fullmatch(label) and not expected and label != symbol:
        notes.append(f"site {label} taken as {symbol}, and not as a group of atoms")
    if _too_heavy(letters):
        notes.append(f"site {label} taken as {symbol}, since {letters.capitalize()} has no X-ray form factor")
    return symbol


def _letters(text: str) -> str:
    return re.match(r"[A-Za-z]*", text).group()  # type: ignore[union-attr]


def _usable(symbol: str) -> bool:
    """Whether it is an element with a form factor."""
    return len(symbol) <= 2 and 0 < gemmi.Element(symbol).atomic_number <= HEAVIEST


def _too_heavy(symbol: str) -> bool:
    return len(symbol) <= 2 and gemmi.Element(symbol).atomic_number > HEAVIEST


def _without_isotope(symbol: str, notes: list[str]) -> str:
    if symbol == "D":
        notes.append("deuterium is treated as hydrogen")
        return "H"
    return symbol
