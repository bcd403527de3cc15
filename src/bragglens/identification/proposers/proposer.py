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
    """What a proposer says of each phase of its library.

    Attributes:
        pattern: the scan as the proposer saw it.
        probability: that the phase is there, (phases,).
        share: of the scan's diffracted intensity that it gives if it is there, (phases,); 0 where nobody can tell.
        outside: probability that a phase outside the library is there too, or None where the proposer cannot tell.
    """

    pattern: Pattern
    probability: NDArray[np.float64]
    share: NDArray[np.float64]
    outside: float | None = None


@runtime_checkable
class Proposer(Protocol):
    """Says how probable each phase of a library is in a scan. To add a kind of proposer is to write one of these."""

    @property
    def library(self) -> Library:
        """The phases that can be named."""

    @property
    def catalogue(self) -> Catalogue:
        """The same with their lines."""

    @property
    def identity(self) -> str:
        """What an answer says it comes from."""

    @property
    def answers_alone(self) -> bool:
        """Whether it can answer without a fit."""

    @property
    def fits_all(self) -> bool:
        """Whether every phase of its library is fitted, however many there are; else those of a shortlist."""

    @property
    def network(self) -> Model | None:
        """The trained network whose votes can be shown, or None."""

    @property
    def alike(self) -> tuple[tuple[str, str], ...]:
        """Pairs of phases that it cannot tell apart."""

    def propose(self, scan: Scan, *, wavelength: float, explained: Scan | None = None) -> Proposal:
        """How probable each phase is.

        Args:
            scan: as read.
            wavelength: Å of its strongest line.
            explained: what a fit explains of it, on the fit's axis; the proposal is then of what else is there.

        Raises:
            ScanError: the scan covers nothing of the proposer's axis.
        """

    def alone(self, scan: Scan, *, wavelength: float) -> Proposal:
        """The same for an answer without a fit.

        Raises:
            ScanError: the scan covers too little of the proposer's axis.
            BragglensError: it does not answer alone.
        """
