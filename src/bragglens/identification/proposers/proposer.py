"""Proposer: what may be in a scan, before any fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.learn.model import Model
from bragglens.match.catalogue import Catalogue
from bragglens.scan.pattern import Pattern
from bragglens.scan.scan import Scan


@dataclass(frozen=True)
class Proposal:
    """The proposer's probabilities for a scan.

    Attributes:
        pattern: the scan on the axis of the proposer.
        probability: that the phase is present, (phases,).
        share: share of the diffracted intensity if the phase is present, (phases,); 0 where the proposer gives none.
        outside: probability that a phase outside the library is also present, or None where the proposer gives none.
        opinion: `matcher` or `network`, by which the posterior weighs the probabilities; empty where they say nothing.
    """

    pattern: Pattern
    probability: NDArray[np.float64]
    share: NDArray[np.float64]
    outside: float | None = None
    opinion: str = ""


@runtime_checkable
class Proposer(Protocol):
    """Gives the probability of each phase of a library for a scan.

    A new kind of proposer is a new class with this interface.
    """

    @property
    def library(self) -> Library:
        """The phases that can be named."""

    @property
    def catalogue(self) -> Catalogue:
        """The same with their lines."""

    @property
    def identity(self) -> str:
        """Name of the model or library in an answer."""

    @property
    def answers_alone(self) -> bool:
        """Whether it can answer without a fit."""

    @property
    def fits_all(self) -> bool:
        """Whether every phase of its library is fitted; if not, those of a shortlist."""

    @property
    def network(self) -> Model | None:
        """The trained network whose votes can be shown, or None."""

    @property
    def alike(self) -> tuple[tuple[str, str], ...]:
        """Pairs of phases that it cannot distinguish."""

    def propose(self, scan: Scan, *, wavelength: float, explained: Scan | None = None) -> Proposal:
        """Probability of each phase.

        Args:
            scan: as read.
            wavelength: Å of its strongest line.
            explained: calculated pattern of the part that a fit explains, on the fit's axis; the proposal is then of
                what else is present.

        Raises:
            ScanError: the scan does not overlap the proposer's axis.
        """

    def alone(self, scan: Scan, *, wavelength: float) -> Proposal:
        """The same for an answer without a fit.

        Raises:
            ScanError: the scan covers too little of the proposer's axis.
            BragglensError: it does not give answers without a fit.
        """
