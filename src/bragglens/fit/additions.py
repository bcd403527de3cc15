"""Additions: what a further phase would explain of what a fit leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bragglens.fit.evidence import evidence
from bragglens.fit.found import Prior
from bragglens.fit.problem import Problem
from bragglens.fit.residual import unexplained
from bragglens.fit.screening import add, likeliest
from bragglens.fit.state import Solution


@dataclass(frozen=True)
class Addition:
    """A phase beside those of a fit.

    Attributes:
        phase: its place among the candidates.
        evidence: by which it improves the fit.
        share: of the unexplained intensity that it explains, 0 to 1.
    """

    phase: int
    evidence: float
    share: float


def additions(problem: Problem, solution: Solution, pool: Sequence[int], prior: Prior) -> tuple[Addition, ...]:
    """The likeliest phases of a pool that explain a part of what a fit leaves, the one with most evidence first."""
    wavelength = problem.known.instrument.lines[0].wavelength
    rest = [i for i in pool if i not in solution.state.phases]
    before = unexplained(problem.observed, solution, wavelength)[0]
    out = []
    for trial in likeliest(problem, solution, rest, prior):
        both = add(problem, solution, trial)
        after = unexplained(problem.observed, both, wavelength)[0]
        gain = evidence(problem, solution, both, -1)
        if gain > 0 and after < before:
            out.append(Addition(trial.phase, gain, 1 - after / before))
    return tuple(sorted(out, key=lambda one: -one.evidence))
