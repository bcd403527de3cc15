"""Residual: what a fit leaves unexplained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.line_scatter import lines_of
from bragglens.fit.observed import Observed, moving_average
from bragglens.fit.peaks import between_tops
from bragglens.fit.peaks import peaks as tops_of
from bragglens.fit.state import Solution
from bragglens.scan.moving import moving_highest

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
    """Intensity that neither noise nor the usual misfit of calculated peaks nor the scatter of lines explains.

    Lines of a phase in few crystallites may be several times too strong at exactly their angles (`line_scatter`). What
    lies there is unexplained only by the chance that a foreign line of its height would not have been seen elsewhere:
    where a tenth of the axis lies below lines that may be so much too strong, a tenth of it.

    Returns:
        Its share of the intensity of all peaks, and the peaks that stand out in observed minus calculated.
    """
    policy = observed.policy
    calculated = np.maximum(solution.calculated - solution.background, 0)
    points = observed.points_a_line
    residual = moving_average(np.where(observed.measured, observed.counts - solution.calculated, 0.0), points)
    error = observed.usual_error(calculated, observed.noise / np.sqrt(points))
    wider = np.hypot(error, moving_highest(_scatter(observed, solution), points))
    whole = max(float(np.maximum(observed.peaks, 0)[observed.measured].sum()), 1e-300)
    beyond = np.where(residual > policy.intensity_stands_out * error, residual, 0.0)
    excess = np.where(residual > policy.intensity_stands_out * wider, residual, 0.0)
    hidden = 1 - np.searchsorted(np.sort(policy.intensity_stands_out * wider[observed.measured]), beyond) / max(
        int(observed.measured.sum()), 1
    )
    share = float((excess + hidden * (beyond - excess)).sum()) / whole
    tops = tops_of(residual / wider, height=policy.peak_stands_out, distance=points)
    peaks = []
    for top, first, end in zip(tops, *between_tops(excess, tops), strict=True):
        angle = float(observed.grid.two_theta[top])
        spacing = wavelength / (2 * np.sin(np.radians(angle) / 2))
        peaks.append(Peak(angle, float(spacing), float(excess[first:end].sum()) / whole))
    return min(1.0, share), tuple(peaks)


def _scatter(observed: Observed, solution: Solution) -> Array:
    """How far the lines of each phase are from their calculated intensities, (points,)."""
    total = np.zeros(observed.counts.size)
    for place, (pattern, scale) in enumerate(zip(solution.patterns, solution.scales, strict=True)):
        total += (np.nan_to_num(lines_of(observed, solution, place).departure) * scale * pattern) ** 2
    return np.sqrt(total)
