"""Features: what the fit says of each of its phases, in numbers from which a probability follows (`posterior`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.essential import essential_elements
from bragglens.crystal.phase import Phase
from bragglens.crystal.structure_type import structure_type
from bragglens.fit.candidate import swelling
from bragglens.fit.candidates import largest_strains, texture_indices
from bragglens.fit.engine import own_covariances
from bragglens.fit.evidence import phase_residuals
from bragglens.fit.found import Found, Supported
from bragglens.fit.line_scatter import cores, lines_of
from bragglens.fit.parameters import STRAINS
from bragglens.fit.problem import Problem
from bragglens.simulate.duplicates import COMPOUND_CONTENT, COMPOUND_SPACING, mark_of, same_compound

Array = NDArray[np.float64]

# Standard deviation of each lattice strain, of a phase that is present and of another compound of its structure type
# that the fit took for it. Judgement: `benchmarks/results/confidence.md` has the measured ones. The table of this
# feature is fitted, as those of the next three.
_RIGHT, _WRONG = 0.0015, 0.01
_HALF = 0.5  # of its height, down to which a line is compared
LOWEST = -30.0  # ln; a lattice that is farther from the library's says no more
_NO_RIVAL = 200.0  # evidence by which a rival fits worse where none was worth a fit


@dataclass(frozen=True)
class LineCheck:
    """Whether the expected lines of a phase are in the scan.

    Attributes:
        there: share of their expected intensity that is there, 0 to 1.
        missing: intensity of the strongest one that is absent, relative to the phase's strongest, times the part of it
            that is absent beyond two standard errors.
        count: number of lines looked at.
    """

    there: float
    missing: float
    count: int


def fit_features(problem: Problem, found: Found, left: float) -> list[dict[str, float]]:
    """The features of each phase of a fit, in its order.

    Args:
        problem: the candidates and the scan.
        found: the fit, with the support of each phase.
        left: share of the peak intensity that the fit leaves unexplained.
    """
    solution = found.solution
    if not found.phases:
        return []
    residuals = phase_residuals(problem, solution)
    textures = texture_indices(problem.known, solution.state)
    strains = largest_strains(problem.known, solution.state)
    covariances = own_covariances(problem, solution, STRAINS)
    own = solution.patterns * solution.scales[:, None] * problem.observed.measured
    shares = own.sum(axis=1) / max(float(own.sum()), 1e-300)
    out = []
    for place, one in enumerate(found.phases):
        lines = line_check(problem, found, place)
        scatter = lines_of(problem.observed, solution, place).scatter
        basis = problem.known[one.phase].strain_basis
        strain, covariance = solution.state.strains[place, : len(basis)], covariances[place]
        out.append(
            {
                "evidence": float(np.log(max(one.evidence, 1.0))),
                "residual": float(residuals[place]),
                "strain": float(strains[place]),
                "cell": cell_support(strain, covariance, problem.known.heat * swelling(basis)[: len(basis)]),
                "precision": float(np.sqrt(np.diag(covariance).max(initial=0.0))),
                "lines_there": lines.there,
                "missing_line": lines.missing,
                "lines": float(np.log(max(lines.count, 1))),
                "margin": margin(worse := [by for _, by in rivals_of(problem, one)]),
                "rivals": share_left(worse, problem.policy.prior_weight),
                "unexplained": left,
                "share": float(shares[place]),
                "phases": float(len(found.phases)),
                "texture": float(np.log(textures[place])),
                "model_error": float(np.log(problem.observed.model_error)),
            }
            | ({} if np.isnan(scatter) else {"scatter": scatter})
        )
    return out


def rivals_of(problem: Problem, one: Supported) -> list[tuple[int, float]]:
    """The candidates that were fitted in place of a phase, and by how much evidence each fits worse.

    Other structures of its compound are no rivals. Evidence includes what was known before the fit, so that
    `prior_weight` of it are one unit of log odds.
    """
    own = problem.known[one.phase].phase
    return [(i, worse) for i, worse in one.tried if own is None or not one_compound(own, problem.known[i].phase)]


def share_left(worse: Sequence[float], unit: float) -> float:
    """ln of the share that rivals leave, each worse by so much evidence; `unit` of it is one unit of log odds."""
    return -float(np.logaddexp.reduce([0.0, *(-one / max(unit, 1e-9) for one in worse)]))


def one_compound(one: Phase, other: Phase | None) -> bool:
    """Whether two structures are of one compound: the same essential elements in one structure type, or one composition
    on one lattice, which two determinations can describe in different space groups."""
    if other is None or essential_elements(one) != essential_elements(other):
        return False
    if structure_type(one) == structure_type(other):
        return True
    return same_compound(mark_of(one), mark_of(other), content_by=COMPOUND_CONTENT, spacing_by=COMPOUND_SPACING)


def margin(worse: Sequence[float]) -> float:
    """ln(1 + evidence by which the best rival fits worse); 0 where a rival fits as well."""
    return float(np.log1p(max(0.0, min(worse, default=_NO_RIVAL))))


def cell_support(strain: Array, covariance: Array, heat: Array | float = 0.0) -> float:
    """ln of how much more likely the fitted lattice is for the phase itself than for another of its structure type.

    Both are normal distributions about the library's lattice. Each free length and angle counts, as far as the scan
    determines it beside its zero error and displacement: a triclinic cell that is met within 0.1% is no accident.

    Args:
        strain: of each free length and angle, (n,).
        covariance: of the strain, (n, n).
        heat: standard deviation of the strains through heat, all of one sign, (n,). Half of it is not the same in all
            directions.
    """
    warm = np.broadcast_to(heat, strain.shape)
    covariance = covariance + np.outer(warm, warm) + np.diag((warm / 2) ** 2)
    right = covariance + _RIGHT**2 * np.eye(len(strain))
    wrong = covariance + _WRONG**2 * np.eye(len(strain))
    volume = np.linalg.slogdet(wrong)[1] - np.linalg.slogdet(right)[1]
    distance = strain @ (np.linalg.solve(wrong, strain) - np.linalg.solve(right, strain))
    return max(LOWEST, float((volume + distance) / 2))


def line_check(problem: Problem, found: Found, place: int) -> LineCheck:
    """Compare the lines of one phase with what the others leave of the scan."""
    observed, solution = problem.observed, found.solution
    own = solution.patterns[place] * solution.scales[place]
    rest = np.where(observed.measured, observed.counts - solution.calculated + own, 0.0)
    others = np.maximum(solution.calculated - solution.background - own, 0.0)
    error = observed.usual_error(others, observed.noise)
    upper = [core for _, core in cores(observed, own, _HALF)]
    if not upper:
        return LineCheck(0.0, 1.0, 0)
    expected, measured = (np.array([curve[core].sum() for core in upper]) for curve in (own, rest))
    dependent = np.array([min(observed.points_a_line, len(core)) for core in upper])
    spread = np.sqrt(np.array([(error[core] ** 2).sum() for core in upper]) * dependent)
    ratio = np.clip(measured / np.maximum(expected, 1e-300), 0.0, 1.0)
    doubt = 2 * spread / np.maximum(expected, 1e-300)
    absent = expected / expected.max() * np.clip(1 - ratio - doubt, 0.0, 1.0)
    return LineCheck(float((expected * ratio).sum() / expected.sum()), float(absent.max()), len(upper))
