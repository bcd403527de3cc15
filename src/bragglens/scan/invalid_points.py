"""Invalid points, which no diffractometer measured, found by the statistics of the scan itself.

Programs mark missing points by a fill value: -1, -9999, zero, the largest number of the counter, or the last value
repeated. A value alone does not show that, so the rest of the scan decides: zeros are counts where the background is
zero, values repeat in smoothed and normalised scans, and a line of a substrate is narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.scan.moving import moving_median

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HUGE = 1e15  # no intensity: a fast detector, 10⁹ counts a second, would take 11 days
TINY = 1e-30  # no intensity either: the tails of calculated lines, and damaged numbers
MUCH = 0.2  # share of the points left out from which on that is the first thing to say
# The thresholds below leave every point of 194 of the 198 development scans. In the other four stretches of 41 to 231
# points repeat one value to the last digit: who made the library wrote over another mineral's line there.
_RARE = 1e-6  # chance in the whole scan below which its own noise is ruled out
_APART = 4.0  # standard deviations; the two lowest of 10,000 normal values are 1.5 apart once in a thousand scans
_STANDS_OUT = 8.0  # standard deviations of a spike over the background
_AT_BACKGROUND = 3.0  # standard deviations
_FLAT = 0.01  # of the range of a scan without noise
_MOST_FILLS, _MANY_FILLS = 10, 0.01  # stretches of zero or -1, and their share of the points; beyond, a background
_NO_NOISE = 0.97  # smoothness
_MOST_VALUES = 4  # that are named one by one; programs fill with one or two
_SHORT = 5  # points of a stretch that is not looked at
_TIMES, _MOST_ALIKE = 3, 5  # with more other stretches of a third of its length, long ones are the scan's habit
_LINES = 3  # that tell how narrow a line of the scan is, and as many as there are spikes
_NARROWER = 0.25  # of the narrowest line, in height of its higher neighbour over its own
_NARROWEST = 1e-3  # the same for any line: FWHM of a fifteenth of a step, were it Lorentzian
_NEAR = 25  # points to either side that tell level and noise
_LAG = 3  # points; smoothing of neighbours hides less of the noise so far apart
_NORMAL = 1.4826 / np.sqrt(6)  # standard deviation over the median of absolute second differences


@dataclass(frozen=True)
class LeftOut:
    """Invalid points.

    Attributes:
        which: mask of the points, shape (n,).
        why: the reason.
    """

    which: Mask
    why: str

    def told(self, two_theta: Array) -> str:
        """The sentence of a note; `two_theta` in degrees."""
        at = two_theta[self.which]
        if at.size == 1:
            return f"1 point at {at[0]:g}° left out: {self.why}"
        first, *_, last = np.flatnonzero(self.which).tolist()
        words = "from {:g} to {:g}°" if last - first + 1 == at.size else "between {:g} and {:g}°"
        return f"{at.size} points {words.format(at[0], at[-1])} left out: {self.why}"


@dataclass(frozen=True)
class _Runs:
    """A scan as runs of equal values; a point that differs from both neighbours is a run of one."""

    start: NDArray[np.intp]
    end: NDArray[np.intp]
    value: Array


def impossible(counts: Array) -> list[LeftOut]:
    """Invalid points of a scan: not a number, fill values, gaps, spikes; each point only once.

    Args:
        counts: intensity in any unit, in ascending order of the angles, shape (n,).
    """
    found = []
    left = np.abs(counts) < HUGE  # False for NaN too
    if not left.all():
        found.append(LeftOut(~left, "no number"))
    for look in (_below_all_others, _repeated, _spikes):
        where = np.flatnonzero(left)
        for which, why in look(counts[where]):
            mask = np.zeros(counts.size, dtype=bool)
            mask[where[which]] = True
            found.append(LeftOut(mask, why))
            left = left & ~mask
    return found


def _runs(counts: Array) -> _Runs:
    change = np.flatnonzero(np.diff(counts)) + 1
    start = np.concatenate([[0], change]).astype(np.intp)
    return _Runs(start, np.concatenate([change, [counts.size]]).astype(np.intp), counts[start])


def _noise(counts: Array) -> float:
    """Standard deviation of the noise from second differences, which a few peaks do not change."""
    if counts.size < 2 * _LAG + 1:
        return 0.0
    difference = counts[2 * _LAG :] - 2 * counts[_LAG:-_LAG] + counts[: -2 * _LAG]
    return float(_NORMAL * np.median(np.abs(difference)))


# --- fill values below all counts -------------------------------------------------------------------------------


def _below_all_others(counts: Array) -> Iterator[tuple[Mask, str]]:
    """Zero or negative values further below all others than noise allows, the lowest first."""
    left = np.ones(counts.size, dtype=bool)
    values = list(_fill_values(counts, left))
    if len(values) > _MOST_VALUES:
        yield ~left, f"{len(values)} values, {values[0]:.4g} the lowest, are far below all other intensities"
        return
    for value in values:
        yield counts == value, f"{value:.10g} is far below all other intensities"


def _fill_values(counts: Array, left: Mask) -> Iterator[float]:
    """The fill values one after the other; `left` is updated to the remaining points."""
    while left.any():
        lowest = float(counts[left].min())
        fill = counts == lowest
        others = counts[left & ~fill]
        if lowest > 0 or not others.size or not _apart(lowest, others, often=_often(fill)):
            return
        left &= ~fill
        yield lowest


def _often(fill: Mask) -> bool:
    """Whether a value is so frequent that it is a background (weak intensities set to zero) and not a gap."""
    stretches = np.count_nonzero(np.diff(fill.astype(int), prepend=0) > 0)
    return bool(stretches > _MOST_FILLS and fill.mean() > _MANY_FILLS)


def _apart(lowest: float, others: Array, *, often: bool) -> bool:
    """Whether a value does not belong to the scan, judged by the noise of its low points."""
    next_lowest = others.min()
    if often and lowest >= -1:  # -1 is what rounding leaves of a subtracted background
        return False
    if lowest < 0 <= next_lowest and lowest == np.round(lowest):
        return True  # whole and the only one below zero: a mark, no intensity
    points = min(2 * _LAG + 1, len(others))
    level = np.convolve(others, np.full(points, 1 / points), mode="same")
    noise = _noise(others[level <= np.quantile(level, 0.25)]) or _FLAT * np.ptp(others)
    return bool(next_lowest - lowest > _APART * noise)


# --- gaps -------------------------------------------------------------------------------------------------------


def _repeated(counts: Array) -> Iterator[tuple[Mask, str]]:
    """Runs of one value that are longer than noise, rounding and background of the scan allow."""
    if _smoothness(counts) > _NO_NOISE:
        return
    runs = _runs(counts)
    length = runs.end - runs.start
    long = [int(i) for i in np.flatnonzero(length > _SHORT) if length[i] > _longest_allowed(runs, int(i))]
    for value in dict.fromkeys(runs.value[long].tolist()):
        which = np.zeros(counts.size, dtype=bool)
        for i in long:
            which[runs.start[i] : runs.end[i]] |= runs.value[i] == value
        yield which, f"{value:.10g} repeats for longer than the scan's noise allows"


def _smoothness(counts: Array) -> float:
    """Share of the steps with the sign of the step before: a third in noise, all in a calculated line."""
    steps = np.sign(np.diff(counts))
    steps = steps[steps != 0]
    return float((steps[1:] == steps[:-1]).mean()) if steps.size > 1 else 1.0


def _longest_allowed(runs: _Runs, place: int) -> float:
    """How many points may have the value of a run by chance.

    The probability that the next point repeats the value is that in the other runs of the value (long at a background
    of zero), or that in all far shorter runs if it is larger.
    """
    length = runs.end - runs.start
    same, shorter = runs.value == runs.value[place], _TIMES * length <= length[place]
    if np.count_nonzero(~shorter & ~same) > _MOST_ALIKE:
        return float("inf")
    others = same & shorter if runs.value[place] > runs.value.min() else same & (np.arange(length.size) != place)
    again = max(_again(length[others]), _again(length[shorter]), 1 / length.sum())
    return float(1 + np.log(length.sum() / _RARE) / -np.log(again))


def _again(length: NDArray[np.intp]) -> float:
    """Share of the points in runs that are followed by the same value."""
    return float(1 - length.size / length.sum()) if length.size else 0.0


# --- spikes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tops:
    """Local maxima of a scan, where a run of one value counts as one point."""

    start: NDArray[np.intp]
    end: NDArray[np.intp]
    height: Array  # in standard deviations of the background, over it
    beside: Array  # the same of the higher neighbour


def _spikes(counts: Array) -> Iterator[tuple[Mask, str]]:
    """Single points, or runs of one value, that rise from the background and return to it in one step."""
    tops = _tops(counts)
    alone = tops.beside < _AT_BACKGROUND
    lines = tops.beside[~alone] / tops.height[~alone]
    narrowest = _NARROWER * lines.min() if lines.size >= max(_LINES, int(np.count_nonzero(alone))) else 0.0
    impossible = alone & ((tops.beside + _AT_BACKGROUND) / tops.height < max(narrowest, _NARROWEST))
    if impossible.any():
        which = np.zeros(counts.size, dtype=bool)
        for start, end in zip(tops.start[impossible], tops.end[impossible], strict=True):
            which[start:end] = True
        yield which, "spikes, narrower than any line of this scan"


def _tops(counts: Array) -> _Tops:
    """The significant local maxima."""
    runs = _runs(counts)
    level, noise = _background(runs.value)
    around = np.pad(runs.value, 1, constant_values=-np.inf)
    higher = np.maximum(around[:-2], around[2:])
    height, beside = (runs.value - level) / noise, (higher - level) / noise
    top = (higher < runs.value) & (height > _STANDS_OUT)
    return _Tops(runs.start[top], runs.end[top], height[top], beside[top])


def _background(values: Array) -> tuple[Array, Array]:
    """Level and noise around each value: moving medians of the values and of their second differences."""
    level = moving_median(values, 2 * _NEAR + 1)
    padded = np.pad(values, _LAG, mode="edge")
    bend = np.abs(padded[2 * _LAG :] - 2 * values + padded[: -2 * _LAG])
    usual = np.median(bend[bend > 0]) if bend.any() else 1.0  # where most is zero, a single count is no spike
    unit = float(np.diff(np.unique(values)).min(initial=np.ptp(values) or 1.0))
    noise = _NORMAL * np.maximum(moving_median(bend, 2 * _NEAR + 1), usual)
    return level, np.maximum(noise, np.sqrt(unit * np.maximum(level, unit)))
