"""Column text in any dialect: .xy .xye .csv .txt .dat .asc and RRUFF's.

Bytes become lines, lines a header and a table, and the header says what the columns are. Every step settles one
question for the whole file at once, never line by line, and what stays ambiguous is refused: a scan read wrongly
looks as good as one read rightly.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import about, ascending, few
from bragglens.scan.scan import LEAST_POINTS, Scan
from bragglens.scan.wavelength import wavelength_in

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMENT = re.compile(r"[#!;'%]|//")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_STAMP = re.compile(  # a date and time at the end of every row, or the titles of their columns
    r"[ \t,;]+(?:date[ \t,;]+time|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[ \tT,;]+\d{1,2}:\d\d(?::\d\d)?)$", re.IGNORECASE
)
_ENOUGH = 3  # lines of one width make a table: a date or a range in the header can pass for one or two
_MOST_LINES = 1_000_000
_HUGE = 1e30  # no count and no angle; NaN and infinity are not below it either


@dataclass(frozen=True)
class _Dialect:
    """How numbers stand in a line: what separates them and their decimal sign."""

    separator: str
    decimal: str

    @cached_property
    def row(self) -> re.Pattern[str]:
        """Matches a line of two or more numbers. Possessive, so that no line takes more than linear time."""
        # "10." is a number and "10," is not: there the comma may be a separator.
        plain = r"\d++(?:\.\d*+)?+|\.\d++" if self.decimal == "." else r"\d++(?:,\d++)?+"
        number = rf"[-+]?+(?:(?:{plain})(?:e[-+]?+\d++)?+|nan|inf(?:inity)?+)"
        return re.compile(rf"{number}(?:{self.separator}{number})++", re.ASCII | re.IGNORECASE)

    def fields(self, line: str) -> list[str]:
        return re.split(self.separator, line)

    def width(self, line: str) -> int:
        """Number of columns of a row, 0 for any other line."""
        return len(self.fields(line)) if self.row.fullmatch(line) else 0

    def numbers(self, line: str) -> list[float]:
        return [float(field.replace(",", ".")) for field in self.fields(line)]


_BLANKS, _COMMA, _SEMICOLON = r"[ \t]++", r"[ \t]*+,[ \t]*+", r"[ \t]*+;[ \t]*+"
_DIALECTS = (
    _Dialect(_SEMICOLON, "."),
    _Dialect(_SEMICOLON, ","),
    _Dialect(_COMMA, "."),
    _Dialect(_BLANKS, "."),
    _Dialect(_BLANKS, ","),
)


def recognises(data: bytes) -> bool:
    """Whether these bytes are text. Column text has no mark of its own, so ask every other format first."""
    text = decode(data)
    return len(_CONTROL.findall(text)) <= len(text) / 100


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in columns of text: 2θ in degrees and intensity; or θ, d or Q where the header says so, converted.

    `notes` say what had to be done to the file. Raises ScanError for anything that is no scan, or could be read in
    more than one way.
    """
    return read_columns(decode(data), name)


def read_columns(text: str, name: str) -> tuple[Scan, ...]:
    """The scans in columns of text that is decoded already: several where the angles begin anew."""
    with about(name):
        header, titles, numbers = _table(text)
        wavelength, notes = wavelength_in(header)
        label, x, y = _columns(header, titles)
        if len(titles) > 2:
            notes.append(f"used columns {x + 1} and {y + 1} of {len(titles)} as angle and intensity")
        two_theta = _two_theta(numbers[:, x], label, wavelength, notes)
        found = []
        for angles, counts in few(_runs(two_theta, numbers[:, y])):
            said = list(notes)
            columns = ascending(angles, counts, said)
            found.append(Scan(name, *columns, wavelength, tuple(said), _metadata(header)))
            _check_axis(found[-1], said=bool(label))
    return tuple(found)


def decode(data: bytes) -> str:
    """Text of any of the usual encodings; never raises."""
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _table(text: str) -> tuple[list[str], tuple[str, ...], NDArray[np.float64]]:
    """The header without comment signs, one title a column ("" for none), and the numbers, shape (points, columns).

    The first rows that look alike begin the table; from there to the end of the file only comments may interrupt it.
    """
    if text.count("\n") + text.count("\r") > _MOST_LINES:
        raise ScanError(f"has over {_MOST_LINES} lines, more than a powder scan: is this the right file?")
    lines = [line.replace('"', "").rstrip(" \t,;\x1a").lstrip(" \t") for line in re.split(r"\r\n|\r|\n", text)]
    kept = [(number, line) for number, line in enumerate(lines, 1) if line and not _COMMENT.match(line)]
    sample = [line for _, line in kept[:: 1 + len(kept) // 4000]]
    dialect = max(_DIALECTS, key=lambda each: sum(each.width(line) > 0 for line in sample))
    widths = [dialect.width(line) for _, line in kept]
    starts = (i for i, width in enumerate(widths) if width and widths[i : i + _ENOUGH] == [width] * _ENOUGH)
    start = next(starts, None)
    if start is None:
        if 2 * sum(_unstamped(line) != line for line in sample) > len(sample) > _ENOUGH:
            return _table("\n".join(_unstamped(line) for line in lines))
        raise ScanError(_no_table(sample))
    rows, width = kept[start:], widths[start]
    for row, found in zip(rows, widths[start:], strict=True):
        if found != width:
            raise _misfit(row, f"{width} numbers like the other rows")
    numbers = np.fromiter((value for _, line in rows for value in dialect.numbers(line)), np.float64).reshape(-1, width)
    for i in np.flatnonzero(~(np.abs(numbers) < _HUGE).all(axis=1)):
        raise _misfit(rows[i], "all finite numbers")
    _check_start(kept[: start + 1], numbers, dialect)
    # Bounded in length and in blanks, as the patterns that read it take more than linear time.
    header = [re.sub(r"\s{3,}", "  ", line[:500]).lstrip("#!;'%/ \t") for line in lines[: rows[0][0] - 1]]
    titles = _titles(header, dialect, width)
    _check_commas([line for _, line in rows], dialect, titled=any(titles))
    return header, titles, numbers


def _unstamped(line: str) -> str:
    """A line without the date and time at its end; only the end is looked at, so that no line takes long."""
    return line[:-60] + _STAMP.sub("", line[-60:])


def _no_table(lines: Sequence[str]) -> str:
    single = sum(re.fullmatch(r"[-+]?\d+(?:[.,]\d*)?", line) is not None for line in lines)
    if single > len(lines) / 2:
        return "has one column only, so the angles are missing: save it again with two columns, 2θ and intensity"
    return "holds no table of numbers: save the scan as text with two columns, 2θ in degrees and intensity"


def _misfit(row: tuple[int, str], expected: str) -> ScanError:
    return ScanError(
        f"line {row[0]}, {row[1][:40]!r}, is not {expected}: "
        "mend or delete it, or save the scan again as two columns, 2θ and intensity"
    )


def _check_start(kept: Sequence[tuple[int, str]], numbers: NDArray[np.float64], dialect: _Dialect) -> None:
    """Text among the first rows must not make them a header: they are too few to be seen as a table."""
    first, step = numbers[0, 0], numbers[1, 0] - numbers[0, 0]
    for (_, line), following in pairwise(kept):
        ends = dialect.width(line) == numbers.shape[1] != dialect.width(following[1])
        gap = first - dialect.numbers(line)[0] if ends else 0
        if 0 < gap * np.sign(step) < 2 * _ENOUGH * abs(step):
            raise _misfit(following, f"{numbers.shape[1]} numbers like the other rows")


def _check_commas(rows: Sequence[str], dialect: _Dialect, *, titled: bool) -> None:
    """Refuse numbers whose separators mean either thousands or decimals or columns: a wrong guess would not show."""

    def in_thousands(row: str) -> bool:
        pairs = pairwise(dialect.fields(row)[1:])
        return any(re.fullmatch(r"[1-9]\d{0,2} \d{3}(\.\d*)?", " ".join(pair)) for pair in pairs)

    only_counts = dialect.decimal == "," and not any("," in dialect.fields(row)[0] for row in rows)
    if only_counts or (not titled and all(in_thousands(row) for row in rows)):
        raise ScanError(
            f"{rows[0][:40]!r} can be read in two ways, as its separators may mean thousands: "
            "save it again without thousands separators, and with a line of column titles"
        )


_TWO_THETA = re.compile(r"(?<![a-z0-9])(?:2|two|t)[\s_*·-]*(?:[θϑ]|th(?:eta)?)(?![a-z])")
_INTENSITY = r"(?:rel\w*\W+)?(?:intens\w*|int|counts?|cps|cts|lin|signal|i|y|[iy]?[\s_]?obs|impulse?|psd)(?![a-z])"
_PER_LENGTH = r"1\s*/\s*(?:å|a|nm)|(?:å|a|ang\w*|nm)\s*(?:\^|\*\*)?\s*[({]?[-−⁻]\s*[1¹][)}]?"
# Strict: a header line such as "theta = 2.5" or "D. Smith" must not make an axis.
_OTHER_AXIS = re.compile(
    r"(?:(?:x|x[\s_-]*(?:axis|units?)|axis|columns?)\s*[:=]?\s*)?"
    r"(?:(?P<theta>[θϑ]|th(?:eta)?)|(?P<d>d(?:[\s_-]*(?:spacings?|values?))?)"
    r"|(?P<Q>q|momentum transfer|scattering vector))"
    rf"(?![a-z0-9])[\s_,/]*[\[(]?\s*(?:{_PER_LENGTH}|å|a|ang\w*|nm|rad\w*|deg\w*|°)?(?![a-z0-9])\s*[\])]?"
    rf"(?:$|[\s,;|]+{_INTENSITY})"
)


def _rank(title: str) -> int:
    """0 for 2θ, 1 for another axis, 2 for intensity, 3 for anything else."""
    matches = (_TWO_THETA.search, _OTHER_AXIS.match, re.compile(_INTENSITY).match)
    return next((rank for rank, match in enumerate(matches) if match(title)), 3)


def _titles(header: Sequence[str], dialect: _Dialect, width: int) -> tuple[str, ...]:
    """One title a column in lower case, from the header's last lines; all "" where none of them is that."""
    for line in [line.lower() for line in header if line][:-4:-1]:
        for separator in (r"\t| {2,}", dialect.separator):
            titles = tuple(field.strip() for field in re.split(separator, line))
            ranks = [_rank(title) for title in titles]
            entry = any(re.fullmatch(r"[-+\d.,e]+", title) for title in titles)
            if len(titles) == width and not entry and (2 in ranks or ranks[0] < 2):
                return titles
    return ("",) * width


def _columns(header: Sequence[str], titles: Sequence[str]) -> tuple[str, int, int]:
    """What the header calls the axis ("" where it does not say), and the columns of the axis and the intensity."""
    ranks = [_rank(title) for title in titles]
    x = ranks.index(min(ranks)) if min(ranks) < 2 else 0
    others = [i for i, rank in enumerate(ranks) if i != x and rank > 1]
    if not others:
        raise ScanError(f"its columns {', '.join(titles)} hold no intensity: save it again with 2θ and intensity")
    y = min(others, key=lambda i: ranks[i])
    if ranks[x] < 2:
        return titles[x], x, y
    # Titles may stand one a line, or hold blanks that break them up: then the first column is the axis.
    lines = [line.lower() for line in header]
    said = [line for line in lines if _OTHER_AXIS.match(line)] or [line for line in lines if _TWO_THETA.match(line)]
    return (said[-1] if said else ""), x, y


def _two_theta(
    axis: NDArray[np.float64], label: str, wavelength: float | None, notes: list[str]
) -> NDArray[np.float64]:
    """The axis in degrees 2θ, converted from what its label says it is."""
    other = _OTHER_AXIS.match(label)
    if other is None:
        return axis
    if other.lastgroup == "theta":
        notes.append("the axis is θ, as the header says: doubled")
        return 2 * axis
    what = f"the axis is {other.lastgroup}, as the header says"
    if wavelength is None:
        raise ScanError(f"{what}, which gives no 2θ without a wavelength: convert it, or add '# wavelength = 1.5406'")
    angstrom = 10 if "nm" in other[0] else 1
    with np.errstate(divide="ignore"):
        d = angstrom * (axis if other.lastgroup == "d" else 2 * np.pi / axis)
        sine = wavelength / (2 * d)
    if not ((sine >= 0) & (sine <= 1)).all():
        raise ScanError(f"{what}, but {wavelength:g} Å does not reach all of it: correct the wavelength or the unit")
    notes.append(f"{what}: converted to 2θ with the file's wavelength, {wavelength:g} Å")
    return np.asarray(np.degrees(2 * np.arcsin(sine)), np.float64)


def _metadata(header: Sequence[str]) -> dict[str, str]:
    """The entries of the form key = value."""
    entries = (re.split(r"\s*[=:,;\t]\s*", line, maxsplit=1) for line in header)
    return {entry[0]: entry[1] for entry in entries if len(entry) == 2 and entry[0]}


def _runs(two_theta: NDArray[np.float64], counts: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], ...]]:
    """Columns cut where the angles begin anew; whole where a piece would be no scan, as in an unsorted table."""
    begins = np.flatnonzero(np.diff(two_theta) < 0) + 1
    pieces = np.split(np.arange(two_theta.size), begins)
    if len(pieces) == 1 or min(piece.size for piece in pieces) < LEAST_POINTS:
        return [(two_theta, counts)]
    return [(two_theta[piece], counts[piece]) for piece in pieces]


def _check_axis(scan: Scan, *, said: bool) -> None:
    """Refuse what can hardly be 2θ in degrees; `said` where the header calls it that, or it was converted."""
    steps, last = np.diff(scan.two_theta), scan.two_theta[-1]
    if last < 3.2:
        raise ScanError(f"{scan.name}: its angles end at {last:g}, likely radians: convert them to 2θ in degrees")
    # Of a scan with even steps in 2θ, the steps in d grow a hundredfold.
    if not said and (last < 12 or np.median(steps[-5:]) > 6 * np.median(steps[:5])):
        raise ScanError(
            f"{scan.name}: its axis, {scan.two_theta[0]:g} to {last:g}, looks like d or Q: convert it to 2θ, "
            "or, if it is 2θ, add the title line '2theta intensity'"
        )
