"""Residual: what a fit leaves unexplained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.observed import Observed, expected_error, moving_average
from bragglens.fit.peaks import peaks as tops_of
from bragglens.fit.state import Solution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Peak:
    """A peak that no phase explains.

    Attributes:
        two_theta: its top in degrees.
        d: lattice spacing in Å, for the strongest line of the tube.
        share: its area over that of all peaks of the scan.
    """

    two_theta: float
    d: float
    share: float


def unexplained(observed: Observed, solution: Solution, wavelength: float) -> tuple[float, tuple[Peak, ...]]:
    """Intensity that neither noise nor the usual misfit of calculated peaks explains.

    Returns:
        Its share of the intensity of all peaks, and the peaks that stand out in observed minus calculated.
    """
    policy = observed.policy
    calculated = np.maximum(solution.calculated - solution.background, 0)
    points = max(1, int(policy.line_width / observed.grid.step) | 1)
    residual = moving_average(np.where(observed.measured, observed.counts - solution.calculated, 0.0), points)
    noise, top = observed.noise / np.sqrt(points), float(observed.counts.max())
    error = expected_error(noise, calculated, observed.baseline, observed.grid.step, top, policy)
    whole = max(float(np.maximum(observed.peaks, 0)[observed.measured].sum()), 1e-300)
    excess = np.where(residual > policy.intensity_stands_out * error, residual, 0.0)
    tops = tops_of(residual / error, height=policy.peak_stands_out, distance=points)
    peaks = []
    for top, first, end in zip(tops, *between_tops(excess, tops), strict=True):
        angle = float(observed.grid.two_theta[top])
        spacing = wavelength / (2 * np.sin(np.radians(angle) / 2))
        peaks.append(Peak(angle, float(spacing), float(excess[first:end].sum()) / whole))
    return min(1.0, float(excess.sum()) / whole), tuple(peaks)


def between_tops(curve: Array, tops: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First point of each peak and the one after its last: the lowest points of a curve between neighbouring tops."""
    if not len(tops):
        return tops, tops
    edges = np.array([0, *[a + int(np.argmin(curve[a:b])) for a, b in pairwise(tops)], len(curve)], dtype=np.intp)
    return edges[:-1], edges[1:]
