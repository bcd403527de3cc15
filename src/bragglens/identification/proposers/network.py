"""A trained network of a library as a proposer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bragglens.crystal.library import Library
from bragglens.errors import ScanError
from bragglens.identification.proposers.matcher import Matching
from bragglens.identification.proposers.proposer import Proposal
from bragglens.learn.model import Model
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.scan.pattern import Pattern
from bragglens.scan.prepare import LEAST_COVERAGE, to_grid
from bragglens.scan.scan import Scan


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        model: the network and its library.
    """

    model: Model
    answers_alone: bool = True
    fits_all: bool = True

    @property
    def library(self) -> Library:
        """The phases that it was trained for."""
        return self.model.library

    @property
    def catalogue(self) -> Catalogue:
        """The same with their lines."""
        return catalogue(self.model.library)

    @property
    def network(self) -> Model:
        """The network itself."""
        return self.model

    @property
    def identity(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def alike(self) -> tuple[tuple[str, str], ...]:
        """Pairs of phases whose patterns are nearly the same."""
        return self.model.alike

    def propose(self, scan: Scan, *, wavelength: float, explained: Scan | None = None) -> Proposal:
        """The network's probabilities; the matcher's for a short range or for what a fit leaves.

        A trained network knows no shorter range than in its training, and no scan of which a part is explained. The
        matcher compares line by line and knows both.
        """
        pattern = to_grid(scan, self.model.preparation, wavelength=wavelength)
        if explained is None and pattern.coverage >= LEAST_COVERAGE:
            return self._judged(pattern)
        opinion = Matching(self.catalogue).propose(scan, wavelength=wavelength, explained=explained)
        return replace(opinion, pattern=pattern)

    def alone(self, scan: Scan, *, wavelength: float) -> Proposal:
        """The network's probabilities."""
        pattern = to_grid(scan, self.model.preparation, wavelength=wavelength)
        if pattern.coverage < LEAST_COVERAGE:
            raise ScanError(_too_short(scan, pattern, wavelength))
        return self._judged(pattern)

    def _judged(self, pattern: Pattern) -> Proposal:
        scores, count = self.model.judge(pattern), len(self.model.library)
        outside = float(scores[-1]) if self.model.answer == "sigmoid" else None
        return Proposal(pattern, scores[:count], np.zeros(count), outside, "network")


def _too_short(scan: Scan, pattern: Pattern, wavelength: float) -> str:
    grid = pattern.grid
    return (
        f"{scan.name}: its {scan.two_theta[0]:.4g}-{scan.two_theta[-1]:.4g}° at {wavelength:.4f} Å cover "
        f"{pattern.coverage:.0%} of the model's {grid.start:g}-{grid.stop:g}°, too little for the network alone: "
        "leave out --network-only, or measure a wider range"
    )
