"""The text form of Siemens' RAW (.raw), as MAUD keeps it: `.RAW`, fields of fixed width, then the counts.

The layout is evident from the files: after date and name follow the anode and four wavelengths without blanks
between them (mean Kα, Kα1, Kα2, Kβ or another), then `start step points`, a few more numbers, and the counts.
"""

from __future__ import annotations

import re

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, even_axis, numbers, plain, scans
from bragglens.scan.scan import Scan

_HEADER = 2000  # characters in which the range stands
_RANGE = re.compile(r"\s(?P<start>-?\d{1,3}\.\d+)\s+(?P<step>0?\.\d+)\s+(?P<points>\d{2,7})\s")
_WAVELENGTHS = re.compile(r"(?P<anode>[A-Z]{2})?\d*?(?P<mean>\d\.\d{6})\s*(?P<first>\d\.\d{6})\s*(?P<second>\d\.\d{6})")
_SAME = 1e-3  # Å between the stated mean and that of Kα1 and Kα2, two to one
_BEFORE = 12  # numbers that may stand between the range and the counts


def recognises(data: bytes) -> bool:
    """Whether it begins with the marker and states a range."""
    return data[:4] == b".RAW" and b"\0" not in data[:_HEADER] and _RANGE.search(plain(data[:_HEADER])) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: cut short or damaged.
    """
    with about(name):
        text = plain(data)
        found = _RANGE.search(text[:_HEADER])
        if not found:
            raise ScanError("does not state its range: it is cut short, copy or export it again")
        points = int(found["points"])
        listed = numbers(text[found.end() :], "counts")
        more = listed.size - points
        if not 0 <= more <= _BEFORE:
            raise ScanError(
                f"states {points} points, but holds {listed.size}: it is cut short, copy or export it again"
            )
        two_theta = even_axis(float(found["start"]), float(found["step"]), points)
        first, second, anode = _wavelengths(text[: found.start()])
        metadata = {"anode": anode, "wavelength_2": second}
        return scans(name, [Range(two_theta, listed[more:], metadata, first, [])])


def _wavelengths(header: str) -> tuple[float | None, float | None, str]:
    """Kα1, Kα2 and the anode, where the first of the wavelengths is the mean of the next two."""
    stated = _WAVELENGTHS.search(header)
    if not stated:
        return None, None, ""
    mean, first, second = (float(stated[group]) for group in ("mean", "first", "second"))
    if abs((2 * first + second) / 3 - mean) > _SAME:
        return None, None, ""
    return first, second, (stated["anode"] or "").title()
