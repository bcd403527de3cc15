"""table_in: the header and the table of numbers in column text of any dialect.

Each step decides one question for the whole file, not line by line. What stays ambiguous is refused, because a wrongly
read scan looks as plausible as a correct one.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMENT = re.compile(r"[#!;'%]|//")
_STAMP = re.compile(  # a date and time at the end of every row, or the titles of their columns
    r"[ \t,;]+(?:date[ \t,;]+time|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[ \tT,;]+\d{1,2}:\d\d(?::\d\d)?)$", re.IGNORECASE
)
_ENOUGH = 3  # lines of one width make a table: a date or a range in the header can pass for one or two
_MOST_LINES = 1_000_000
_LONGEST_QUOTED = 2000  # characters of a line in which quotes are parsed: titles and cells take far fewer
_HUGE = 1e30  # no angle; NaN and infinity are not below it either


@dataclass(frozen=True)
class Dialect:
    """How numbers are written in a line: their separator and decimal sign."""

    separator: str
    decimal: str

    @cached_property
    def row(self) -> re.Pattern[str]:
        """Matches a line of two or more numbers. Possessive, so that no line takes more than linear time."""
        # "10." is a number and "10," is not: there the comma may be a separator.
        plain = r"\d++(?:\.\d*+)?+|\.\d++" if self.decimal == "." else r"\d++(?:,\d++)?+"
        number = rf"[-+]?+(?:(?:{plain})(?:e[-+]?+\d++)?+|nan|inf(?:inity)?+)"
        return re.compile(rf"{number}(?:{self.separator}{number})++", re.ASCII | re.IGNORECASE)

    @cached_property
    def fields(self) -> Callable[[str], list[str]]:
        """The text between the separators of a line."""
        return re.compile(self.separator).split

    def width(self, line: str) -> int:
        """Number of columns of a row, 0 for any other line."""
        return len(self.fields(line)) if self.row.fullmatch(line) else 0

    def numbers(self, line: str) -> Iterator[float]:
        """The numbers of a row."""
        return map(float, self.fields(line.replace(",", ".") if self.decimal == "," else line))


_BLANKS, _COMMA, _SEMICOLON = r"[ \t]++", r"[ \t]*+,[ \t]*+", r"[ \t]*+;[ \t]*+"
_DIALECTS = (
    Dialect(_SEMICOLON, "."),
    Dialect(_SEMICOLON, ","),
    Dialect(_COMMA, "."),
    Dialect(_BLANKS, "."),
    Dialect(_BLANKS, ","),
)


@dataclass(frozen=True)
class Table:
    """The content of column text.

    Attributes:
        header: the lines above the table, without comment signs.
        numbers: the table, shape (points, columns).
        rows: its lines, unchanged.
        dialect: how its numbers are written.
    """

    header: list[str]
    numbers: NDArray[np.float64]
    rows: list[str]
    dialect: Dialect


def decode(data: bytes) -> str:
    """Text in any of the usual encodings; never raises."""
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def table_in(text: str) -> Table:
    """The first table in a text: rows of one form up to the end, interrupted by comments only.

    Raises:
        ScanError: there is no table, or a row differs from the others or does not begin with a finite number.
    """
    if text.count("\n") + text.count("\r") > _MOST_LINES:
        raise ScanError(f"has over {_MOST_LINES} lines, more than a powder scan: is this the right file?")
    lines = [_unquoted(line).rstrip(" \t,;\x1a").lstrip(" \t") for line in re.split(r"\r\n|\r|\n", text)]
    kept = [(number, line) for number, line in enumerate(lines, 1) if line and not _COMMENT.match(line)]
    sample = [line for _, line in kept[:: 1 + len(kept) // 4000]]
    dialect = max(_DIALECTS, key=lambda each: sum(map(bool, map(each.row.fullmatch, sample))))
    widths = [dialect.width(line) for _, line in kept]
    starts = (i for i, width in enumerate(widths) if width and widths[i : i + _ENOUGH] == [width] * _ENOUGH)
    start = next(starts, None)
    if start is None:
        if '"' in text:
            return table_in(text.replace('"', ""))  # quotes in places that no rule foresees
        if 2 * sum(_unstamped(line) != line for line in sample) > len(sample) > _ENOUGH:
            return table_in("\n".join(_unstamped(line) for line in lines))
        raise ScanError(_no_table(sample))
    rows = kept[start:]
    numbers = _numbers(rows, widths[start:], dialect)
    _check_start(kept[: start + 1], numbers, dialect)
    return Table([_cleaned(line) for line in lines[: rows[0][0] - 1]], numbers, [line for _, line in rows], dialect)


def _unquoted(line: str) -> str:
    """A line without quotes. Cells in quotes may hold the separator, so they are then separated by tabs."""
    if '"' not in line or len(line) > _LONGEST_QUOTED:
        return line.replace('"', "")
    outside = re.sub(r'"[^"]*"', "", line)
    separator = next((sign for sign in "\t;," if sign in outside), None)
    if separator is None:
        return line.replace('"', "")
    cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return "\t".join(re.sub(r"\s+", " ", cell).strip() for cell in cells)


def _cleaned(line: str) -> str:
    """A header's line without its comment sign, or the mark of the column titles in SPEC files, `#L`."""
    # Bounded in length and in blanks, as the patterns that read it take more than linear time.
    short = re.sub(r"\s{3,}", "  ", line[:500])
    return re.sub(r"^#+L\s+", "", short).lstrip("#!;'%/ \t")


def _unstamped(line: str) -> str:
    """A line without the date and time at its end; only the end is searched, for speed."""
    return line[:-60] + _STAMP.sub("", line[-60:])


def _numbers(rows: Sequence[tuple[int, str]], widths: Sequence[int], dialect: Dialect) -> NDArray[np.float64]:
    width = widths[0]
    for row, found in zip(rows, widths, strict=True):
        if found != width:
            raise _misfit(row, f"{width} numbers like the other rows")
    numbers = np.fromiter(chain.from_iterable(dialect.numbers(line) for _, line in rows), np.float64).reshape(-1, width)
    for i in np.flatnonzero(~(np.abs(numbers[:, 0]) < _HUGE)):
        raise _misfit(rows[int(i)], "all finite numbers")
    return numbers


def _no_table(lines: Sequence[str]) -> str:
    single = sum(re.fullmatch(r"[-+]?\d+(?:[.,]\d*)?", line) is not None for line in lines)
    if single > len(lines) / 2:
        return (
            "has one column only, and no start, step and end above it that fit the number of its rows: "
            "save it again with two columns, 2θ and intensity"
        )
    return "holds no table of numbers: save the scan as text with two columns, 2θ in degrees and intensity"


def _misfit(row: tuple[int, str], expected: str) -> ScanError:
    return ScanError(
        f"line {row[0]}, {row[1][:40]!r}, is not {expected}: "
        "correct or delete it, or save the scan again as two columns, 2θ and intensity"
    )


def _check_start(kept: Sequence[tuple[int, str]], numbers: NDArray[np.float64], dialect: Dialect) -> None:
    """Refuse text among the first rows, which would make them look like a header."""
    first, step = numbers[0, 0], numbers[1, 0] - numbers[0, 0]
    for (_, line), following in pairwise(kept):
        ends = dialect.width(line) == numbers.shape[1] != dialect.width(following[1])
        gap = first - next(dialect.numbers(line)) if ends else 0
        if 0 < gap * np.sign(step) < 2 * _ENOUGH * abs(step):
            raise _misfit(following, f"{numbers.shape[1]} numbers like the other rows")


def check_commas(table: Table, axis: int, *, titled: bool) -> None:
    """Refuse numbers whose separators may mean thousands, decimals or columns: a wrong guess would not be noticed.

    Args:
        table: the table.
        axis: the column of the angles; decimal commas there are not thousands separators.
        titled: whether every column has a title.

    Raises:
        ScanError: they can be read in two ways.
    """
    fields = table.dialect.fields

    def in_thousands(row: str) -> bool:
        pairs = pairwise(fields(row)[1:])
        return any(re.fullmatch(r"[1-9]\d{0,2} \d{3}(\.\d*)?", " ".join(pair)) for pair in pairs)

    only_counts = table.dialect.decimal == "," and not any("," in fields(row)[axis] for row in table.rows)
    if only_counts or (not titled and all(in_thousands(row) for row in table.rows)):
        raise ScanError(
            f"{table.rows[0][:40]!r} can be read in two ways, as its separators may mean thousands: "
            "save it again without thousands separators, and with a line of column titles"
        )
