"""Model error: how far the calculated lines of a scan's own phases are off, learned from the scan.

No calculated intensity is exact. How far it is off depends on the specimen and on the structures: in measured scans
with the right phases a typical line is off by 2 to 13% (10th and 90th percentile), in half of them by up to 5%
(benchmarks/results/intensities.md). The error is a factor of the usual one, `Policy.relative_model_error`, at which
four fifths of the calculated intensity agree with the scan as normal errors do. A few lines that are far off do not
change it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.engine import solve
from bragglens.fit.observed import Observed, moving_average
from bragglens.fit.problem import Problem
from bragglens.fit.state import Solution

Array = NDArray[np.float64]

_SHARE, _WITHIN = 0.8, 1.2816  # share of a normal distribution within so many standard deviations
_HALVINGS = 20  # of the interval of the factor, in which it is determined to 1e-5


def with_learned_error(problem: Problem, solution: Solution, most: float = float("inf")) -> tuple[Problem, Solution]:
    """The problem with the errors of lines and background that the scan shows, and the solution in it.

    Args:
        problem, solution: a fit.
        most: the largest relative model error. A fit that may still become better shows a larger one than its phases.
    """
    if not solution.state.phases:
        return problem, solution
    background = learned_background_error(problem.observed, solution)
    observed = problem.observed.with_errors(problem.observed.model_error, background)
    observed = observed.with_errors(min(most, learned_error(observed, solution)), background)
    learned = replace(problem, observed=observed)
    return learned, solve(learned, solution.state, solution.patterns)


def learned_error(observed: Observed, solution: Solution) -> float:
    """Relative model error of the lines of a fit.

    The estimate counts as many times as there are independent points on the lines, against that of a usual scan.
    """
    policy = observed.policy
    lines = np.where(observed.measured, np.maximum(solution.calculated - solution.background, 0.0), 0.0)
    near = observed.model_error_of(lines, policy.relative_model_error)
    residual, noise = _smoothed(observed, solution)
    range_ = policy.least_learned_error, policy.most_learned_error
    rest = np.hypot(noise, observed.level_error(observed.background_error))
    factor = _factor(residual, rest, near, lines, range_)
    independent = float(lines.sum() ** 2 / max((lines**2).sum(), 1e-300)) * observed.information
    usual = np.log(policy.usual_model_error / policy.relative_model_error)
    log = (independent * np.log(factor) + policy.usual_points * usual) / (independent + policy.usual_points)
    return float(policy.relative_model_error * np.exp(log))


def learned_background_error(observed: Observed, solution: Solution) -> float:
    """Relative error of the background between the lines of a fit, at least the usual one."""
    policy = observed.policy
    lines = np.maximum(solution.calculated - solution.background, 0.0)
    residual, noise = _smoothed(observed, solution)
    level = policy.background_error * observed.baseline
    between = observed.measured & (observed.model_error_of(lines, policy.relative_model_error) < noise)
    factor = _factor(residual, noise, level, np.where(between, level, 0.0), (1.0, policy.most_background_error))
    return float(policy.background_error * factor)


def _smoothed(observed: Observed, solution: Solution) -> tuple[Array, Array]:
    """Observed minus calculated as the mean over the width of a line, and its noise."""
    points = observed.points_a_line
    return moving_average(observed.counts - solution.calculated, points), observed.noise / np.sqrt(points)


def _factor(residual: Array, rest: Array, error: Array, weight: Array, limits: tuple[float, float]) -> float:
    """The factor of an error, beside the rest, at which four fifths of a weight are within 1.28 standard errors."""
    low, high = np.log(limits)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        within = np.abs(residual) < _WITHIN * np.hypot(rest, np.exp(middle) * error)
        if weight[within].sum() < _SHARE * weight.sum():
            low = middle
        else:
            high = middle
    return float(np.exp(high))
