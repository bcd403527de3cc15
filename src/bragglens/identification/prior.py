"""Prior: what is assumed of each phase before the fit, in the unit of evidence."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.candidate import Candidate
from bragglens.fit.found import Prior
from bragglens.policy import DEFAULT, Policy

Array = NDArray[np.float64]


def prior(
    phases: Sequence[Candidate], network: Array, frequency: Array, expected: Collection[str], policy: Policy = DEFAULT
) -> Prior:
    """The prior of each phase of a fit.

    Args:
        phases: the phases.
        network: probability of each by a proposer, (phases,).
        frequency: logarithm of how often each is met, (phases,).
        expected: elements that should be in the specimen; a phase with one of them that no other phase has is
            preferred.
        policy: the thresholds.
    """
    holds = np.array([[one in phase.elements for one in expected] for phase in phases], dtype=bool)
    weight = policy.prior_weight * float(log_odds(np.array(policy.element_expected)))
    support = policy.prior_weight * (log_odds(network) + frequency)
    return Prior(support, holds.reshape(len(phases), len(expected)), weight)


def log_odds(probability: Array) -> Array:
    """ln p/(1 - p), with p limited to 0.001 to 0.999, because no network is certain."""
    p = np.clip(probability, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(p / (1 - p)))
