"""The range that a header states (start, end, step, number of points), compared with the content of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import agreed_points, even_axis

Array = NDArray[np.float64]

ROUNDED = 0.05
"""Largest part of a step that its rounding may take: X'Celerator's 0.00836° is written as 0.008."""

_DIVISIBLE = 0.05  # of a step: a range that misses a whole number of steps by less may be one
_COARSE = 0.25  # of a step: where the ends are written so coarsely, whether they are a number of steps cannot be seen
_SLACK = 1  # points: a header may count steps, or both ends
_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_ENTRY = re.compile(
    r"(?P<key>[^\W\d](?:[^=:;,\t\d]{0,40}[^\W\d])?)[\s.*\"']*[=:;,\t ]\s*(?P<value>[-+]?\d{1,9}(?:[.,]\d{1,9})?)(?!\d)"
)
_WORD = re.compile(r"[A-ZÄÖÜ]?[a-zäöüéè]+|[A-Z]+")
_JADE = re.compile(r"scan\W+(?P<start>[\d.]+)/(?P<stop>[\d.]+)/(?P<step>[\d.]+)/", re.IGNORECASE)
_KINDS = {
    "start": "start begin beginning from anfang beginn startwinkel anfangswinkel anfangspos startpos début debut "
    "départ inicio inizio startangle startposition xstart",
    "stop": "stop end ende to final endwinkel endpos fin finish fine stopangle endangle endposition xend",
    "step": "step steps stepsize stepwidth increment inc schrittweite schritt pas paso passo",
    "points": "points point npoints npts pts punkte messpunkte datenpunkte datapoints numpoints puntos punti stepcount",
}
_WORDS = {word: kind for kind, words in _KINDS.items() for word in words.split()}
_FILLERS = (
    "angle angles position pos theta th tth twotheta ttheta deg degrees size width value winkel of number no nr n num "
    "total anzahl der nombre de scan data x axis range measured scanned count gonio"
)


@dataclass(frozen=True)
class Stated:
    """A range in degrees 2θ as a header states it; None for missing values."""

    start: float | None = None
    stop: float | None = None
    step: float | None = None
    points: int | None = None


def range_in(header: Sequence[str]) -> Stated:
    """The range in the lines of a header; of repeated entries the last counts."""
    found: dict[str, float] = {}
    for line in header:
        if jade := _JADE.search(line):
            return Stated(_number(jade["start"]), _number(jade["stop"]), _number(jade["step"]))
        found |= dict(_entries(line))
    points = found.get("points") or _alone(header)
    return Stated(found.get("start"), found.get("stop"), found.get("step"), int(points) if points else None)


def _alone(header: Sequence[str]) -> int | None:
    """A number of points alone above a table: as the whole header, or as FIT2D's fourth line."""
    lines = [line.strip() for line in header if line.strip()]
    return int(lines[-1]) if len(lines) in (1, 4) and re.fullmatch(r"[0-9]{2,7}", lines[-1]) else None


def _entries(line: str) -> Iterator[tuple[str, float]]:
    for entry in _ENTRY.finditer(_BRACKETS.sub("", line)):
        words = [word.lower() for word in _WORD.findall(entry["key"])]
        kinds = [_WORDS[word] for word in words if word in _WORDS]
        if not kinds or not all(word in _WORDS or word in _FILLERS.split() for word in words):
            continue
        counted = "points" in kinds or {"number", "count", "no", "anzahl", "nombre"} & {*words}
        value = float(entry["value"].replace(",", "."))
        yield "points" if counted else kinds[0], value


def _number(text: str) -> float | None:
    """The number in a text of digits and points, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def missing(stated: Stated, two_theta: Array) -> list[str]:
    """A note if a table has fewer points than its header states, or ends before the stated end."""
    held = two_theta.size
    if stated.points is not None:
        short = stated.points > held + _SLACK
        return (
            [f"the header states {stated.points} points, the file holds {held}: it may be cut short"] if short else []
        )
    last, step = float(two_theta.max()), float(np.median(np.abs(np.diff(two_theta)))) if held > 1 else 0.0
    if stated.stop is not None and last + 1.5 * step < stated.stop <= 180:
        return [f"the header states an end at {stated.stop:g}°, the file ends at {last:g}°: it may be cut short"]
    return []


def stated_axis(held: int, *, start: float, stop: float | None, step: float, notes: list[str]) -> Array:
    """2θ in degrees for the counts of a file, from the range that it states.

    A rounded step is replaced by range over number of counts, with a note. If the axis is shorter than `held`, the
    caller drops the counts beyond the range.

    Raises:
        ScanError: the counts do not fit the range, or are not possible for a scan.
    """
    if stop is not None and held > 2 and (exact := _rounded(held, start, stop, step)):
        notes.append(f"the header rounds the step to {step:g}°: {exact:.6g}°, so that {held} points end at {stop:g}°")
        return even_axis(start, exact, held)
    return even_axis(start, step, agreed_points(held, start=start, stop=stop, step=step, notes=notes))


def _rounded(held: int, start: float, stop: float, step: float) -> float | None:
    """The step from range and number of points, if the header's step is its rounded value."""
    exact = (stop - start) / (held - 1)
    if not 0 < step < abs(stop - start):
        return None
    steps = (stop - start) / step
    if abs(steps - (held - 1)) <= _SLACK or abs(exact - step) > min(_half_digit(step) * 1.01, ROUNDED * step):
        return None
    coarse, off = (_half_digit(start) + _half_digit(stop)) / step, abs(steps - round(steps))
    return None if off <= _DIVISIBLE or off <= coarse <= _COARSE else exact  # whole steps: the scan was stopped


def _half_digit(value: float) -> float:
    """Half a unit of the last digit that is written."""
    return 0.5 * 10.0 ** -len(f"{value:.8f}".rstrip("0").partition(".")[2])


def known_axis(held: int, stated: Stated, notes: list[str]) -> Array | None:
    """2θ of counts without angles, or None if the header does not state enough of the range.

    Raises:
        ScanError: the counts do not fit the range.
    """
    start, stop, step, points = stated.start, stated.stop, stated.step, stated.points
    if start is None or (step is None and (stop is None or points is None)):
        return None
    if points is not None and held < points - _SLACK:
        if 2 * held < points:
            raise ScanError(f"states {points} points, but holds {held}: it is cut short, copy or export it again")
        notes.append(f"the header states {points} points, the file holds {held}: it may be cut short")
    if step is None or (points is not None and stop is not None and points > 1):
        exact = (float(stop or 0.0) - start) / (float(points or 2) - 1)
        if step is None or abs(exact - step) <= _half_digit(step):
            step = round(exact, 9)
        return even_axis(start, step, min(held, points or held))
    if points is not None:
        return even_axis(start, step, min(held, points))
    return stated_axis(held, start=start, stop=stop, step=step, notes=notes)
