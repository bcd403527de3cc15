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

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.scan import Scan

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMENT = re.compile(r"[#!;'%]|//")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_ENOUGH = 3  # lines of one width make a table: a date or a range in the header can pass for one or two
_HUGE = 1e30  # no count and no angle; also what NaN and infinity fail to be below


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


@dataclass(frozen=True)
class _Table:
    """The file's lines, told apart: the header without its comment signs, and the numbers."""

    header: tuple[str, ...]
    titles: tuple[str, ...]
    numbers: NDArray[np.float64]


def recognises(data: bytes) -> bool:
    """Whether these bytes are text. Column text has no mark of its own, so ask every other format first."""
    text = _decode(data)
    return "\0" not in text and len(_CONTROL.findall(text)) <= len(text) / 100


def read(data: bytes, name: str) -> Scan:
    """Read columns of text: 2θ in degrees and intensity; or θ, d or Q where the header says so.

    Args:
        data: the file's content.
        name: what to call the scan, also in errors.

    Returns:
        The scan, its axis in degrees 2θ and ascending, and in `notes` what had to be done for that.

    Raises:
        ScanError: the text holds no scan, or one that could be read in more than one way.
    """
    try:
        table = _table(_decode(data))
        wavelength, notes = _wavelength(table.header)
        label, x, y = _columns(table)
        if table.numbers.shape[1] > 2:
            notes.append(f"used columns {x + 1} and {y + 1} of {table.numbers.shape[1]} as angle and intensity")
        two_theta = _two_theta(table.numbers[:, x], label, wavelength, notes)
        two_theta, counts = _ascending(two_theta, table.numbers[:, y], notes)
        _check_axis(two_theta, said=bool(label))
    except ScanError as error:
        raise ScanError(f"{name}: {error}") from None
    return Scan(name, two_theta, counts, wavelength, tuple(notes), _metadata(table.header))


def _decode(data: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data.decode(encoding, errors="replace")
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[first::2].count(0) * 4 > len(data):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _table(text: str) -> _Table:
    """Find the rows of numbers; all lines before them are the header, and after them only comments may follow."""
    lines = [line.replace('"', "").rstrip(" \t,;\x1a").lstrip(" \t") for line in re.split(r"\r\n|\r|\n", text)]
    kept = [(number, line) for number, line in enumerate(lines, 1) if line and not _COMMENT.match(line)]
    sample = kept[:: 1 + len(kept) // 4000]
    dialect = max(_DIALECTS, key=lambda each: sum(bool(each.row.fullmatch(line)) for _, line in sample))
    widths = [dialect.width(line) for _, line in kept]
    starts = (i for i in range(len(kept)) if widths[i] and widths[i : i + _ENOUGH] == [widths[i]] * _ENOUGH)
    start = next(starts, None)
    if start is None:
        raise ScanError(_no_table([line for _, line in kept]))
    rows, width = kept[start:], widths[start]
    for (number, line), found in zip(rows, widths[start:], strict=True):
        if found != width:
            raise _misfit(number, line, width)
    numbers = np.fromiter((value for _, line in rows for value in dialect.numbers(line)), np.float64)
    numbers = numbers.reshape(-1, width)
    for row in np.flatnonzero(~(np.abs(numbers) < _HUGE).all(axis=1))[:1]:
        raise ScanError(f"line {rows[row][0]}, {rows[row][1][:40]!r}, holds no finite numbers: mend or delete it")
    _check_start(kept[: start + 1], numbers, dialect)
    header = tuple(re.sub(r"^[#!;'%/\s]+", "", line)[:500] for line in lines[: rows[0][0] - 1])
    titles = _titles(header, dialect, width)
    if not titles:
        _check_thousands([line for _, line in rows], dialect)
    return _Table(header, titles, numbers)


def _no_table(lines: Sequence[str]) -> str:
    single = sum(re.fullmatch(r"[-+]?\d+(?:[.,]\d+)?", line) is not None for line in lines)
    if single > len(lines) / 2:
        return "has one column only, so the angles are missing: save it again with two columns, 2θ and intensity"
    return "holds no table of numbers: save the scan as text with two columns, 2θ in degrees and intensity"


def _misfit(number: int, line: str, width: int) -> ScanError:
    return ScanError(
        f"line {number}, {line[:40]!r}, is not {width} numbers like the lines before it: mend or delete it"
    )


def _check_start(kept: Sequence[tuple[int, str]], numbers: NDArray[np.float64], dialect: _Dialect) -> None:
    """Text within the first rows must not make a header of them: it would, as few rows are no table yet."""
    step = numbers[1, 0] - numbers[0, 0]
    for (_, line), (number, following) in zip(kept, kept[1:], strict=False):
        if dialect.width(line) == numbers.shape[1]:
            gap = numbers[0, 0] - dialect.numbers(line)[0]
            if step and 0 < gap / step < 2 * _ENOUGH:
                raise _misfit(number, following, numbers.shape[1])


def _check_thousands(rows: Sequence[str], dialect: _Dialect) -> None:
    """Refuse 10.02,1,234 and the like: two numbers, or three? Titles would have told."""
    separator = dialect.separator
    split = re.compile(rf".*?{separator}[1-9]\d{{0,2}}{separator}\d{{3}}(?:\.\d*)?(?!\d).*")
    # A decimal sign that the angles never show may be none.
    unclear = dialect.decimal == "," and not any("," in dialect.fields(row)[0] for row in rows)
    if unclear or all(split.fullmatch(row) for row in rows):
        raise ScanError(
            f"{rows[0][:40]!r} can be read in two ways, with a decimal or thousands separator: "
            "save it again without thousands separators, and with a line of column titles"
        )


# What the header says.

_TWO_THETA = re.compile(r"(?<![a-z0-9])(?:2|two|t)[\s_*·-]*(?:[θϑ]|th(?:eta)?)(?![a-z])")
_INTENSITY = r"(?:rel\w*\W+)?(?:intens\w*|int|counts?|cps|cts|i|y|[iy]?[\s_]?obs|impulse?|psd)(?![a-z])"
_PER_LENGTH = r"1\s*/\s*(?:å|a|nm)|(?:å|a|ang\w*|nm)\s*(?:\^|\*\*)?\s*[({]?[-−⁻]\s*[1¹][)}]?"
_OTHER_AXIS = re.compile(
    r"(?:(?:x|x[\s_-]*(?:axis|units?)|axis|columns?)\s*[:=]?\s*)?"
    r"(?P<kind>[θϑ]|th(?:eta)?|d(?:[\s_-]*(?:spacings?|values?))?|q|momentum transfer|scattering vector)(?![a-z0-9])"
    rf"[\s_,/]*[\[(]?\s*(?:{_PER_LENGTH}|å|a|ang\w*|nm|rad\w*|deg\w*|°)?(?![a-z0-9])\s*[\])]?"
    rf"(?:$|[\s,;|]+{_INTENSITY})"
)


def _titles(header: Sequence[str], dialect: _Dialect, width: int) -> tuple[str, ...]:
    """One title a column, or () where no line of the header's end is that."""
    for line in [line for line in header if line][:-4:-1]:
        for separator in (r"\t| {2,}", dialect.separator):
            titles = tuple(field.strip().lower() for field in re.split(separator, line))
            known = (_TWO_THETA.search(t) or _OTHER_AXIS.match(t) or re.match(_INTENSITY, t) for t in titles)
            if len(titles) == width and not dialect.width(line) and any(known):
                return titles
    return ()


def _columns(table: _Table) -> tuple[str, int, int]:
    """What the header calls the axis ("" where it does not say), and the columns of the axis and the intensity."""
    titles = table.titles
    axes = [i for i, title in enumerate(titles) if _TWO_THETA.search(title)]
    axes += [i for i, title in enumerate(titles) if _OTHER_AXIS.match(title)]
    x = axes[0] if axes else 0
    intensities = [i for i, title in enumerate(titles) if i != x and re.match(_INTENSITY, title)]
    y = intensities[0] if intensities else (x + 1) % table.numbers.shape[1]
    if axes:
        return titles[x], x, y
    # Titles may stand one a line, or with units that break them up: then the first column is the axis.
    lines = [line.lower() for line in table.header]
    said = [line for line in lines if _OTHER_AXIS.match(line)] or [line for line in lines if _TWO_THETA.search(line)]
    return (said[-1] if said else ""), x, y


def _two_theta(
    axis: NDArray[np.float64], label: str, wavelength: float | None, notes: list[str]
) -> NDArray[np.float64]:
    """The axis in degrees 2θ, converted from what its label says it is."""
    if re.search(r"(?<![a-z])rad(?:ians?)?(?![a-z])", label):
        raise ScanError("its angles are in radians, as the header says: convert them to 2θ in degrees")
    other = _OTHER_AXIS.match(label)
    if other is None or _TWO_THETA.search(label):
        return axis
    kind = other["kind"][0].replace("m", "q").replace("s", "q")
    if kind not in "dq":
        notes.append("the axis is θ, as the header says: doubled")
        return 2 * axis
    kind = kind.replace("q", "Q")
    if wavelength is None:
        raise ScanError(
            f"its axis is {kind}, as the header says, and without the wavelength that gives no angle: convert it to 2θ, "
            "or add a header line such as '# wavelength = 1.5406'"
        )
    per_nm = "nm" in other[0]
    with np.errstate(divide="ignore"):
        sine = wavelength / (axis * (20 if per_nm else 2)) if kind == "d" else axis * wavelength / (4 * np.pi)
    sine = sine / 10 if per_nm and kind == "Q" else sine
    if not ((sine >= 0) & (sine <= 1)).all():
        raise ScanError(f"its axis is {kind}, as the header says, but holds values that {wavelength:g} Å cannot reach")
    notes.append(
        f"the axis is {kind}, as the header says: converted to 2θ with the file's wavelength, {wavelength:g} Å"
    )
    return np.degrees(2 * np.arcsin(sine))


_KALPHA1 = re.compile(r"(?:k[\s_-]*)?(?:alpha|α|(?<=k)a)[\s_-]*1(?![\d.,])")
_SECOND = re.compile(r"ratio|(?:alpha|α|ka|lambda|λ|wave[\s_-]*length)[\s_-]*2(?![\d.,])|beta|β")
_WAVELENGTH = re.compile(
    r"(?:wave[\s_-]*length|wellenl\w*|longueur d.onde|lambda|λ|kalpha|k[\s_-]*α)"
    r"(?:[\W_]|1(?![\d.,])|(?:å|a|angstr\w*|nm|cu|co|mo|cr|fe|ag|k?alpha)(?![a-z]))*?"
    r"(?<![\d.,])(?P<value>\d+[.,]\d+(?:e[-+]?\d+)?|\d+e-\d+)\s*[a-zå]*"
)
_UNIT = re.compile(r"(?<![a-z])(?:å|a(?:ng\w*)?|nm|pm|m)(?![a-z])")


def _wavelength(header: Sequence[str]) -> tuple[float | None, list[str]]:
    """The wavelength in Å that the header states, Kα1 where it tells them apart; None and a note where it is unclear."""
    found: dict[bool, set[float | None]] = {True: set(), False: set()}
    for line in header:
        text, alpha1 = _KALPHA1.subn("kalpha", _SECOND.split(line.lower())[0])
        stated = _WAVELENGTH.search(text)
        if stated:
            found[alpha1 > 0].add(_angstrom(stated))
    values = found[True] or found[False]
    if len(values) == 1 and None not in values:
        return values.pop(), []
    return None, ["the header's wavelength is unclear, and was not used"] if values else []


def _angstrom(stated: re.Match[str]) -> float | None:
    """The value in Å, None where it cannot be one or may be in nm: 0.154 is copper in nm and a synchrotron in Å."""
    value = float(stated["value"].replace(",", "."))
    unit = _UNIT.findall(stated[0])
    scale = {"nm": 10.0, "pm": 0.01, "m": 1e10}.get(unit[-1] if unit else "m" if value < 1e-8 else "", 1.0)
    if not 0.1 <= value * scale <= 3 or (not unit and scale == 1 and value < 0.25):
        return None
    return float(f"{value * scale:.10g}")


def _metadata(header: Sequence[str]) -> dict[str, str]:
    """The entries of the form key = value."""
    entries = (re.split(r"\s*[=:,;\t]\s*", line, maxsplit=1) for line in header)
    return {entry[0]: entry[1] for entry in entries if len(entry) == 2 and entry[0]}


# What the axis itself says.


def _ascending(
    two_theta: NDArray[np.float64], counts: NDArray[np.float64], notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both columns with the angles strictly ascending, rows of the same angle averaged."""
    steps = np.diff(two_theta)
    turns = np.flatnonzero(steps * np.sign(steps[np.flatnonzero(steps)[:1]]).sum() < 0)
    if turns.size:
        before, after = two_theta[turns[0]], two_theta[turns[0] + 1]
        raise ScanError(
            f"its first column does not run one way, after {before:g} comes {after:g}: save each range as a file of its "
            "own with two columns, 2θ and intensity"
        )
    if steps.min() < 0:
        notes.append("the angles descend: reversed")
    angles, where, rows = np.unique(two_theta, return_inverse=True, return_counts=True)
    if 2 * angles.size <= two_theta.size:
        raise ScanError("most of its angles repeat: save them with more digits, and with no comma for two purposes")
    if angles.size < two_theta.size:
        notes.append(f"{two_theta.size - angles.size} rows repeat an angle: averaged")
    return angles, np.bincount(where, weights=counts) / rows


def _check_axis(two_theta: NDArray[np.float64], *, said: bool) -> None:
    """Refuse what can hardly be 2θ in degrees; `said` where the header calls it that, or it was converted."""
    steps = np.diff(two_theta)
    if two_theta[-1] < 3.2:
        raise ScanError(f"its angles end at {two_theta[-1]:g}, which looks like radians: convert them to 2θ in degrees")
    if not said and (two_theta[-1] < 12 or np.median(steps[-5:]) > 20 * np.median(steps[:5])):
        raise ScanError(
            f"its axis, {two_theta[0]:g} to {two_theta[-1]:g}, looks like d or Q rather than 2θ: convert it to 2θ, "
            "or, if it is that, add the title line '2theta intensity'"
        )
