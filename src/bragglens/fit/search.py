"""Search: which phases of a library a scan needs, by forward selection, exchange and backward elimination."""

from __future__ import annotations

from collections.abc import Sequence

from bragglens.fit.candidates import largest_strains
from bragglens.fit.engine import refine, solve
from bragglens.fit.evidence import evidence
from bragglens.fit.found import Found, Prior
from bragglens.fit.problem import Problem
from bragglens.fit.screening import add, likeliest
from bragglens.fit.settle import settle
from bragglens.fit.state import Solution
from bragglens.fit.texture import choose_texture


def search(problem: Problem, pool: Sequence[int], prior: Prior) -> Found:
    """Find the phases.

    Args:
        problem: the candidates and the scan.
        pool: places of the candidates that may be named.
        prior: what is assumed of the candidates beforehand.

    Returns:
        The fit of the phases that have enough evidence.
    """
    solution = solve(problem, problem.empty())
    while len(solution.state.phases) < problem.policy.most_phases:
        grown = _grow(problem, solution, pool, prior)
        if grown is None:
            break
        solution = grown
    solution = refine(problem, choose_texture(problem, solution), rounds=8, texture=True)
    return settle(problem, solution, pool, prior)


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
