"""No opinion: one half as the probability of each phase, so that the fit alone decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bragglens.identification.proposers.matcher import Matching
from bragglens.identification.proposers.proposer import Proposal
from bragglens.match.reference_lines import PREPARATION
from bragglens.scan.prepare import to_grid
from bragglens.scan.scan import Scan


@dataclass(frozen=True)
class NoOpinion(Matching):
    """Structures without any probability before the fit, which uses all of them."""

    fits_all: bool = True

    def propose(self, scan: Scan, *, wavelength: float, explained: Scan | None = None) -> Proposal:
        """One half for each phase."""
        pattern = to_grid(scan, PREPARATION, wavelength=wavelength)
        return Proposal(pattern, np.full(len(self.catalogue), 0.5), np.zeros(len(self.catalogue)))
