"""Found: what a search knows of its candidates beforehand, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.state import Solution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """What is assumed of the candidates before the fit.

    Attributes:
        evidence: support for each, in the unit of misfit, (candidates,).
        expected: which of the elements that are expected in the specimen each candidate contains, (candidates,
            elements).
        weight: weight of a phase that contains an expected element which no other phase contains, in the unit of
            misfit.
    """

    evidence: Array
    expected: NDArray[np.bool_]
    weight: float

    def of(self, phase: int, others: Sequence[int]) -> float:
        """Support for a phase when others are in the fit."""
        missing = ~self.expected[list(others)].any(axis=0)
        return float(self.evidence[phase] + self.weight * (self.expected[phase] & missing).any())


def no_prior(candidates: int) -> Prior:
    """No prior for any of the candidates."""
    return Prior(np.zeros(candidates), np.zeros((candidates, 0), bool), 0.0)


@dataclass(frozen=True)
class Supported:
    """A phase in the solution and its support.

    Attributes:
        phase: its place among the candidates.
        evidence: increase of the misfit without it (`evidence.evidence`).
        without: the fit of the others alone.
        tried: phases that were fitted in its place, and by how much evidence each is worse; the best first.
    """

    phase: int
    evidence: float
    without: Solution
    tried: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Found:
    """Result of a search: the fit, and the support of each of its phases."""

    solution: Solution
    phases: tuple[Supported, ...]
