"""Found: what a search is told of its candidates beforehand, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.state import Solution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """What is held of the candidates before the fit.

    Attributes:
        evidence: what speaks for each, in the unit of misfit, (candidates,).
        expected: which of the elements that should be in the specimen each holds, (candidates, elements).
        weight: of a phase that brings one of these which no other phase brings, in the unit of misfit.
    """

    evidence: Array
    expected: NDArray[np.bool_]
    weight: float

    def of(self, phase: int, others: Sequence[int]) -> float:
        """What speaks for a phase beside others."""
        missing = ~self.expected[list(others)].any(axis=0)
        return float(self.evidence[phase] + self.weight * (self.expected[phase] & missing).any())


def no_prior(candidates: int) -> Prior:
    """Nothing is held of any of the candidates."""
    return Prior(np.zeros(candidates), np.zeros((candidates, 0), bool), 0.0)


@dataclass(frozen=True)
class Supported:
    """A phase in the solution and what speaks for it.

    Attributes:
        phase: its place among the candidates.
        evidence: misfit that the scan would gain without it (`evidence.evidence`).
        without: the fit of the others alone.
        rivals: phases that explain the scan about as well in its place, and how much worse each is.
    """

    phase: int
    evidence: float
    without: Solution
    rivals: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Found:
    """Outcome of a search: the fit, and for each of its phases what speaks for it."""

    solution: Solution
    phases: tuple[Supported, ...]
