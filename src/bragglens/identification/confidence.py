"""Confidence: probability that a phase is present, from network and fit together."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.candidate import Candidate
from bragglens.fit.candidates import largest_strains
from bragglens.fit.evidence import phase_residuals
from bragglens.fit.found import Found, Prior
from bragglens.fit.problem import Problem
from bragglens.policy import DEFAULT, Policy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Proof:
    """Results of the fit for one phase.

    Attributes:
        evidence: increase of χ² without the phase (`evidence.evidence`).
        residual: R of its own lines (`evidence.phase_residuals`).
        strain: largest relative change of its lattice that the fit needed.
        unexplained: share of the peaks of the whole scan that nothing explains; if it is large, accidental agreement is
            more likely.
    """

    evidence: float
    residual: float
    strain: float
    unexplained: float = 0.0


def proofs(problem: Problem, found: Found, left: float) -> list[Proof]:
    """Results of a fit for each of its phases, in order; `left` is the share that the fit leaves unexplained."""
    residuals = phase_residuals(problem, found.solution)
    strains = largest_strains(problem.known, found.solution.state)
    return [
        Proof(one.evidence, float(residual), float(strain), left)
        for one, residual, strain in zip(found.phases, residuals, strains, strict=True)
    ]


def confidence(proof: Proof, network: float, policy: Policy = DEFAULT) -> float:
    """Probability that a phase is present, from the results of the fit and the proposer's probability."""
    return _logistic(
        policy.odds_constant
        + policy.odds_evidence * math.log(max(proof.evidence, 1.0))
        + policy.odds_residual * proof.residual
        + policy.odds_strain * _squared(proof.strain, policy)
        + policy.odds_unexplained * max(0.0, proof.unexplained - policy.usual_unexplained)
        + policy.odds_network * float(log_odds(np.array(network)))
    )


def own_confidence(strain: float, network: float, policy: Policy = DEFAULT) -> float:
    """Probability that it is this phase and not an isostructural neighbour, for a library of thousands of structures.

    Among thousands of structures most phases have such a neighbour: another compound of the same structure type, whose
    cell the fit can strain to match the scan.
    """
    strained = policy.own_strain * _squared(strain, policy)
    return _logistic(policy.own_constant + strained + policy.own_network * float(log_odds(np.array(network))))


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def _squared(strain: float, policy: Policy) -> float:
    return min((strain / policy.usual_strain) ** 2, policy.highest_strain_term)


def prior(phases: Sequence[Candidate], network: Array, expected: Collection[str], policy: Policy = DEFAULT) -> Prior:
    """The proposer's probabilities in the unit of evidence, and a bonus for phases with the expected elements."""
    holds = np.array([[one in phase.elements for one in expected] for phase in phases], dtype=bool)
    weight = policy.prior_weight * float(log_odds(np.array(policy.element_expected)))
    return Prior(policy.prior_weight * log_odds(network), holds.reshape(len(phases), len(expected)), weight)


def log_odds(probability: Array) -> Array:
    """ln p/(1 - p), with p limited to 0.001 to 0.999, because no network is certain."""
    p = np.clip(probability, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(p / (1 - p)))
