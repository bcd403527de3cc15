"""Baseline: a smooth curve below the peaks of a scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.special import expit

Array = NDArray[np.float64]

_ROUNDS = 50
_SETTLED = 1e-2  # relative change of the weights


def arpls(counts: Array, stiffness: float) -> Array:
    """Asymmetrically reweighted penalised least squares (Baek et al. 2015, Analyst 140, 250).

    Second differences are penalised. Points far above the curve, by the scatter of those below it, lose their weight.

    Args:
        counts: evenly spaced, (points,).
        stiffness: weight of the squared second differences, their λ.
    """
    penalty = stiffness * _second_differences(len(counts))
    weights, curve = np.ones(len(counts)), counts
    for _ in range(_ROUNDS + 1):
        system = penalty.copy()
        system[-1] += weights
        curve = solveh_banded(system, weights * counts, overwrite_ab=True, overwrite_b=True, check_finite=False)
        above = counts - curve
        below = above[above < 0]
        if len(below) < 2:  # hardly any background to determine the scatter
            break
        spread = max(float(below.std(ddof=1)), np.finfo(float).tiny)
        moved = expit(-2 / spread * (above - (2 * spread - below.mean())))
        settled = np.linalg.norm(moved - weights) < _SETTLED * np.linalg.norm(weights)
        weights = moved
        if settled:
            break
    return np.asarray(curve)


def _second_differences(points: int) -> Array:
    """Upper bands of DᵀD, D the matrix of second differences, as `solveh_banded` takes them, (3, points)."""
    bands, rows = np.zeros((3, points)), np.arange(points - 2)
    for one, left in enumerate((1.0, -2.0, 1.0)):
        for other, right in enumerate((1.0, -2.0, 1.0)):
            if other >= one:
                bands[2 - (other - one), rows + other] += left * right
    return bands
