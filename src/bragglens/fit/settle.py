"""Settle: keep the phases of a search that have enough evidence, and exchange each where another is better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bragglens.fit.candidates import largest_strains
from bragglens.fit.engine import misfit_unit, refine, solve
from bragglens.fit.evidence import evidence, phase_residuals
from bragglens.fit.extensions import has_two_sizes, two_sizes
from bragglens.fit.found import Found, Prior, Supported
from bragglens.fit.problem import Problem
from bragglens.fit.screening import add, likeliest, screen
from bragglens.fit.state import Solution
from bragglens.fit.texture import about_each_axis, choose_texture


def settle(problem: Problem, solution: Solution, pool: Sequence[int], prior: Prior) -> Found:
    """Remove phases without enough evidence and exchange phases for better ones, until nothing changes."""
    exchanges = 0
    while True:
        solution = _best_of_starts(problem, _without_weak(problem, solution))
        left_out, proofs = _support(problem, solution)
        if proofs and min(proofs) < problem.policy.least_evidence:
            solution = left_out[int(np.argmin(proofs))]
            continue
        merged = _pair_replaced(problem, solution, pool, prior)
        if merged is not None:
            solution = merged
            continue
        better, phases = _exchange(problem, solution, pool, prior, left_out, proofs)
        if better is None or exchanges == problem.policy.most_phases:
            return Found(solution, phases)
        solution, exchanges = better, exchanges + 1


def _without_weak(problem: Problem, solution: Solution) -> Solution:
    """Only the phases with enough evidence: the weakest is removed until all have it."""
    while True:
        solution = _from_unstrained(problem, solution)
        left_out, proofs = _support(problem, solution)
        if not proofs or min(proofs) >= problem.policy.least_evidence:
            return solution
        solution = left_out[int(np.argmin(proofs))]


def _support(problem: Problem, solution: Solution) -> tuple[list[Solution], list[float]]:
    """The fit without each phase, and the evidence of each."""
    left_out = [_without(problem, solution, i) for i in range(len(solution.state.phases))]
    return left_out, [evidence(problem, one, solution, i) for i, one in enumerate(left_out)]


def _without(problem: Problem, solution: Solution, place: int) -> Solution:
    return refine(problem, solve(problem, solution.state.without(place)), rounds=5, texture=True)


def _best_of_starts(problem: Problem, solution: Solution) -> Solution:
    """The same phases in the best of the states that are reached from further starts.

    Textures, line widths and lattices are correlated. Small steps from one start therefore end in one of many states
    that are nearly as good: of 20 random starts the best is some units of misfit better than most.
    """
    for _ in range(problem.policy.restarts if solution.state.phases else 0):
        before = solution.cost
        for start in (_from_usual_values, _from_other_textures):
            solution = min(solution, start(problem, solution), key=lambda one: one.cost)
        if before - solution.cost < misfit_unit(problem.observed, solution):
            break
    return solution


def _from_other_textures(problem: Problem, solution: Solution) -> Solution:
    """The solution fitted from other texture axes: the best axes of one phase after another, all else held."""
    best = solution
    for place in range(len(solution.state.phases)):
        starts = about_each_axis(problem, best, place)[: problem.policy.texture_axes_tried]
        tried = (refine(problem, one, rounds=3, texture=True, only=place) for one in starts)
        best = min((best, *tried), key=lambda one: one.cost)
    return best if best is solution else refine(problem, best, rounds=20, texture=True)


def _from_usual_values(problem: Problem, solution: Solution) -> Solution:
    """The solution fitted from the usual line widths and displacements without texture, the lattices kept."""
    plain = refine(problem, solve(problem, solution.state.usual()), rounds=8)
    return refine(problem, choose_texture(problem, plain), rounds=20, texture=True)


def _from_unstrained(problem: Problem, solution: Solution) -> Solution:
    """The same phases fitted from unstrained lattices where two are strained far, if that ends better.

    Of two isostructural phases the first that is added takes the lines of the stronger one, whichever it is. The second
    is left with the lines of the first. No small step leads from there to each phase at its own lines.
    """
    strained = largest_strains(problem.known, solution.state) > problem.policy.strained
    if sum(strained) < 2:
        return solution
    relaxed = refine(problem, solve(problem, solution.state.unstrained()), rounds=8, texture=True)
    return min(solution, relaxed, key=lambda one: one.cost)


def _pair_replaced(problem: Problem, solution: Solution, pool: Sequence[int], prior: Prior) -> Solution | None:
    """One phase in place of two with nearly the same lines, where the scan does not need both.

    A wrong phase that came first leaves lines that one of its neighbours takes. Together they keep out the right phase,
    which could replace neither of them alone.
    """
    state = solution.state
    rest = [i for i in pool if i not in state.phases]
    for pair in _indistinguishable(problem, solution):
        others = state.without(*pair)
        start = solve(problem, others)
        own = max(prior.of(state.phases[place], others.phases) for place in pair)
        for trial in likeliest(problem, start, rest, prior):
            tried = choose_texture(problem, add(problem, start, trial))
            tried = refine(problem, tried, rounds=8, texture=True)
            worse = (tried.cost - solution.cost) / misfit_unit(problem.observed, solution)
            if worse + own - prior.of(trial.phase, others.phases) < problem.policy.least_evidence:
                return tried
    return None


def _indistinguishable(problem: Problem, solution: Solution) -> list[tuple[int, int]]:
    """Places of phases whose fitted patterns are indistinguishable at a low resolution."""
    if len(solution.patterns) < 2:
        return []
    soft = np.sqrt(np.maximum(problem.observed.soften(solution.patterns), 0.0))
    soft /= np.maximum(np.linalg.norm(soft, axis=1, keepdims=True), 1e-300)
    near = np.triu(soft @ soft.T, 1) > problem.policy.indistinguishable
    return [(int(i), int(j)) for i, j in np.argwhere(near)]


def _exchange(
    problem: Problem,
    solution: Solution,
    pool: Sequence[int],
    prior: Prior,
    left_out: Sequence[Solution],
    proofs: Sequence[float],
) -> tuple[Solution | None, tuple[Supported, ...]]:
    """The best exchange of one phase for another, if any is better, and what was tried in place of each phase."""
    best, gain, phases = None, 0.0, []
    rest = [i for i in pool if i not in solution.state.phases]
    imperfect = phase_residuals(problem, solution)
    for place, (phase, without, proof) in enumerate(zip(solution.state.phases, left_out, proofs, strict=True)):
        # a structure that misses its own lines by R leaves about R² of its evidence as misfit, whichever it is
        doubt = 1 + (imperfect[place] / (1 - min(imperfect[place], 0.9))) ** 2 * proof
        compared = []
        for tried in _replacements(problem, solution, rest, place, without, proof):
            other, there = tried.state.phases[-1], without.state.phases
            worse = (tried.cost - solution.cost) / misfit_unit(problem.observed, solution) / doubt
            worse += prior.of(phase, there) - prior.of(other, there)
            compared.append((other, worse))
            if worse < gain:
                best, gain = tried, worse
        phases.append(Supported(phase, proof, without, tuple(sorted(compared, key=lambda pair: pair[1]))))
    return best, tuple(phases)


def _replacements(
    problem: Problem, solution: Solution, rest: Sequence[int], place: int, without: Solution, proof: float
) -> list[Solution]:
    """Fits of other phases in place of one, for those with a large enough share of its evidence in the screening."""
    unit = misfit_unit(problem.observed, solution)
    trials = screen(problem, without, rest)[: problem.policy.candidates_tried - 1]
    promising = [trial for trial in trials if trial.gain >= problem.policy.exchange_gain * proof * unit]
    added = [choose_texture(problem, add(problem, without, trial)) for trial in promising]
    if has_two_sizes(solution.state, place):
        added = [solve(problem, two_sizes(one.state, -1, solution.state, place)) for one in added]
    return [refine(problem, one, rounds=8, texture=True) for one in added]
