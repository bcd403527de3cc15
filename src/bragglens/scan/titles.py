"""columns_of: which columns of a table are 2θ and intensity, by the titles in its header.

A header may name the axis in the titles of the columns, in a line of its own, or not at all. A table with another axis
than 2θ is converted (θ, d, Q) or refused (energy, χ, φ, r, channel, ...). It is never read as 2θ.
Titles are known in English, German, French, Spanish, Italian, Portuguese, Russian, Chinese and Japanese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError

Array = NDArray[np.float64]

_SYMBOLS = str.maketrans({"ϴ": "θ", "ϑ": "θ", "ɵ": "θ", "ө": "θ", "−": "-", "⁻": "-", "¹": "1", "\xa0": " "})
# θ as programs leave it: "2q" is θ in the font Symbol, "2?" and "2ï¿½" a lost one, "î¸" its UTF-8 read as latin-1.
_TWO_THETA = re.compile(
    r"(?<![a-z0-9])(?:(?:2|two|t|zwei|deux)[\s_*·-]*(?:θ|î¸|th(?:eta)?|teta|тета)(?![a-zа-я])"
    r"|2[\s_-]?(?:q|\?|�)(?![a-z0-9]))"
)
_NOT_ITSELF = re.compile(  # what a title may say of 2θ or of the intensity that makes it another quantity
    r"fwhm|breit|width|largeur|err(?!i)|e\.?s\.?d|std|sigma|uncert|unsich|cal(?:c(?!i)|(?![a-z]))|berech|model|simul|backg|bkg|bgr|"
    r"untergr|fond|diff(?!r)|delta|resid|weight|monitor|\bi_?0\b|shift|offset|(?:counting|step|count)[\s_]*time"
)
_INTENSITY = (
    r"(?:(?:rel|raw|net|meas|obs|exp|tot|norm|gem|corr|abs|diffr|xrd|sum|mean|avg)[\w.]*\W+|[a-z]+_(?=int))*"
    r"(?:intens\w*|intenz\w*|int|counts?|cps|cts|lin|signal|i|y|[iy]?[\s_]?(?:obs|exp|meas)\w*|impulse?|imp|psd|"
    r"z[äa]hl\w*|coups|cuentas|conteggi|conteos|chi_i|интенс\w*|强度|強度|计数|計数)(?![a-zа-я])"
)
_OBSERVED = re.compile(r"(?:^|[\W_i])(?:obs|exp|meas|gem|raw)")
_PER_LENGTH = (
    r"1\s*/\s*(?:å|aa|a|nm)|(?:å|aa|a|ang\w*|nm)\s*(?:\^|\*\*)?\s*[({]?-\s*1[)}]?|inverse\s*(?:ang\w*|å|nano\w*|nm)"
)
_PREFIX = r"(?:(?:x|x[\s_-]*(?:axis|units?)|axis|columns?)\s*[:=,]?\s*|chi_)?"
# Strict: a header line such as "theta = 2.5" or "D. Smith" must not make an axis.
_OTHER_AXIS = re.compile(
    rf"{_PREFIX}(?:(?P<theta>θ|th(?:eta)?|teta)|(?P<d>d(?:[\s_-]*(?:spacings?|values?|hkl|wert\w*|abst\w*))?)"
    r"|(?P<Q>q(?:[\s_-]*(?:space|values?|range|vector))?|\|q\||momentum[\s_-]*transfer|scattering[\s_-]*vector))"
    rf"(?![a-z0-9])[\s_,/]*[\[(]?\s*(?:{_PER_LENGTH}|å|aa|a|ang\w*|nm|rad\w*|deg\w*|°)?(?![a-z0-9])\s*[\])]?"
    rf"(?:$|[\s,;|]+{_INTENSITY})"
)
_ANY_UNIT = (
    r"(?:[\s_,/]*(?:[\[(][^\])]{0,24}[\])]|(?:kev|ev|[mcµu]?m|px|pixels?|deg\w*|°|rad\w*|m?s|sec\w*|min\w*|h|k|°?c|aa|å|a"
    r"|nm|hz|v|ppm|cm-1)(?![a-z0-9])))?"
)
_FOREIGN_AXIS = re.compile(  # at the beginning of a title, or alone in a line of the header
    rf"{_PREFIX}(?P<name>energ\w*|énerg\w*|e|photon energy|chi|χ|psi|ψ|phi|φ|ϕ|omega|ω|kappa|azim\w*(?:[\s_-]*angle)?"
    r"|r|radius|radial(?:[\s_-]*(?:distance|position))?|distance|depth|tiefe|channels?|kan[aä]l\w*|canal|chan\w*|bins?"
    r"|pixels?(?:[\s_-]*(?:number|index|position))?|px|frames?|time|zeit|temps|tiempo|tempo|elapsed[\s_-]*time|t"
    r"|tof|time[\s_-]*of[\s_-]*flight|temp\w*|wave[\s_-]*length|wellenl\w*|lambda|λ|wave[\s_-]*number|raman[\s_-]*shift"
    r"|frequency|frequenz|voltage|potential|mass|m/z|s|sin\W*(?:θ|theta)\W*/?\W*(?:λ|lambda)|1/d\S*|"
    rf"(?:x|y|z|pos(?:ition)?\.?)(?=[\s_]*[\[(]?[mcµu]m[\])]?))(?![a-z0-9]){_ANY_UNIT}\s*(?:$|[\s,;|]+{_INTENSITY})"
)
_ANGLE = re.compile(
    r"(?:angles?|winkel\w*|x|pos(?:ition)?\.?|lage|deg(?:rees?)?\.?|grad|°|[aá]ng[uo]l[oe]s?|角度|угол)"
    r"(?:[\s_]*[\[(]?(?:deg\w*|°|grad)?[\])]?)?$"
)
_ROW_NUMBER = re.compile(r"(?:nr|no|n|num\w*|number|#|index|idx|points?|point_id|id|line|row|imagenum|used|)\W*$")
_SCAN_AXIS = re.compile(
    r"(?:scan(?:ning)?[\s_-]*(?:axis|type)|scanachse)\W+(?P<name>omega|phi|chi|psi|kappa|theta|[xyz])\s*$"
)
_LAST_LINES = 4  # of the header, in which a line may be the name of the axis alone: FIT2D's has four


@dataclass(frozen=True)
class Columns:
    """Which columns are used.

    Attributes:
        axis: number of the column of the angles, from 0.
        counts: number of the column of the intensities.
        label: the header's name of the axis, in lower case, "" if there is none.
        titles: one for each column, in lower case, "" if there is none.
    """

    axis: int
    counts: int
    label: str
    titles: tuple[str, ...]


def columns_of(header: Sequence[str], separator: str, width: int) -> Columns:
    """The columns of 2θ and of the observed intensity, by the titles in the last lines of the header.

    Args:
        header: lines above the table.
        separator: pattern of the separator of the columns.
        width: number of columns.

    Raises:
        ScanError: the header names another axis and no 2θ, or no title names an intensity.
    """
    lines = [spelled(line) for line in header if line.strip()]
    for line in lines:
        if moved := _SCAN_AXIS.match(line):
            raise _foreign(moved["name"])
    titles = _titles(lines, separator, width)
    ranks = [_rank(title) for title in titles]
    if min(ranks) < 3:
        x = ranks.index(min(ranks))
        return Columns(x, _intensity(titles, ranks, x), _with_unit(titles, x, lines), titles)
    x = _first_of_values(titles)
    if foreign := _FOREIGN_AXIS.match(titles[x]):
        raise _foreign(foreign["name"])
    return Columns(x, _intensity(titles, ranks, x), _said_in_lines(lines), titles)


def two_theta_of(axis: Array, label: str, wavelength: float | None, notes: list[str]) -> Array:
    """The axis in degrees 2θ, converted from the quantity that its label names; the wavelength in Å.

    Raises:
        ScanError: d or Q without a wavelength, or values that the wavelength cannot reach.
    """
    other = _OTHER_AXIS.match(label)
    if other is None or _TWO_THETA.search(label):
        return axis
    if other.lastgroup == "theta":
        notes.append("the axis is θ, as the header says: doubled")
        return 2 * axis
    what = f"the axis is {other.lastgroup}, as the header says"
    if wavelength is None:
        raise ScanError(
            f"{what}, which cannot be converted to 2θ without a wavelength: convert it, or add '# wavelength = 1.5406'"
        )
    angstrom = 10 if re.search(r"nm|nano", other[0]) else 1
    with np.errstate(divide="ignore"):
        d = angstrom * (axis if other.lastgroup == "d" else 2 * np.pi / axis)
        sine = wavelength / (2 * d)
    if not ((sine >= 0) & (sine <= 1)).all():
        raise ScanError(f"{what}, but {wavelength:g} Å cannot reach all of it: correct the wavelength or the unit")
    notes.append(f"{what}: converted to 2θ with the file's wavelength, {wavelength:g} Å")
    return np.asarray(np.degrees(2 * np.arcsin(sine)), np.float64)


def spelled(title: str) -> str:
    """A title in lower case, with equivalent signs unified, without LaTeX signs."""
    return re.sub(r"[${}\\]", "", title.lower().translate(_SYMBOLS)).strip(" \t\"'")


def _rank(title: str) -> int:
    """0 for 2θ, 1 for an angle, 2 for θ, d or Q, 3 for intensity, 4 for anything else, 5 for what goes with them."""
    if _NOT_ITSELF.search(re.sub(r"[\[(][^\])]*[\])]", "", title)):
        return 5
    matches = (_TWO_THETA.search, _ANGLE.match, _OTHER_AXIS.match, re.compile(_INTENSITY).match)
    return next((rank for rank, match in enumerate(matches) if match(title)), 4)


def _titles(lines: Sequence[str], separator: str, width: int) -> tuple[str, ...]:
    """One title per column from the header's last lines; all "" if there are no titles."""
    brackets = r"\s+(?![\[(])(?![^\[(]*[\])])"  # blanks but those before and in brackets: Energy (keV) Counts
    for line in lines[:-4:-1]:
        for between in (r"\t| {2,}", separator, brackets):
            titles = tuple(field.strip() for field in re.split(between, line))
            ranks = [_rank(title) for title in titles]
            entry = any(re.fullmatch(r"[-+\d.,e]+", title) for title in titles)
            # "Q phase" is no title line: beside an axis alone, a unit or a separator has to say that it is one.
            axis = ranks[0] < 3 or _FOREIGN_AXIS.fullmatch(titles[0]) is not None
            plain = re.match(between, " ") is not None and not re.search(r"[\[(/_°]", titles[0])
            alone = ranks[0] == 0 and (not plain or max(ranks) > 2)
            if len(titles) == width and not entry and (3 in ranks or alone or (axis and not plain)):
                return titles
    return ("",) * width


def _with_unit(titles: Sequence[str], x: int, lines: Sequence[str]) -> str:
    """The title of the axis with its unit from a line of units below, as Origin writes it."""
    cells = [re.split(r"\s*[\t;,]\s*", line) for line in lines[-_LAST_LINES:]]
    units = [row[x].strip("[]()") for row in cells if len(row) == len(titles)]
    unit = next((unit for unit in reversed(units) if re.fullmatch(rf"{_PER_LENGTH}|nm", unit)), "")
    return f"{titles[x]} ({unit})" if unit and _OTHER_AXIS.fullmatch(titles[x]) else titles[x]


def _first_of_values(titles: Sequence[str]) -> int:
    """The first column that does not number the rows, among those without the title of an axis."""
    if not any(titles):
        return 0
    found = next((i for i, title in enumerate(titles) if not _ROW_NUMBER.match(title)), 0)
    if found and _rank(titles[found]) == 3:
        raise ScanError(
            f"its columns {', '.join(titles)[:60]} number the points and hold no angles: "
            "save it again with 2θ and intensity"
        )
    return found


def _intensity(titles: Sequence[str], ranks: Sequence[int], x: int) -> int:
    """The column of the intensity: the observed one, else the first titled so, else any possible one."""
    others = [i for i, rank in enumerate(ranks) if i != x and rank > 2 and not (titles[i] and _numbers_rows(titles[i]))]
    if not others:
        raise ScanError(f"its columns {', '.join(titles)[:60]} have no intensity: save it again with 2θ and intensity")

    def preference(i: int) -> float:
        motor = _FOREIGN_AXIS.fullmatch(titles[i]) is not None and not titles[i].startswith("chan")
        return ranks[i] + 0.5 * motor - 0.5 * bool(ranks[i] == 3 and _OBSERVED.search(titles[i]))

    return min(others, key=preference)


def _numbers_rows(title: str) -> bool:
    return _ROW_NUMBER.match(title) is not None


def _said_in_lines(lines: Sequence[str]) -> str:
    """The line that names the axis; titles may be one per line, or contain blanks."""
    said = [line for line in lines if _OTHER_AXIS.match(line)]
    if said:
        return said[-1]
    named = [line for line in lines[-_LAST_LINES:] if _FOREIGN_AXIS.match(line) and len(line) > 1]
    two_theta = [line for line in lines if _TWO_THETA.search(line)]
    if named and not any(line in two_theta for line in lines[-_LAST_LINES:]):
        foreign = _FOREIGN_AXIS.match(named[-1])
        raise _foreign(foreign["name"] if foreign else named[-1])
    return two_theta[-1] if two_theta else ""


def _foreign(name: str) -> ScanError:
    return ScanError(
        f"its axis is {name[:30]!r}, as the header says, which is not 2θ: "
        "give a scan over 2θ, or correct the title if it is one"
    )
