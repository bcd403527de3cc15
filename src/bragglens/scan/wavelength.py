"""wavelength_in: the wavelength in a free-form header.

Text headers have no rules: `lambda = 1,5406`, `Wellenlänge: 0.15406 nm`, `K-Alpha1 wavelength,1.540598`. An ambiguous
value is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_KALPHA1 = re.compile(r"(?:k[\s_-]*)?(?:alpha|α|(?<=k)a)[\s_-]*[1₁](?![\d.,])")
_SECOND = re.compile(r"ratio|second|(?:alpha|α|ka|lambda|λ|wave[\s_-]*length)[\s_-]*[2₂](?![\d.,])|beta|β")
_WAVELENGTH = re.compile(
    r"(?:wave[\s_-]*length|wellenl\w*|longueur d.onde|lambda|λ|kalpha|k[\s_-]*α|(?<![a-z])wl)"
    r"(?:[\W_]|1(?![\d.,])|(?:å|a|ang(?:str[oö]ms?)?|nm|cu|co|mo|cr|fe|ag|k?alpha)(?![a-z]))*?"
    r"(?P<value>\d+[.,]\d+(?:e[-+]?\d+)?|\d+e-\d+)\s*[a-zå]*"
)
_UNIT = re.compile(r"(?<![a-z])(?:å|a(?:ng\w*)?|nm|pm|m)(?![a-z])")


def wavelength_in(header: Sequence[str]) -> tuple[float | None, list[str]]:
    """The wavelength in Å that the header states, preferably Kα1; None and a note if it is unclear."""
    found: set[tuple[bool, float | None]] = set()
    for line in header:
        text, alpha1 = _KALPHA1.subn("kalpha", _SECOND.split(line.lower())[0])
        found.update((alpha1 > 0, _angstrom(stated)) for stated in _WAVELENGTH.finditer(text))
    values = {value for alpha1, value in found if alpha1} or {value for _, value in found}
    if len(values) == 1 and None not in values:
        return values.pop(), []
    return None, ["the wavelength in the header is ambiguous and was not used"] if values else []


def _angstrom(stated: re.Match[str]) -> float | None:
    """The value in Å; None if impossible or possibly in nm: 0.154 is copper in nm, and a synchrotron in Å."""
    value = float(stated["value"].replace(",", "."))
    unit = (_UNIT.findall(stated[0]) or ["m" if value < 1e-8 else ""])[-1]
    angstrom = round(value * {"nm": 10.0, "pm": 0.01, "m": 1e10}.get(unit, 1.0), 8)
    return angstrom if (0.1 if unit else 0.25) <= angstrom <= 3 else None
