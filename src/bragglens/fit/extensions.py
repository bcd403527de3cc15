"""Extensions: what a specimen may need beyond one crystallite size and one texture axis, chosen by evidence.

An extension is kept where it improves the fit by `Policy.extension_gain`. It comes before further phases: broad feet of
the lines of one phase, or lines that are stronger by texture, are otherwise taken by phases that are not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.engine import misfit_unit, refine, solve
from bragglens.fit.observed import NOT_MEASURED, Observed, moving_average
from bragglens.fit.parameters import PARAMETERS, TWO_SIZES
from bragglens.fit.peaks import between_tops
from bragglens.fit.peaks import peaks as tops_of
from bragglens.fit.problem import Problem
from bragglens.fit.state import Solution, State

_ROUNDS = 20
_SMALLEST = PARAMETERS.own[PARAMETERS.place(TWO_SIZES[1])].low + 1e-3  # ln nm
_FEW = 6  # rounds after which it shows whether an orientation distribution improves the fit
_FAINT = 0.01  # height of a line that is left out in turn, over the strongest
_CORE = 0.2  # height, over that of a line, down to which it is left out; the background between lines is kept
# Largest ratio of the misfits of unseen lines (judgement): by chance a wider model may predict a little better. Of 102
# single minerals 7 are below it (benchmarks/results/intensities.md).
_PREDICTS = 0.9
_HALF = 0.5  # share of the second size where a fit with it begins


def with_two_sizes(problem: Problem, solution: Solution) -> Solution:
    """The same with a second, smaller crystallite size of the last phase if it needs one: sharp lines on broad feet."""
    place = len(solution.state.phases) - 1
    if place < 0 or has_two_sizes(solution.state, place) or problem.is_faulted(solution.state.phases[place]):
        return solution
    least = solution.cost - problem.policy.extension_gain * misfit_unit(problem.observed, solution)
    tried = refine(problem, solve(problem, two_sizes(solution.state, place)), rounds=_ROUNDS, only=place)
    if tried.cost < solution.cost:
        tried = refine(problem, tried, rounds=_ROUNDS)
    broadest = tried.state.each(TWO_SIZES[1])[place] < _SMALLEST  # such feet follow the background
    return tried if tried.cost < least and not broadest else solution


def has_two_sizes(state: State, place: int) -> bool:
    """Whether a component of a state has a second crystallite size."""
    return bool(state.each(TWO_SIZES[0])[place] > 0)


def two_sizes(state: State, place: int, like: State | None = None, where: int = 0) -> State:
    """The state with a second size of a component, as a component of another state has it, or where a fit begins.

    The first size is then the usual one, as a fit of both with one size has a size between them.
    """
    if like is None:
        usual, size = state.parameters.start()[1], state.parameters.place("log_size")
        return state.of(place, fine_share=_HALF, log_size=float(usual[size]))
    share, fine, coarse = (float(like.each(name)[where]) for name in (*TWO_SIZES, "log_size"))
    return state.of(place, fine_share=share, log_fine=fine, log_size=coarse)


def oriented(problem: Problem, solution: Solution) -> tuple[Problem, Solution]:
    """The same with an orientation distribution of each phase, if it improves the fit by enough for each of them.

    It must also predict unseen lines better. Where few large crystallites diffract, it improves the fit too, but the
    intensity of one line says nothing of the next.
    """
    if not solution.state.phases:
        return problem, solution
    wider = problem.with_orientations(solution.state.phases)
    fitted = refine(wider, solve(wider, solution.state), rounds=_FEW, texture=True)
    gain = (solution.cost - fitted.cost) / misfit_unit(problem.observed, solution)
    if gain < problem.policy.extension_gain * len(solution.state.phases):
        return problem, solution
    fitted = refine(wider, fitted, rounds=_ROUNDS, texture=True)
    if predicted_misfit(wider, fitted) > _PREDICTS * predicted_misfit(problem, solution):
        return problem, solution
    return problem.with_orientations(), fitted


def predicted_misfit(problem: Problem, solution: Solution) -> float:
    """Misfit of lines that a fit has not seen."""
    observed = problem.observed
    return sum(
        float((((observed.counts - seen.calculated) / observed.sigma)[unseen] ** 2).sum())
        for unseen, seen in fits_of_others(problem, solution)
    )


def fits_of_others(problem: Problem, solution: Solution) -> Iterator[tuple[NDArray[np.bool_], Solution]]:
    """Every third line is left out in turn: its points, and the fit of the others from a solution."""
    observed = problem.observed
    for unseen in _thirds(observed, solution):
        sigma = np.where(unseen, NOT_MEASURED * observed.counts.max(), observed.sigma)
        part = replace(problem, observed=replace(observed, sigma=sigma, measured=observed.measured & ~unseen))
        yield unseen, refine(part, solve(part, solution.state), rounds=_ROUNDS, texture=True)


def _thirds(observed: Observed, solution: Solution) -> list[NDArray[np.bool_]]:
    """The points of every third line of a fit, for each of the three."""
    points = observed.points_a_line
    lines = moving_average(solution.calculated - solution.background, points)
    tops = tops_of(lines, height=_FAINT * float(lines.max()), distance=points)
    which = np.full(len(lines), -1)
    for number, (top, first, end) in enumerate(zip(tops, *between_tops(lines, tops), strict=True)):
        which[first:end][lines[first:end] > _CORE * lines[top]] = number % 3
    return [which == third for third in range(3)]
