"""Humps: share of the diffracted intensity in a broad hump that no instrument background explains.

Instrument backgrounds are convex. Air scatter and the tail of the primary beam decrease with angle, ever more slowly.
Fluorescence is constant, and sums of these are convex too. The greatest convex curve below the fitted background is
therefore an upper limit of the instrument's part. A single hump above it was scattered by matter without long-range
order: glass, a polymer, or a sample holder of these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.observed import moving_average
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Hump
from bragglens.policy import DEFAULT, Policy

Array = NDArray[np.float64]

_FOOT = 0.02  # of its height, at which a hump ends; beyond it a background waves a little
_SMOOTH = 0.3  # degrees


def hump_of(fit: Fit, policy: Policy = DEFAULT) -> Hump | None:
    """The highest hump of a fitted background; None without a hump or without a fitted phase.

    The share is of all diffracted intensity, hump and peaks together. The part of a hump below the convex curve is left
    out, so that the share is too small rather than too large. It is too small by up to 0.1 on a constant background and
    on air scatter, and by more on a steep tail of the primary beam that is as high as the hump.
    """
    if not fit.names:
        return None
    step = float(fit.two_theta[1] - fit.two_theta[0])
    height = fit.background - convex_beneath(fit.two_theta, fit.background)
    top = int(height.argmax())
    upon = _upon(height, top)
    breadth = step * (upon.stop - upon.start)
    peaks = fit.observed - fit.background
    above = moving_average(peaks, max(1, int(_SMOOTH / step)) | 1)[upon]
    if (
        not policy.hump_narrowest <= breadth <= policy.hump_broadest
        or np.median(above / height[upon]) > policy.hump_uncovered
    ):
        return None
    whole = float(height[_upon(height, top, _FOOT)].sum())
    share = whole / (whole + max(float(peaks.sum()), 0.0))
    return Hump(share, float(np.average(fit.two_theta[upon], weights=height[upon])), breadth)


def hump_notice(hump: Hump | None, policy: Policy = DEFAULT) -> str | None:
    """A note where a hump holds more than `hump_reported` of the diffracted intensity, else None."""
    if hump is None or hump.share < policy.hump_reported:
        return None
    return (
        f"{100 * hump.share:.0f}% of the diffracted intensity lies in a broad hump at {hump.two_theta:.0f}°, as "
        "from glass, a polymer or a sample holder: the fractions are of the crystalline part alone"
    )


def convex_beneath(x: Array, y: Array) -> Array:
    """The greatest convex curve that is nowhere above y, for ascending x (Andrew 1979, Inf. Process. Lett. 9, 216)."""
    corners: list[int] = []
    for i in range(len(x)):
        while len(corners) > 1 and _rises_less(x, y, corners[-2], corners[-1], i):
            corners.pop()
        corners.append(i)
    return np.interp(x, x[corners], y[corners])


def _rises_less(x: Array, y: Array, first: int, middle: int, last: int) -> bool:
    """Whether the line from the first point to the last passes below the middle one, or through it."""
    return bool((y[middle] - y[first]) * (x[last] - x[first]) >= (y[last] - y[first]) * (x[middle] - x[first]))


def _upon(height: Array, top: int, share: float = 0.5) -> slice:
    """The points around the top that are higher than a share of it."""
    low = np.flatnonzero(height <= height[top] * share)
    before, after = low[low < top], low[low > top]
    return slice(int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(height))
