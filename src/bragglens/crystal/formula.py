"""Chemical formulas as CIFs write them."""

from __future__ import annotations

import re

import gemmi

_MOST = 1e6  # of an element; more is no formula
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")


def parse_formula(text: str) -> dict[str, float]:
    """Count the elements of a formula such as `Ti O2` or `(Mg1.8 Fe.2) Si O4`.

    Returns:
        Atoms of each element in a formula unit; empty where the text is no formula that can be understood
        (an unknown symbol, or a bracket with a multiplier), so that nothing is concluded from it.
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
