"""The contract of every kind of proposer, and a kind defined here to show that one file is enough."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from made_scans import measured

from bragglens import BragglensError, Library, Model, identify
from bragglens.identification.proposers import Matching, NoOpinion, Proposal, Proposer, Trained
from bragglens.identification.sources import proposer_of
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.policy import DEFAULT
from bragglens.scan.scan import Scan

CU = 1.5405929


@dataclass(frozen=True)
class FirstLetter:
    """A meaningless proposer: the earlier in the alphabet, the more probable."""

    catalogue: Catalogue
    answers_alone: bool = True
    fits_all: bool = False
    alike: tuple[tuple[str, str], ...] = ()
    identity: str = "the alphabet"
    network: None = None

    @property
    def library(self) -> Library:
        return self.catalogue.library

    def propose(self, scan: Scan, *, wavelength: float, explained: Scan | None = None) -> Proposal:
        seen = Matching(self.catalogue).propose(scan, wavelength=wavelength, explained=explained).pattern
        place = np.argsort(np.argsort([name.casefold() for name in self.library.names]))
        return Proposal(seen, 0.9 / (1 + place), np.full(len(place), 0.1))

    alone = propose


@pytest.fixture(scope="module", params=["matcher", "network", "no opinion", "alphabet"])
def who(request: pytest.FixtureRequest, titania: Library, small_model: Model) -> Proposer:
    made: dict[str, Proposer] = {
        "matcher": Matching(catalogue(titania)),
        "network": Trained(small_model),
        "no opinion": NoOpinion(catalogue(titania)),
        "alphabet": FirstLetter(catalogue(titania)),
    }
    return made[request.param]


@pytest.fixture(scope="module")
def scan(titania: Library) -> Scan:
    return measured({"anatase": 0.6, "rutile": 0.4}, titania)


def test_contract(who: Proposer, scan: Scan) -> None:
    explained = replace(scan, counts=0.3 * scan.counts)
    for proposal in (who.propose(scan, wavelength=CU), who.propose(scan, wavelength=CU, explained=explained)):
        assert proposal.probability.shape == proposal.share.shape == (len(who.library),)
        assert ((proposal.probability >= 0) & (proposal.probability <= 1)).all()
        assert (proposal.share >= 0).all()
        assert proposal.outside is None or 0 <= proposal.outside <= 1
    assert who.catalogue.library.names == who.library.names
    assert who.identity
    assert set().union(*who.alike) <= set(who.library.names)


def test_same_call_for_each_proposer(who: Proposer, scan: Scan) -> None:
    answer = identify(scan, who)
    assert answer.model == who.identity
    assert {finding.name for finding in answer.phases} == {"anatase", "rutile"}
    if who.answers_alone:
        assert identify(scan, who, network_only=True).fit is None
    else:
        with pytest.raises(BragglensError, match="needs a trained network"):
            identify(scan, who, network_only=True)
        with pytest.raises(BragglensError, match="needs a trained network"):
            who.alone(scan, wavelength=CU)


def test_the_shortlist_follows_the_proposer(titania: Library, scan: Scan) -> None:
    """One phase is fitted for its probability: the first in the alphabet, which is present; then the rest."""
    few = replace(DEFAULT, likeliest=1, largest=0, added=1)
    answer = identify(scan, FirstLetter(catalogue(titania)), policy=few)
    assert set(answer.probabilities or {}) < set(titania.names)
    assert "anatase" in set(answer.probabilities or {})


def test_a_proposer_is_returned_unchanged(titania: Library, small_model: Model) -> None:
    assert proposer_of(titania) == Matching(catalogue(titania)) == proposer_of(catalogue(titania))
    assert proposer_of(small_model) == Trained(small_model)
    own = NoOpinion(catalogue(titania))
    assert proposer_of(own) is own
    with pytest.raises(BragglensError, match="names no phases"):
        identify("scan.xy", 7)  # type: ignore[arg-type]
