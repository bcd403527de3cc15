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
from bragglens.scan.scan import Scan

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMENT = re.compile(r"[#!;'%]|//")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_ENOUGH = 3  # lines of one width make a table: a date or a range in the header can pass for one or two
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
    text = _decode(data)
    return len(_CONTROL.findall(text)) <= len(text) / 100


def read(data: bytes, name: str) -> Scan:
    """The scan in columns of text: 2θ in degrees and intensity; or θ, d or Q where the header says so, converted.

    `notes` say what had to be done to the file. Raises ScanError for anything that is no scan, or could be read in
    more than one way.
    """
    try:
        header, titles, numbers = _table(_decode(data))
        wavelength, notes = _wavelength(header)
        label, x, y = _columns(header, titles)
        if len(titles) > 2:
            notes.append(f"used columns {x + 1} and {y + 1} of {len(titles)} as angle and intensity")
        two_theta = _two_theta(numbers[:, x], label, wavelength, notes)
        two_theta, counts = _ascending(two_theta, numbers[:, y], notes)
    except ScanError as error:
        raise ScanError(f"{name}: {error}") from None
    scan = Scan(name, two_theta, counts, wavelength, tuple(notes), _metadata(header))
    _check_axis(scan, said=bool(label))
    return scan


def _decode(data: bytes) -> str:
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
    lines = [line.replace('"', "").rstrip(" \t,;\x1a").lstrip(" \t") for line in re.split(r"\r\n|\r|\n", text)]
    kept = [(number, line) for number, line in enumerate(lines, 1) if line and not _COMMENT.match(line)]
    sample = [line for _, line in kept[:: 1 + len(kept) // 4000]]
    dialect = max(_DIALECTS, key=lambda each: sum(each.width(line) > 0 for line in sample))
    widths = [dialect.width(line) for _, line in kept]
    starts = (i for i, width in enumerate(widths) if width and widths[i : i + _ENOUGH] == [width] * _ENOUGH)
    start = next(starts, None)
    if start is None:
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


_KALPHA1 = re.compile(r"(?:k[\s_-]*)?(?:alpha|α|(?<=k)a)[\s_-]*[1₁](?![\d.,])")
_SECOND = re.compile(r"ratio|(?:alpha|α|ka|lambda|λ|wave[\s_-]*length)[\s_-]*[2₂](?![\d.,])|beta|β")
_WAVELENGTH = re.compile(
    r"(?:wave[\s_-]*length|wellenl\w*|longueur d.onde|lambda|λ|kalpha|k[\s_-]*α|(?<![a-z])wl)"
    r"(?:[\W_]|1(?![\d.,])|(?:å|a|ang(?:str[oö]ms?)?|nm|cu|co|mo|cr|fe|ag|k?alpha)(?![a-z]))*?"
    r"(?P<value>\d+[.,]\d+(?:e[-+]?\d+)?|\d+e-\d+)\s*[a-zå]*"
)
_UNIT = re.compile(r"(?<![a-z])(?:å|a(?:ng\w*)?|nm|pm|m)(?![a-z])")


def _wavelength(header: Sequence[str]) -> tuple[float | None, list[str]]:
    """The wavelength in Å that the header states, Kα1 before any other; None and a note where it is unclear."""
    found: set[tuple[bool, float | None]] = set()
    for line in header:
        text, alpha1 = _KALPHA1.subn("kalpha", _SECOND.split(line.lower())[0])
        found.update((alpha1 > 0, _angstrom(stated)) for stated in _WAVELENGTH.finditer(text))
    values = {value for alpha1, value in found if alpha1} or {value for _, value in found}
    if len(values) == 1 and None not in values:
        return values.pop(), []
    return None, ["the wavelength in the header is unclear, and was not used"] if values else []


def _angstrom(stated: re.Match[str]) -> float | None:
    """The value in Å; None where it cannot be one, or may be in nm: 0.154 is copper in nm and a synchrotron in Å."""
    value = float(stated["value"].replace(",", "."))
    unit = (_UNIT.findall(stated[0]) or ["m" if value < 1e-8 else ""])[-1]
    angstrom = round(value * {"nm": 10.0, "pm": 0.01, "m": 1e10}.get(unit, 1.0), 8)
    return angstrom if (0.1 if unit else 0.25) <= angstrom <= 3 else None


def _metadata(header: Sequence[str]) -> dict[str, str]:
    """The entries of the form key = value."""
    entries = (re.split(r"\s*[=:,;\t]\s*", line, maxsplit=1) for line in header)
    return {entry[0]: entry[1] for entry in entries if len(entry) == 2 and entry[0]}


def _ascending(
    two_theta: NDArray[np.float64], counts: NDArray[np.float64], notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both columns with the angles strictly ascending, rows of the same angle averaged."""
    steps = np.diff(two_theta)
    if steps.min() < 0 < steps.max():
        turn = np.flatnonzero(steps * np.sign(steps[steps != 0][0]) < 0)[0]
        found = f"after {two_theta[turn]:g} comes {two_theta[turn + 1]:g}"
        raise ScanError(f"its angles turn round, {found}: save each range as a file of two columns, 2θ and intensity")
    if steps.min() < 0:
        notes.append("the angles descend: reversed")
    angles, where, rows = np.unique(two_theta, return_inverse=True, return_counts=True)
    if 2 * angles.size <= two_theta.size:
        raise ScanError("half of its angles repeat: save it again with more digits, and with blanks between columns")
    if angles.size < two_theta.size:
        notes.append(f"{two_theta.size - angles.size} rows repeat an angle: averaged")
    return angles, np.bincount(where, weights=counts) / rows


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
