"""Engine: the least squares behind every fit, by variable projection and bounded Levenberg-Marquardt steps.

Parameters that enter non-linearly (shifts, lattices, widths, texture) are fitted by steps. Scales and background enter
linearly and are solved exactly at each step, scales never negative (variable projection, Golub & Pereyra 1973; the
Jacobian in Kaufman's form, 1975, BIT 15, 49). All steps use normal equations of a few dozen unknowns, so that a step
costs little more than calculating each component once for each of its parameters.

Only this module addresses values by their position. Elsewhere states give them by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, lstsq

from bragglens.fit.observed import Observed
from bragglens.fit.parameters import Parameters
from bragglens.fit.state import Solution, State

Array = NDArray[np.float64]
Free = NDArray[np.intp]  # places of the free values in the vector of the shared values followed by each component's own

_CONVERGED = 3e-5  # relative gain of a step below which the fit has converged


class Fitted(Protocol):
    """What the engine fits: observed intensities, parameters, and patterns of components for their values."""

    @property
    def observed(self) -> Observed:
        """The scan."""

    @property
    def parameters(self) -> Parameters:
        """What may change."""

    def render(self, shared: Array, own: Array, components: NDArray[np.int64], axes: Array) -> Array:
        """Pattern without noise of a component for each row of values, (rows, points)."""

    def refined(self, state: State, place: int, *, texture: bool) -> Sequence[str]:
        """Names of the own parameters of a state's component that a fit may change."""


# --- the linear part --------------------------------------------------------------------------------------------


def patterns_of(problem: Fitted, state: State) -> Array:
    """Pattern without noise of one unit of each component, (k, points)."""
    return problem.render(state.shared, state.own, np.array(state.phases, dtype=np.int64), state.axes)


def solve(problem: Fitted, state: State, patterns: Array | None = None, *, signed: bool = False) -> Solution:
    """Scales (never negative, unless `signed`) and background that fit best."""
    observed = problem.observed
    if patterns is None:
        patterns = patterns_of(problem, state)
    k = len(patterns)
    norm = observed.counts.max() / np.maximum(patterns.max(axis=1, initial=0.0), 1e-300)
    gram, right = _linear_system(observed, patterns * norm[:, None] / observed.sigma)
    values = solve_symmetric(gram, right) if signed else _non_negative(gram, right, k)
    scales = values[:k] * norm
    background = observed.background @ values[k:]
    calculated = scales @ patterns + background
    chi2 = observed.information * float((((observed.counts - calculated) / observed.sigma) ** 2).sum())
    return Solution(state, patterns, scales, calculated, background, chi2, chi2 + _prior(problem, state))


def _linear_system(observed: Observed, weighted: Array) -> tuple[Array, Array]:
    """Normal equations of the scales of patterns, given over sigma, followed by the background columns."""
    own, count = observed.background_products
    k = len(weighted)
    gram = np.empty((k + len(count), k + len(count)))
    gram[:k, :k], gram[k:, k:] = weighted @ weighted.T, own
    gram[:k, k:] = weighted @ observed.weighted_background.T
    gram[k:, :k] = gram[:k, k:].T
    return gram, np.concatenate([weighted @ observed.weighted_counts, count])


def solve_symmetric(matrix: Array, right: Array) -> Array:
    """Solution of a symmetric system whose unknowns may be nearly dependent."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    even = matrix / np.outer(scale, scale) + 1e-12 * np.eye(len(matrix))
    right = (right.T / scale).T
    try:
        found = cho_solve(cho_factor(even), right)
    except LinAlgError:  # columns so similar that rounding decides
        found = lstsq(even, right)[0]
    return np.asarray((found.T / scale).T, dtype=np.float64)


def _non_negative(gram: Array, right: Array, k: int) -> Array:
    """Least squares with the first k unknowns at least 0: the most negative is removed until none is negative."""
    active = np.ones(len(gram), dtype=bool)
    values = np.zeros(len(gram))
    while True:
        values[:] = 0
        part = np.ix_(active, active)
        values[active] = solve_symmetric(gram[part], right[active])
        if not k or values[:k].min() >= 0:
            return values
        active[int(np.argmin(values[:k]))] = False


def _prior(problem: Fitted, state: State) -> float:
    """Squared distance of the values from their starts, in units of their usual spread."""
    start, _, _, _, usual = problem.parameters.table(1)
    n = len(state.shared)
    shared = (state.shared - start[:n]) / usual[:n]
    own = (state.own - start[n:]) / usual[n:]
    return float((shared**2).sum() + (own**2).sum())


# --- the steps --------------------------------------------------------------------------------------------------


def refine(
    problem: Fitted,
    solution: Solution,
    *,
    rounds: int,
    texture: bool = False,
    only: int | None = None,
    shared: Sequence[str] | None = None,
) -> Solution:
    """Levenberg-Marquardt steps from a solution. No step changes a value by more than its usual spread.

    Args:
        problem: what is fitted.
        solution: where to start.
        rounds: largest number of steps.
        texture: whether March-Dollase r is free.
        only: the one component whose own values are free, all others held; None frees everything.
        shared: names of the free values of the whole scan; None is all.
    """
    free = _free(problem, solution.state, texture, only, shared)
    damping = 1e-2
    for _ in range(rounds):
        matrix, gradient = _normal_equations(problem, solution, free)
        ends = _at_bounds(problem, solution.state, free)
        better = None
        for _ in range(7):
            step = _step(matrix + damping * np.diag(np.diag(matrix)), gradient, ends)
            tried = _attempt(problem, solution, free, step, only)
            if tried.cost < solution.cost:
                better = tried
                damping = max(damping / 4, 1e-9)
                break
            damping *= 5
        if better is None:
            break
        gain, solution = solution.cost - better.cost, better
        if gain < _CONVERGED * solution.cost:
            break
    return solution


def _step(matrix: Array, gradient: Array, ends: Array) -> Array:
    """The step to the minimum. A value at a bound stays there where the step would take it beyond.

    If it were only clipped, the other values would move as if it had moved with them.
    """
    moving = np.ones(len(gradient), dtype=bool)
    while True:
        step = np.zeros(len(gradient))
        step[moving] = np.linalg.solve(matrix[np.ix_(moving, moving)], gradient[moving])
        beyond = step * ends > 0
        if not beyond.any():
            return step
        moving &= ~beyond


def _at_bounds(problem: Fitted, state: State, free: Free) -> Array:
    """For each free value 1 at its upper bound, -1 at the lower, 0 between."""
    _, low, high, _, _ = problem.parameters.table(len(state.phases))
    values = _vector(state)[free]
    return np.sign((values >= high[free]).astype(float) - (values <= low[free]))


def _free(problem: Fitted, state: State, texture: bool, only: int | None, shared: Sequence[str] | None = None) -> Free:
    """Places of the free values."""
    p = problem.parameters
    free = [] if only is not None else sorted(p.places([one.name for one in p.shared] if shared is None else shared))
    for i in range(len(state.phases)):
        if only is None or only == i:
            own = sorted(p.places(problem.refined(state, i, texture=texture)))
            free += [len(p.shared) + i * len(p.own) + place for place in own]
    return np.array(free, dtype=np.intp)


def _vector(state: State) -> Array:
    return np.concatenate([state.shared, state.own.ravel()])


def _at(state: State, vector: Array) -> State:
    n, each = len(state.shared), state.own.shape[1]
    return replace(state, shared=vector[:n], own=vector[n:].reshape(len(state.phases), each))


def _attempt(problem: Fitted, solution: Solution, free: Free, step: Array, only: int | None) -> Solution:
    _, low, high, _, usual = problem.parameters.table(len(solution.state.phases))
    vector = _vector(solution.state)
    step = np.clip(step, -usual[free], usual[free])
    vector[free] = np.clip(vector[free] + step, low[free], high[free])
    state = _at(solution.state, vector)
    if only is None:
        return solve(problem, state)
    patterns = solution.patterns.copy()
    patterns[only] = patterns_of(problem, state.only(only))[0]
    return solve(problem, state, patterns)


def _normal_equations(problem: Fitted, solution: Solution, free: Free) -> tuple[Array, Array]:
    """Matrix and right-hand side of the step; what scales and background can follow is projected out."""
    observed, state = problem.observed, solution.state
    start, _, high, size, usual = problem.parameters.table(len(state.phases))
    vector = _vector(state)
    steps = 0.1 * size[free]
    steps = np.where(vector[free] + steps > high[free], -steps, steps)
    derivative = _derivatives(problem, solution, free, steps) / observed.sigma
    present = solution.scales > 0
    weighted = solution.patterns[present] * (solution.scales[present, None] / observed.sigma)
    gram, _ = _linear_system(observed, weighted)
    mixed = np.vstack([weighted @ derivative.T, observed.weighted_background @ derivative.T])
    residual = (observed.counts - solution.calculated) / observed.sigma
    matrix = derivative @ derivative.T - mixed.T @ solve_symmetric(gram, mixed)
    gradient = derivative @ residual
    prior = 1 / usual[free] ** 2
    matrix = observed.information * matrix + np.diag(prior)
    return matrix, observed.information * gradient - prior * (vector[free] - start[free])


def _derivatives(problem: Fitted, solution: Solution, free: Free, steps: Array) -> Array:
    """Change of the calculated pattern with each free value, (free, points)."""
    state, k = solution.state, len(solution.state.phases)
    n, each = len(state.shared), state.own.shape[1]
    vector = _vector(state)
    rows, owner, number = [], [], []
    for j, place in enumerate(free):
        moved = vector.copy()
        moved[place] += steps[j]
        touched = range(k) if place < n else [(int(place) - n) // each]
        for i in touched:
            if solution.scales[i] > 0:
                rows.append(np.concatenate([moved[:n], moved[n + i * each : n + (i + 1) * each]]))
                owner.append(i)
                number.append(j)
    out = np.zeros((len(free), problem.observed.counts.size))
    if not rows:
        return out
    table, who = np.array(rows), np.array(owner)
    components = np.array(state.phases, dtype=np.int64)[who]
    moved_patterns = problem.render(table[:, :n], table[:, n:], components, state.axes[who])
    change = (moved_patterns - solution.patterns[who]) * solution.scales[who, None]
    for j, row in zip(number, change, strict=True):
        out[j] += row
    return out / steps[:, None]


# --- errors -----------------------------------------------------------------------------------------------------


def misfit_unit(observed: Observed, solution: Solution) -> float:
    """Reduced chi2 of a fit, at least 1. Misfit is counted in this unit, because no fit is perfect."""
    return max(1.0, solution.chi2 / (observed.information * observed.measured.sum()))


def covariance(problem: Fitted, solution: Solution) -> Array:
    """Covariance of the scales, (k, k), with all other fitted values free, scaled by the reduced chi2."""
    scale = np.maximum(solution.scales, 1e-30 * solution.scales.max(initial=1.0))
    k = len(scale)
    return _all_covariance(problem, solution)[0][:k, :k] * np.outer(scale, scale)


def size_errors(problem: Fitted, solution: Solution) -> Array:
    """Half of the 95% interval of each component's crystallite size in nm, all other fitted values free, (k,).

    It is nan for a component whose size is not refined.
    """
    found = own_covariances(problem, solution, ["log_size"])
    variances = np.array([float(own[0, 0]) if own.size else np.nan for own in found])
    return np.asarray(1.96 * np.exp(solution.state.each("log_size")) * np.sqrt(np.maximum(variances, 0.0)))


def own_covariances(problem: Fitted, solution: Solution, names: Sequence[str]) -> list[Array]:
    """Covariance of some of each component's own values, all other fitted values free, scaled by the reduced chi2.

    Returns:
        For each component the covariance of those values among `names` that it has, in the order of `names`, (m, m).
    """
    state = solution.state
    whole, free = _all_covariance(problem, solution)
    n, each = len(state.shared), state.own.shape[1]
    own = problem.parameters.places(names)
    first = len(whole) - len(free)
    out = []
    for i in range(len(state.phases)):
        place = [first + int(np.flatnonzero(free == n + i * each + p)[0]) for p in own if n + i * each + p in free]
        out.append(whole[np.ix_(place, place)])
    return out


def _all_covariance(problem: Fitted, solution: Solution) -> tuple[Array, Free]:
    """Covariance of the log scales, the background and the free values, and the places of the free values."""
    observed, k = problem.observed, len(solution.state.phases)
    free = _free(problem, solution.state, texture=True, only=None)
    _, _, _, size, usual = problem.parameters.table(k)
    derivative = _derivatives(problem, solution, free, 0.1 * size[free]) / observed.sigma
    scale = np.maximum(solution.scales, 1e-30 * solution.scales.max(initial=1.0))
    columns = np.vstack([solution.patterns * scale[:, None], observed.background.T, derivative * observed.sigma])
    columns = columns / observed.sigma
    matrix = observed.information * columns @ columns.T
    matrix += np.diag(np.concatenate([np.zeros(k + observed.background.shape[1]), 1 / usual[free] ** 2]))
    return misfit_unit(observed, solution) * solve_symmetric(matrix, np.eye(len(matrix))), free
