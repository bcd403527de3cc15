"""Temperature and pressure at which a structure was measured, as far as the title of its entry says."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What AMCSD adds to a paper's title begins its lines with these words.
_REMARK = re.compile(r"\n\s*(?=Note|Sample|Locality|[TP] =|_cod)")
_NUMBER = r"(?<![\w.])(-?\d+(?:\.\d+)?)(?:\(\d+\))?"
_TEMPERATURE = re.compile(_NUMBER + r"\s*(?:deg(?:rees)?\.?\s*|°\s*)?([KC])\b")
_PRESSURE = re.compile(_NUMBER + r"\s*(GPa|Mbar|kbar|MPa|kPa|bars?|atm)\b", re.IGNORECASE)
_GPA = {"gpa": 1.0, "mbar": 100.0, "kbar": 0.1, "mpa": 1e-3, "kpa": 1e-6, "bar": 1e-4, "bars": 1e-4, "atm": 1e-4}
_HISTORY = re.compile(
    r"quench|anneal|synthesi[sz]ed|treated|ordered|prepar|heated|fired|grown|formed|crystalli[sz]ed|milling", re.I
)
_EXTREME = re.compile(r"(?:high|elevated|low)[- ](?:and \w+[- ])?(?:pressure|temperature)|compress", re.I)
_COMPUTED = re.compile(
    r"theoretic|hypothetic|density.functional|\bDFT\b|simulat|\bGULP\b|ab.initio|first.principles|predict|mathematical",
    re.I,
)


@dataclass(frozen=True)
class Conditions:
    """How far the conditions of a measurement are from the ambient ones.

    Attributes:
        distance: 0 for nothing or about ambient conditions stated. 1 where the cell differs little (80 to 373 K) or the
            paper's title names other conditions without those of this structure. 2 for other conditions, or a computed
            structure.
        words: the same, as text.
    """

    distance: int
    words: str


def conditions(title: str, specimen: str = "") -> Conditions:
    """The conditions in an entry's title, remarks and specimen.

    A remark counts more than the paper's own title, which may name a range. The synthesis conditions do not count.
    """
    paper, *remarks = _REMARK.split(title)
    if _COMPUTED.search(f"{title} {specimen}"):
        return Conditions(2, "computed, not measured")
    stated = [found for remark in remarks if not _HISTORY.search(remark) and (found := _stated(remark))]
    if stated:
        return max(stated, key=lambda one: one.distance)
    found = None if _HISTORY.search(paper) else _stated(paper)
    if (found and found.distance) or _EXTREME.search(paper):
        return Conditions(1, "in a paper about other conditions")
    return Conditions(0, "usual conditions")


def _stated(text: str) -> Conditions | None:
    """The temperature and pressure in a text that are farthest from ambient."""
    found = []
    for number, unit in _TEMPERATURE.findall(text):
        kelvin = float(number) + (273.15 if unit == "C" else 0.0)
        distance = 0 if 280 <= kelvin <= 315 else 1 if 80 <= kelvin <= 373.15 else 2
        found.append(Conditions(distance, f"{number} {'°C' if unit == 'C' else 'K'}"))
    for number, unit in _PRESSURE.findall(text):
        distance = 0 if float(number) * _GPA[unit.lower()] < 0.01 else 2
        found.append(Conditions(distance, f"{number} {unit}"))
    if not found:
        return None
    farthest = max(one.distance for one in found)
    return Conditions(farthest, ", ".join(dict.fromkeys(one.words for one in found if one.distance == farthest)))
