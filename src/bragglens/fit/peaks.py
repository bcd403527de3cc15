"""Peaks: local maxima of a curve, as by SciPy's `find_peaks`, whose import would cost every command a second."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.intp]


def peaks(
    curve: Array, *, height: Array | float = -np.inf, prominence: Array | float = 0.0, distance: int = 1
) -> Places:
    """Positions of the maxima of a curve, in ascending order.

    Args:
        curve: values, (points,).
        height: least value of a top, one for all or one for each point.
        prominence: least height of a top above the higher of the lowest points that part it from higher tops.
        distance: least number of points between two tops; of nearer ones the higher stays.
    """
    tops = _maxima(curve)
    tops = tops[curve[tops] >= np.broadcast_to(height, curve.shape)[tops]]
    tops = tops[_apart(tops, curve[tops], distance)]
    return (
        tops[_prominence(curve, tops) >= np.broadcast_to(prominence, curve.shape)[tops]] if np.any(prominence) else tops
    )


def _maxima(curve: Array) -> Places:
    """Points higher than both neighbours; the middle of a flat maximum."""
    first = np.flatnonzero(np.diff(curve, prepend=np.nan) != 0)  # of each run of equal values
    last = np.append(first[1:], len(curve)) - 1
    level = curve[first]
    higher = np.zeros(len(first), dtype=bool)
    higher[1:-1] = (level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])
    return (first[higher] + last[higher]) // 2


def _apart(tops: Places, heights: Array, distance: int) -> NDArray[np.bool_]:
    """Which maxima remain if each, the highest first, removes lower ones within a distance."""
    kept = np.ones(len(tops), dtype=bool)
    for i in np.argsort(heights)[::-1]:
        if kept[i]:
            kept &= (np.abs(tops - tops[i]) >= distance) | (np.arange(len(tops)) == i)
    return kept


def _prominence(curve: Array, tops: Places) -> Array:
    """Height of each maximum above the higher of the two lowest points between it and a higher one on either side."""
    out = np.empty(len(tops))
    for i, top in enumerate(tops):
        higher = np.flatnonzero(curve > curve[top])
        before, after = higher[higher < top], higher[higher > top]
        left = curve[before[-1] + 1 if len(before) else 0 : top + 1].min()
        right = curve[top : after[0] if len(after) else len(curve)].min()
        out[i] = curve[top] - max(left, right)
    return out


def between_tops(curve: Array, tops: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First point of each peak and the one after its last: the lowest points of a curve between neighbouring tops."""
    if not len(tops):
        return tops, tops
    edges = np.array([0, *[a + int(np.argmin(curve[a:b])) for a, b in pairwise(tops)], len(curve)], dtype=np.intp)
    return edges[:-1], edges[1:]
