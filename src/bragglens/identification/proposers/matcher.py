"""The matcher as a proposer: it compares any structure with a scan line by line."""

from __future__ import annotations

from dataclasses import dataclass

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.proposers.proposer import Proposal
from bragglens.match.catalogue import Catalogue
from bragglens.match.matcher import matcher
from bragglens.match.reference_lines import PREPARATION
from bragglens.scan.prepare import to_grid
from bragglens.scan.scan import Scan


@dataclass(frozen=True)
class Matching:
    """A set of structures, judged by the matcher.

    Attributes:
        catalogue: the phases that can be named.
    """

    catalogue: Catalogue
    answers_alone: bool = False
    fits_all: bool = False
    alike: tuple[tuple[str, str], ...] = ()
    network: None = None

    @property
    def library(self) -> Library:
        """The phases that can be named."""
        return self.catalogue.library

    @property
    def identity(self) -> str:
        """The number of structures."""
        return f"{len(self.catalogue)} structures"

    def propose(self, scan: Scan, *, wavelength: float, explained: Scan | None = None) -> Proposal:
        """The matcher's probability of each phase. With a part of the scan explained, of phases in the rest."""
        pattern = to_grid(scan, PREPARATION, wavelength=wavelength)
        known = None if explained is None else to_grid(explained, PREPARATION, wavelength=wavelength).intensity
        opinion = matcher().opinion(pattern, self.catalogue.reference_lines, known)
        return Proposal(pattern, opinion.probability, opinion.share, opinion="matcher")

    def alone(self, scan: Scan, *, wavelength: float) -> Proposal:
        """Refused: the matcher only proposes what the fit then tests."""
        raise BragglensError("--network-only needs a trained network: leave it out, or give a --model")
