"""Counts without angles below a header that names start, step and end (.txt, .dat, .plv): one per line, or in rows.

Many laboratory programs write this, without a common layout: lines such as `Start angle = 10`, `Step size: 0.02`,
`Number of points, 3501`, in several languages, then the counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, numbers, scans
from bragglens.scan.formats.counts_in_rows import ascends
from bragglens.scan.scan import LEAST_POINTS, Scan
from bragglens.scan.stated import Stated, known_axis, range_in
from bragglens.scan.table import decode
from bragglens.scan.wavelength import wavelength_in

_MOST_LINES = 200  # of a header
_PADDING = 10  # numbers that may fill up the last row
# Possessive, so that no line takes more than linear time.
_COUNTS = re.compile(r"\s*+(?:[-+]?+\d++(?:\.\d*+)?+(?:[eE][-+]?+\d++)?+[\s,;]*+)++")


def recognises(data: bytes) -> bool:
    """Whether a header names enough of a range, and the right number of counts follows."""
    head = data[:16384]
    if b"\0" in head or not re.search(rb"[A-Za-z]", head):
        return False
    if known(_split(decode(head).splitlines()[:-1])[0]) is None:
        return False
    lines = decode(data).splitlines()
    header, at = _split(lines)
    stated = known(header)
    rows = [line for line in lines[at:] if line.strip()]
    held = sum(len(line.replace(",", " ").replace(";", " ").split()) for line in rows if _COUNTS.fullmatch(line))
    return stated is not None and held >= max(LEAST_POINTS, len(rows)) and _plausible(stated, held, rows)


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: the counts do not fit the range, or are not all numbers.
    """
    with about(name):
        lines = decode(data).splitlines()
        header, at = _split(lines)
        stated = known(header)
        if stated is None:
            raise ScanError("does not state where its range begins or its step: export it again")
        counts = numbers("\n".join(lines[at:]).replace(";", " "), "counts")
        wavelength, notes = wavelength_in(header)
        two_theta = known_axis(counts.size, stated, notes)
        if two_theta is None:
            raise ScanError("does not state where its range begins or its step: export it again")
        return scans(name, [Range(two_theta, counts[: two_theta.size], {}, wavelength, notes)])


def known(header: Sequence[str]) -> Stated | None:
    """The range that a header names, or None if it is incomplete."""
    stated = range_in(header)
    ends = stated.stop is not None or stated.points is not None
    if stated.start is None or not ends or (stated.step is None and (stated.stop is None or stated.points is None)):
        return None
    return stated


def _split(lines: Sequence[str]) -> tuple[list[str], int]:
    """The header's lines, and where the counts begin: after the last line without counts."""
    words = [i for i, line in enumerate(lines[:_MOST_LINES]) if line.strip() and not _COUNTS.fullmatch(line)]
    begin = words[-1] + 1 if words else 0
    return [line[:500] for line in lines[:begin]], begin


def _plausible(stated: Stated, held: int, rows: Sequence[str]) -> bool:
    """Whether this many numbers may be the counts: one per line, or in rows as many as the range has points."""
    expected = stated.points or round(((stated.stop or 0.0) - (stated.start or 0.0)) / (stated.step or 1.0)) + 1
    widths = {len(line.replace(",", " ").replace(";", " ").split()) for line in rows[:20]}
    return widths == {1} or (expected - 1 <= held <= expected + _PADDING and not ascends(rows))
