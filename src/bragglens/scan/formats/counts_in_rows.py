"""Counts in rows after a start, a step and an end (.dat, .rit): DBWS, Riet7, LHPM, and neutron files of ILL, PSI.

A title or two, a line `start step end`, then the counts in rows; some files repeat as many errors after them. A title
may state the wavelength. (DBWS-9411 user's guide, Young et al. 1995; FullProf manual, "format of intensity data
files".)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, even_axis, numbers, scans
from bragglens.scan.formats.text import decode
from bragglens.scan.scan import Scan
from bragglens.scan.wavelength import wavelength_in

_MOST_TITLES = 6
_PADDING = 10  # numbers that may fill up the last row
# Possessive, so that no line takes more than linear time.
_NUMBER = r"[-+]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?+\d++)?+"
_RANGE = re.compile(rf"\s*+({_NUMBER})[\s,]++({_NUMBER})[\s,]++({_NUMBER})(?![\d.])")
_ROW = re.compile(rf"\s*+(?:{_NUMBER}[\s,]++){{4,}}+(?:{_NUMBER})?+\s*+")
_NUMBERS = re.compile(rf"\s*+{_NUMBER}(?:[\s,]++{_NUMBER})*+[\s,]*+")


def recognises(data: bytes) -> bool:
    """Whether a range stands above rows of five numbers or more, as many in all as the range has points."""
    return b"\0" not in data[:4096] and _found(decode(data[:4096]).splitlines()[:-1]) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: fewer counts than the range has points, or numbers that are none.
    """
    with about(name):
        lines = decode(data).splitlines()
        found = _found(lines)
        if found is None:
            raise ScanError("holds no rows of counts below its range: copy or export it again")
        at, start, step, stop = found
        points = round((stop - start) / step) + 1
        body = numbers("\n".join(takewhile(_NUMBERS.fullmatch, lines[at + 1 :])), "counts")
        if not any(whole <= body.size < whole + _PADDING for whole in (points, 2 * points)):
            raise ScanError(
                f"states {start:g} to {stop:g}° in steps of {step:g}°, {points} points, but holds {body.size} numbers: "
                "it is cut short, or no rows of counts, copy or export it again"
            )
        two_theta, counts = even_axis(start, step, points), body[:points]
        wavelength, notes = wavelength_in([line[:500] for line in lines[:at]])
        return scans(name, [Range(two_theta, counts, {"sample": lines[0]}, wavelength, notes)])


def _found(lines: Sequence[str]) -> tuple[int, float, float, float] | None:
    """Where the range stands, and its start, step and end; five or more numbers must stand in each row below it."""
    for at, line in enumerate(lines[:_MOST_TITLES]):
        match = _RANGE.match(line)
        below = lines[at + 1 : at + 4]
        if not match or len(below) < 3 or not all(_ROW.fullmatch(row) for row in below):
            continue
        start, step, stop = (float(word) for word in match.groups())
        if 0 < step < 1 and -30 <= start < stop <= 180 and (stop - start) / step >= 50:
            return at, start, step, stop
    return None
