"""Confidence: how likely a phase is there, from network and fit together."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.fit.observed import Observed
from bragglens.fit.refine import Candidates, largest_strains, phase_residuals
from bragglens.fit.search import Found, Prior

Array = NDArray[np.float64]

# A logistic regression on 191 phases that fits of labelled scans put forward, right and wrong: half of the development
# sets of `benchmarks/identification.py`, which states what it is worth on the other half. Rounded; of the weights of
# strain that two regressions gave, -0.09 and -0.16, the more careful one.
_CONSTANT, _EVIDENCE, _RESIDUAL, _STRAIN, _NETWORK, _UNEXPLAINED = -2.5, 1.24, -4.65, -0.16, 0.27, -2.15
_USUAL_STRAIN = 0.005
_USUAL_UNEXPLAINED = 0.1
# Among thousands of structures most have a relative: another compound of the same structure type, whose cell the fit
# can stretch to the scan's. A second regression, on the largest phases of 225 answers out of thousands: of simulated
# single minerals that the matcher never saw, each with itself in the library and without, and of half of the measured
# scans of `benchmarks/thousands.py`. A library seldom lacks what is asked as often as in half of the scans: ln 2 more.
_OWN, _OWN_STRAIN, _OWN_NETWORK = 2.75, -0.45, 0.45
_PRIOR = 3.0  # units of evidence that one unit of the network's log odds is worth in the search
_EXPECTED = 0.8  # probability that an element which somebody names is in one of the phases; a judgement


@dataclass(frozen=True)
class Proof:
    """What the fit says of one phase.

    Attributes:
        evidence: how much worse the scan is explained without it (`search.evidence`).
        residual: R of its own lines (`refine.phase_residuals`).
        strain: largest relative change of its lattice that the fit needed.
        unexplained: share of the whole scan's peaks that nothing explains: there a phase is sooner met by accident.
    """

    evidence: float
    residual: float
    strain: float
    unexplained: float = 0.0


def proofs(known: Candidates, observed: Observed, found: Found, left: float) -> list[Proof]:
    """What a fit says of each of its phases, in its order; `left` is the share that it leaves unexplained."""
    residuals, strains = phase_residuals(observed, found.solution), largest_strains(known, found.solution.state)
    return [
        Proof(one.evidence, float(residual), float(strain), left)
        for one, residual, strain in zip(found.phases, residuals, strains, strict=True)
    ]


def confidence(proof: Proof, network: float) -> float:
    """Probability that a phase is there, from what the fit says of it and the network's own probability."""
    odds = (
        _CONSTANT
        + _EVIDENCE * math.log(max(proof.evidence, 1.0))
        + _RESIDUAL * proof.residual
        + _STRAIN * _squared(proof.strain)
        + _UNEXPLAINED * max(0.0, proof.unexplained - _USUAL_UNEXPLAINED)
        + _NETWORK * float(log_odds(np.array(network)))
    )
    return 1 / (1 + math.exp(-odds))


def own_confidence(strain: float, network: float) -> float:
    """Probability that it is this phase and not a relative of its structure type, out of thousands of structures."""
    odds = _OWN + _OWN_STRAIN * _squared(strain) + _OWN_NETWORK * float(log_odds(np.array(network)))
    return 1 / (1 + math.exp(-odds))


def _squared(strain: float) -> float:
    return min((strain / _USUAL_STRAIN) ** 2, 40.0)


def prior(phases: Sequence[Phase], network: Array, expected: Collection[str]) -> Prior:
    """The network's opinion in the unit of evidence, and that the expected elements should be found in some phase."""
    contents = [{site.element for site in phase.sites} for phase in phases]
    holds = np.array([[one in content for one in expected] for content in contents], dtype=bool)
    worth = _PRIOR * float(log_odds(np.array(_EXPECTED)))
    return Prior(_PRIOR * log_odds(network), holds.reshape(len(phases), len(expected)), worth)


def log_odds(probability: Array) -> Array:
    """ln p/(1 - p), with p kept away from the certainty that no network has."""
    p = np.clip(probability, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(p / (1 - p)))
