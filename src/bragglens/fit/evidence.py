"""Evidence: how much a scan supports a phase of a fit, and how little of an absent phase it would show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.engine import misfit_unit, solve_symmetric
from bragglens.fit.problem import Problem
from bragglens.fit.state import Solution, State
from bragglens.simulate.formulas import SCHERRER_K

Array = NDArray[np.float64]


def evidence(problem: Problem, without: Solution, with_it: Solution, place: int) -> float:
    """How much worse the fit is without a phase: the increase of χ², in units of the misfit that is left.

    Neighbouring points of one line repeat one misfit, so that points count as `Observed.information` says. Lines of a
    phase that are broader than `line_width` count for less in proportion.
    """
    weight = _weight_of_points(problem, with_it.state, place)
    return (without.cost - with_it.cost) / misfit_unit(problem.observed, with_it) * weight


def _weight_of_points(problem: Problem, state: State, place: int) -> float:
    """`line_width` over the breadth of a phase's lines near 2θ = 40°, at most 1 (Scherrer, Stokes & Wilson)."""
    wavelength, theta = problem.known.instrument.lines[0].wavelength, np.radians(20)
    size = np.degrees(SCHERRER_K * wavelength / (10 * np.exp(state.each("log_size")[place]) * np.cos(theta)))
    strain = np.degrees(4 * np.exp(state.each("log_microstrain")[place]) * np.tan(theta))
    return float(min(1.0, problem.policy.line_width / (size + strain + np.exp(state.value("log_width")))))


def phase_residuals(problem: Problem, solution: Solution) -> Array:
    """R of each phase: misfit under its lines over the intensity there, each point weighted by the phase's part in it.

    Similar to the Bragg R of a Rietveld refinement (Young 1993, The Rietveld Method, chapter 1): 0 is perfect, and one
    half means that half of the intensity under its lines is not explained. Bragg R is of integrated intensities, which
    counting noise hardly changes. Here the R that noise alone would give is subtracted in squares.
    """
    observed = problem.observed
    total = np.maximum(solution.calculated - solution.background, 1e-12)
    measured = np.maximum(observed.counts - solution.background, 0)
    own = solution.patterns * solution.scales[:, None] * observed.measured
    whole = np.maximum(own @ np.maximum(measured, total), 1e-300)
    misfit = own @ np.abs(measured - total) / whole
    noise = own @ (problem.policy.noise_left * observed.noise) / whole
    return np.asarray(np.sqrt(np.maximum(misfit**2 - noise**2, 0.0)))


def detection_limits(problem: Problem, solution: Solution, pool: Sequence[int]) -> dict[int, float]:
    """Least wt% of each absent phase of a pool with enough evidence in this scan; empty without fitted phases.

    Phases whose scale is not in grams have no limit, and are not counted in that of the others. The evidence of a phase
    grows with the square of its scale. It is calculated from the phase's pattern, without the part that the scales of
    the others and the background could replace.
    """
    state, observed = solution.state, problem.observed
    absent = [i for i in pool if i not in state.phases and problem.known[i].in_grams]
    weighed = np.array([one.in_grams for one in problem.known.of(state)], dtype=bool)
    if not weighed.any() or not absent:
        return {}
    columns = np.vstack([solution.patterns[solution.scales > 0], observed.background.T]) / observed.sigma
    alone = state.without(*range(len(state.phases))).with_phase(absent[0])
    own, axes = np.tile(alone.own, (len(absent), 1)), np.tile(alone.axes, (len(absent), 1))
    patterns = problem.render(state.shared, own, np.array(absent), axes) / observed.sigma
    free = free_norm(columns, patterns)
    weight = observed.information * _weight_of_points(problem, alone, 0)
    unit = misfit_unit(observed, solution)
    grams = np.sqrt(problem.policy.sure_evidence * unit / np.maximum(weight * free, 1e-300))
    percent = 100 * grams / (grams + solution.scales[weighed].sum())
    return {phase: float(value) for phase, value in zip(absent, percent, strict=True)}


def free_norm(columns: NDArray[np.floating], patterns: NDArray[np.floating]) -> Array:
    """Squared length of each pattern after projecting out the columns, (patterns,)."""
    columns = columns / np.linalg.norm(columns, axis=1, keepdims=True)
    mixed = (patterns @ columns.T).astype(float)
    taken = solve_symmetric((columns @ columns.T).astype(float) + 1e-6 * np.eye(len(columns)), mixed.T)
    whole = np.einsum("ij,ij->i", patterns, patterns).astype(float)
    return np.asarray(np.maximum(whole - (mixed * taken.T).sum(axis=1), 1e-4 * whole))
