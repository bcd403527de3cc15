"""Search: which phases of a library a scan needs, by forward selection, exchange and backward elimination."""

from __future__ import annotations

from collections.abc import Sequence

from bragglens.fit.candidates import largest_strains
from bragglens.fit.engine import refine, solve
from bragglens.fit.evidence import evidence
from bragglens.fit.extensions import oriented, with_two_sizes
from bragglens.fit.found import Found, Prior
from bragglens.fit.model_error import with_learned_error
from bragglens.fit.problem import Problem
from bragglens.fit.screening import add, likeliest
from bragglens.fit.settle import settle
from bragglens.fit.state import Solution
from bragglens.fit.texture import choose_texture

_OTHER = 1.5  # ratio of model errors from which on the phases are settled again (judgement)


def search(problem: Problem, pool: Sequence[int], prior: Prior) -> tuple[Problem, Found]:
    """Find the phases.

    Args:
        problem: the candidates and the scan.
        pool: places of the candidates that may be named.
        prior: what is assumed of the candidates beforehand.

    Returns:
        The problem with the model error that the scan shows, and with orientation distributions where it needs them;
        and the fit of the phases that have enough evidence.
    """
    solution = _forward(problem, solve(problem, problem.empty()), pool, prior)
    solution = refine(problem, choose_texture(problem, solution), rounds=8, texture=True)
    problem, solution = oriented(problem, solution)
    learned, solution = with_learned_error(problem, solution, most=problem.policy.relative_model_error)
    found = settle(learned, _forward(learned, solution, pool, prior), pool, prior)
    again, solution = with_learned_error(problem, found.solution)
    if again.observed.model_error < _OTHER * learned.observed.model_error:
        return learned, found
    return again, settle(again, solution, pool, prior)


def _forward(problem: Problem, solution: Solution, pool: Sequence[int], prior: Prior) -> Solution:
    """The solution with one phase after another, as long as one is needed."""
    while len(solution.state.phases) < problem.policy.most_phases:
        solution = with_two_sizes(problem, solution)
        grown = _grow(problem, solution, pool, prior)
        if grown is None:
            break
        solution = grown
    return solution


def _grow(problem: Problem, solution: Solution, pool: Sequence[int], prior: Prior) -> Solution | None:
    """The solution with the phase that it needs most, all refined together; None where it needs no further phase."""
    there, least = solution.state.phases, problem.policy.least_evidence
    rest = [i for i in pool if i not in there]
    added = [add(problem, solution, trial) for trial in likeliest(problem, solution, rest, prior)]
    if not added:
        return None

    def support(one: Solution) -> float:
        return evidence(problem, solution, one, -1) + prior.of(one.state.phases[-1], there)

    best_added = max(added, key=support)
    best = refine(problem, best_added, rounds=6)
    if evidence(problem, solution, best, -1) > least:
        return best
    oriented = _with_texture(problem, best_added)
    # With texture and a strained lattice together a phase can be fitted to the lines of another.
    strained = largest_strains(problem.known, oriented.state)[-1] > problem.policy.strained
    return oriented if not strained and evidence(problem, solution, oriented, -1) > least else None


def _with_texture(problem: Problem, solution: Solution) -> Solution:
    """A solution whose last phase may have preferred orientation. A phase with few visible lines may need it."""
    chosen = choose_texture(problem, solution)
    own = len(solution.state.phases) - 1
    return refine(problem, chosen, rounds=8, texture=True, only=own if own else None)
