"""Chemical formulas in the form of CIFs, `O2 Ti`, and of chemists, `TiO2`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from math import gcd

import gemmi

_MOST = 1e6  # of an element; more is no formula
# Cations as formulas usually have them: by their usual charge, and of one charge the more electropositive first.
_METALS = tuple(
    re.findall(
        r"\w+",
        "Cs Rb K Na Li Ra Ba Sr Ca Mg Be La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Ac Y Sc "
        "Tl Ag Pb Cd Hg Cu Bi Zn Ni Co Mn Fe Pd Pt Rh Ir Ru Os Au Cr In Ga Al "
        "Pa Th U Np Pu Am Cm Zr Hf Ti Sn Ta Nb V Re Tc W Mo",
    )
)
# The more electronegative later.
_REST = tuple(re.findall(r"\w+", "B Ge Si Sb As P C N Te Se S O I Br Cl F At Xe Kr Ar Ne He"))
_PLACE = {symbol: place for place, symbol in enumerate([*_METALS, *_REST, "H"])}
# How many oxygens surround one of these.
_OXYANIONS = {"C": (3,), "N": (3,), "S": (4,), "P": (4,), "Cl": (4, 3), "Br": (3,), "I": (3,)}
# Mixed oxides of these elements alone have the rare earth before the alkaline earth: YBa2Cu3O7, La0.7Sr0.3MnO3.
_RARE_EARTHS = frozenset(re.findall(r"\w+", "La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Y"))
_LATE_METALS = frozenset(re.findall(r"\w+", "Mn Fe Co Ni Cu"))
_OF_SUCH_OXIDES = _RARE_EARTHS | _LATE_METALS | {"Ca", "Sr", "Ba", "O"}
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")


def parse_formula(text: str) -> dict[str, float]:
    """Count the elements of a formula such as `Ti O2` or `(Mg1.8 Fe.2) Si O4`.

    Returns:
        Atoms of each element in a formula unit; empty if the formula cannot be understood (an unknown symbol, or a
        bracket with a multiplier), so that nothing is concluded from it.
    """
    if re.search(r"\)\s*\d", text) or not text.strip(" ()[]'"):
        return {}
    bare = re.sub(r"[()\[\]'\s]", " ", text)
    counts: dict[str, float] = {}
    for word in bare.split():
        match = _TOKEN.fullmatch(word)
        if match is None or not gemmi.Element(match[1]).atomic_number or match[2] == ".":
            return {}
        element = "H" if match[1] == "D" else match[1]
        counts[element] = counts.get(element, 0.0) + float(match[2] or 1)
    return {element: count for element, count in counts.items() if count > 0} if max(counts.values()) < _MOST else {}


def chemical_formula(text: str) -> str:
    """A formula as chemists write it: `O2 Ti` is TiO2, `Li16 Ti8 O24` Li2TiO3, `Ca H4 O6 S` CaSO4·2H2O.

    The smallest whole numbers, cations first; organic compounds in Hill's order and unreduced. Carbonate, nitrate,
    sulfate, phosphate, ammonium, hydroxide and water are written as groups if the numbers allow only that. A formula
    with multiplied groups keeps them and its order; so does a formula that cannot be understood.
    """
    counts = parse_formula(text)
    if not counts:
        dotted = re.sub(r"\s+", "", re.sub(r"\s*(?:\s\.\s|[*·•⋅])\s*", "·", text))
        return re.sub(r"(?<![\d.])\.(?=\d)", "0.", dotted)
    metals = [symbol for symbol in counts if symbol in _METALS]
    cations = metals or 0 < 4 * counts.get("N", 0) <= counts.get("H", 0)  # ammonium
    if "C" in counts and "H" in counts and (not cations or counts.get("O", 0) < 3 * counts["C"]):
        hill = sorted(counts, key=lambda symbol: (symbol != "C", symbol != "H", symbol))
        return "".join(_term(symbol, counts[symbol]) for symbol in hill)
    counts = _reduced(counts)
    grouped = _with_ammonium(counts) or _grouped(counts)
    return grouped or _plain(counts, hydrogen_first=not metals)


def _reduced(counts: Mapping[str, float]) -> dict[str, float]:
    """The smallest whole numbers, if they are whole."""
    if any(value != round(value) for value in counts.values()):
        return dict(counts)
    least = reduce(gcd, (round(value) for value in counts.values()))
    return {symbol: value / max(least, 1) for symbol, value in counts.items()}


def _plain(counts: Mapping[str, float], *, hydrogen_first: bool = False) -> str:
    """All elements one after the other."""
    first = frozenset("H" if hydrogen_first else "")
    if counts.keys() <= _OF_SUCH_OXIDES and counts.keys() & _LATE_METALS:
        first = _RARE_EARTHS
    order = sorted(counts, key=lambda symbol: (symbol not in first, _PLACE.get(symbol, len(_PLACE))))
    return "".join(_term(symbol, counts[symbol]) for symbol in order)


def _term(symbol: str, count: float) -> str:
    """A symbol, or a group, with its number where that is not 1."""
    number = "" if count == 1 else f"{count:.5g}"
    return f"({symbol}){number}" if number and re.search(r"[A-Z\d].*[A-Z\d]", symbol) else symbol + number


def _with_ammonium(counts: Mapping[str, float]) -> str:
    """An ammonium salt, with all nitrogen in ammonium or nitrate; empty if it is none."""
    nitrate = counts.get("O", 0) / 3
    ammonium = counts.get("N", 0)
    if set(counts) == {"H", "N", "O"} and 0 < nitrate < ammonium and counts["H"] == 4 * (ammonium - nitrate):
        return _term("NH4", ammonium - nitrate) + _term("NO3", nitrate)
    hydrogen = counts.get("H", 0) - 4 * ammonium
    others = {symbol: value for symbol, value in counts.items() if symbol not in ("N", "H")}
    if not ammonium or hydrogen < 0 or not others:
        return ""
    others |= {"H": hydrogen} if hydrogen else {}
    return _term("NH4", ammonium) + (_grouped(others) or _plain(others))


def _grouped(counts: Mapping[str, float]) -> str:
    """A formula with an oxyanion, hydroxide or water, if the numbers of O and H allow one reading; else empty."""
    metals = {symbol: value for symbol, value in counts.items() if symbol in _METALS}
    oxygen, hydrogen = counts.get("O", 0), counts.get("H", 0)
    others = [symbol for symbol in counts if symbol not in metals and symbol not in ("O", "H")]
    central, size = _central(counts, others, metals)
    halides = [symbol for symbol in others if symbol != central]
    left = round(oxygen - size * counts.get(central, 0), 4)
    if left < 0 or any(symbol not in ("F", "Cl", "Br", "I") for symbol in halides):
        return ""
    oxo = metals and not central and hydrogen and sum(metals.values()) == hydrogen and oxygen == 2 * hydrogen
    acid = hydrogen if central and left == 0 else 0
    water = left if central and hydrogen == 2 * left else 0
    hydroxide = hydrogen if (hydrogen == left and left) or oxo else 0
    if not (acid or water or hydroxide or (central and left == 0)):
        return ""
    parts = [_plain(metals), _term("H", acid) if acid else "", "O" if oxo else ""]
    parts += [_term(f"{central}O{size}", counts[central])] if central else []
    parts += [_plain({symbol: counts[symbol] for symbol in halides})]
    if hydroxide:
        parts.append("(OH)" if hydroxide == 1 else _term("OH", hydroxide))
    return "".join(parts) + (f"·{'' if water == 1 else f'{water:.5g}'}H2O" if water else "")


def _central(counts: Mapping[str, float], others: Sequence[str], metals: Mapping[str, float]) -> tuple[str, int]:
    """The one central element of an oxyanion, and its number."""
    found = [symbol for symbol in others if symbol in ("C", "N", "S", "P")]
    if not found and len(others) == 1 and 0 < sum(metals.values()) <= counts[others[0]]:
        found = [symbol for symbol in others if counts.get("O", 0) / counts[symbol] in _OXYANIONS.get(symbol, ())]
    if len(found) != 1 or (not metals and "H" not in counts):
        return "", 0
    sizes = [size for size in _OXYANIONS[found[0]] if size * counts[found[0]] <= counts.get("O", 0)]
    return (found[0], sizes[0]) if sizes else ("", 0)
