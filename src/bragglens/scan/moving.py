"""Moving windows over evenly spaced points: mean, lowest, highest, median, and convolution.

The results are those of scipy.ndimage. Its import takes longer than all the filters of a scan, in the process that
reads and again in the one that answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Float = TypeVar("Float", bound=np.floating[Any])
Beyond = Literal["symmetric", "edge", "constant"]
"""What is beyond the ends: the points mirrored, the last point repeated, or zero."""

_BLOCK = 4096  # windows that are sorted at a time: those of a long scan would take gigabytes


def moving_mean(values: NDArray[np.floating], points: int) -> Array:
    """Mean of the window about each point, as a running sum; beyond its ends the scan is mirrored, shape (n,)."""
    wide = _widened(np.asarray(values, dtype=np.float64), points, "symmetric")
    first = np.cumsum(wide[:points])[-1]
    return np.cumsum(np.concatenate([[first], wide[points:] - wide[:-points]])) / points


def moving_lowest(values: NDArray[Float], points: int, beyond: Beyond = "symmetric") -> NDArray[Float]:
    """Lowest value in the window about each point, shape (n,)."""
    return _extreme(_widened(values, points, beyond), points, np.minimum)


def moving_highest(values: NDArray[Float], points: int) -> NDArray[Float]:
    """Highest value in the window about each point; beyond its ends the scan is mirrored, shape (n,)."""
    return _extreme(_widened(values, points, "symmetric"), points, np.maximum)


def moving_median(values: Array, points: int) -> Array:
    """Median of the window of an odd number of points about each one; the ends are repeated, shape (n,)."""
    windows = np.lib.stride_tricks.sliding_window_view(_widened(values, points, "edge"), points)
    blocks = (windows[first : first + _BLOCK] for first in range(0, len(windows), _BLOCK))
    return np.concatenate([np.sort(block, axis=1)[:, points // 2] for block in blocks])


def convolved(curves: Array, weights: Array, beyond: Beyond) -> Array:
    """Curves convolved with a symmetric kernel of an odd number of weights, along the last axis, same shape.

    The sum runs from the ends of the kernel to its middle, always in this order.
    """
    reach, points = len(weights) // 2, curves.shape[-1]
    wide = _widened(curves, len(weights), beyond)
    total = curves * weights[reach]
    for left in range(reach):
        right = 2 * reach - left
        total += (wide[..., left : left + points] + wide[..., right : right + points]) * weights[left]
    return total


def gaussian(deviation: float) -> Array:
    """Weights of a Gaussian with a standard deviation in points, to four of them on either side; their sum is 1."""
    reach = int(4 * deviation + 0.5)
    weights = np.exp(-0.5 / deviation**2 * np.arange(-reach, reach + 1) ** 2)
    return np.asarray(weights / weights.sum())


def _widened(values: NDArray[Float], points: int, beyond: Beyond) -> NDArray[Float]:
    """Values with what windows of some points reach at the ends; an even window reaches further to the left."""
    sides = [(0, 0)] * (values.ndim - 1) + [(points // 2, points - 1 - points // 2)]
    return np.pad(values, sides, mode=beyond)


def _extreme(wide: NDArray[Float], points: int, of: Callable[..., Any]) -> NDArray[Float]:
    """The extreme of each window, from windows of half the size."""
    reach = 1
    while 2 * reach <= points:
        wide = of(wide[:-reach], wide[reach:])
        reach *= 2
    rest = points - reach
    return of(wide[: len(wide) - rest], wide[rest:])
