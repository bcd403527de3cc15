"""Counts without angles below a line with their range (.dat, .rit, .raw, .mdi): one per line, or in rows.

One or more titles, one line with the range, then the counts; some files add as many errors. The numbers of that line
are not labelled, so a line counts as a range only if as many counts follow as it says. Layouts:
`start step end` (DBWS-9411 user's guide, Young et al. 1995; FullProf manual, "format of intensity data files"; LHPM,
Riet7, ILL, PSI), `start end step`, `points step start wavelength` (MAUD), `start step time anode wavelength end
points` (MDI's Jade), and two wavelengths with their ratio before `start end step` (WPPF, PROFIT).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from bragglens.errors import ScanError
from bragglens.scan.assemble import Array, Range, about, numbers, scans
from bragglens.scan.scan import LEAST_POINTS, Scan
from bragglens.scan.stated import Stated, known_axis
from bragglens.scan.table import decode
from bragglens.scan.wavelength import wavelength_in

_MOST_TITLES = 6
_PADDING = 10  # numbers that may fill up the last row
_LEAST_STEP = 1e-5  # degrees
_SEEN = 4096  # bytes in which a range must stand
# Possessive, so that no line takes more than linear time.
_NUMBER = r"[-+]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?+\d++)?+"
_RANGE = re.compile(rf"\s*+({_NUMBER}(?:[\s,]++{_NUMBER})++)(?![\d.])")
_JADE = re.compile(
    rf"\s*+({_NUMBER})\s++({_NUMBER})\s++{_NUMBER}\s++([A-Za-z]{{1,2}})\s++({_NUMBER})\s++({_NUMBER})\s++(\d++)\s*+$"
)
_NUMBERS = re.compile(rf"\s*+{_NUMBER}(?:[\s,]++{_NUMBER})*+[\s,]*+")
_ALONE = re.compile(rf"\s*+({_NUMBER})\s*+")


@dataclass(frozen=True)
class _Found:
    """A line that may be the range of the counts below it."""

    at: int
    stated: Stated
    wavelength: float | None = None
    anode: str = ""


def recognises(data: bytes) -> bool:
    """Whether a range stands above as many counts as it says, or above rows of five or more that it does not fit."""
    if b"\0" in data[:_SEEN] or not any(_ranges(decode(data[:_SEEN]).splitlines()[:-1])):
        return False
    return _found(decode(data).splitlines()) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes; points at or below 0°, which detector banks have, are left out.

    Raises:
        ScanError: fewer counts than the range has points, or text among the numbers.
    """
    with about(name):
        lines = decode(data).splitlines()
        found = _found(lines)
        if found is None:
            raise ScanError("holds no counts that fit its range: copy or export it again")
        wavelength, notes = wavelength_in([line[:500] for line in lines[: found.at]])
        two_theta, counts = _points(found, lines, notes)
        metadata = {"sample": lines[0] if found.at else "", "anode": found.anode}
        return scans(name, [Range(two_theta, counts, metadata, found.wavelength or wavelength, notes)])


def _found(lines: Sequence[str]) -> _Found | None:
    """The range that the counts fit; else the first above rows that are no table, for the message of `read`."""
    ranges = list(_ranges(lines))
    for found in ranges:
        below = list(takewhile(_NUMBERS.fullmatch, lines[found.at + 1 :]))
        if _fits(found.stated, below):
            return found
    return next((found for found in ranges if _rows_below(lines[found.at : found.at + 4])), None)


def ascends(rows: Sequence[str]) -> bool:
    """Whether the first numbers of rows of several ascend, as angles do; of counts by chance in one of 10^5."""
    cells = [row.replace(",", " ").split() for row in rows[:20]]
    firsts = [float(row[0]) for row in cells if len(row) > 1]
    return len(firsts) > 8 and all(one < other for one, other in pairwise(firsts))


def _fits(stated: Stated, rows: Sequence[str]) -> bool:
    """Whether the numbers in these rows are as many counts as the range has points, or those of a stopped scan."""
    held = sum(len(row.replace(",", " ").split()) for row in rows)
    points, width = _expected(stated), len(rows[0].replace(",", " ").split()) if rows else 0
    if ascends(rows) or (width == 2 and held >= 2 * (points - 1)):
        return False  # angles and counts, or counts and errors
    doubled = 2 * points <= held < 2 * points + _PADDING
    stopped = width == 1 and stated.points is None and points / 2 < held < points
    return points <= held < points + _PADDING or doubled or stopped or _step_rounded(stated, held)


def _step_rounded(stated: Stated, held: int) -> bool:
    try:
        notes = list[str]()
        axis = known_axis(held, stated, notes)
    except ScanError:
        return False
    return axis is not None and axis.size == held and any("rounds the step" in note for note in notes)


def _rows_below(lines: Sequence[str]) -> bool:
    """Whether rows of five numbers or more follow, of another width than the line itself, so that it is no row."""
    widths = [len(line.replace(",", " ").split()) for line in lines if _NUMBERS.fullmatch(line)]
    rows = widths[-3:]
    is_row = len(widths) == 4 and widths[0] == rows[0]
    return len(rows) == 3 and min(rows) >= 5 and len(set(rows)) == 1 and not is_row


def _expected(stated: Stated) -> int:
    if stated.points is not None:
        return stated.points
    return round(((stated.stop or 0.0) - (stated.start or 0.0)) / (stated.step or 1.0)) + 1


def _points(found: _Found, lines: Sequence[str], notes: list[str]) -> tuple[Array, Array]:
    """2θ and counts; errors that follow the counts, and what fills up the last row, are dropped."""
    rows = list(takewhile(_NUMBERS.fullmatch, lines[found.at + 1 :]))
    body, points = numbers("\n".join(rows), "counts"), _expected(found.stated)
    held = body.size
    whole = any(whole <= held < whole + _PADDING for whole in (points, 2 * points))
    axis = known_axis(points if whole else held, found.stated, notes) if _fits(found.stated, rows) else None
    if axis is None:
        start, stop, step = found.stated.start, found.stated.stop, found.stated.step
        raise ScanError(
            f"states {start:g} to {stop or 0:g}° by {step or 0:g}°, {points} points, but holds {held} numbers: "
            "it is cut short, or does not consist of rows of counts, copy or export it again"
        )
    return axis, body[: axis.size]


def _ranges(lines: Sequence[str]) -> Iterator[_Found]:
    """Possible meanings of the first lines, the most likely first."""
    for at, line in enumerate(lines[: _MOST_TITLES + 1]):
        if jade := _JADE.match(line[:200]):
            start, step, wavelength, stop = (float(jade[group]) for group in (1, 2, 4, 5))
            stated = Stated(start, stop, step or None, int(jade[6][:9]))
            yield from _sane(_Found(at, stated, wavelength, jade[3].title()))
        elif row := _RANGE.match(line[:200]):
            values = [float(word) for word in row[1].replace(",", " ").split()]
            yield from (each for stated in _readings(values, at) for each in _sane(stated))
        alone = [_ALONE.fullmatch(each) for each in lines[at : at + 4]]
        if all(alone[:3]) and len(alone) == 4 and alone[3]:  # start, end, step and a time, one a line
            start, stop, step = (float(each[1]) for each in alone[:3] if each)
            yield from _sane(_Found(at + 3, Stated(start, stop, step)))


def _readings(values: Sequence[float], at: int) -> Iterator[_Found]:
    if len(values) >= 3:
        yield _Found(at, Stated(values[0], values[2], values[1]))
        yield _Found(at, Stated(values[0], values[1], values[2]))
    if len(values) >= 4 and values[0].is_integer() and 0.1 < values[3] < 3:
        yield _Found(at, Stated(values[2], None, values[1], int(values[0])), values[3])
    if len(values) >= 8 and all(0.1 < value < 3 for value in values[2:4]):
        yield _Found(at, Stated(values[5], values[6], values[7]), values[2])


def _sane(found: _Found) -> Iterator[_Found]:
    """The reading if it is possible for a scan."""
    start, stop, step, points = found.stated.start, found.stated.stop, found.stated.step, found.stated.points
    if start is None or not -30 <= start <= 180 or not (step is None or _LEAST_STEP < step < 1):
        return
    if stop is not None and not start < stop <= 180:
        return
    if LEAST_POINTS <= _expected(found.stated) + 1 < 10**7 and (points is None or stop or step):
        yield found
