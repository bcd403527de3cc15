"""Proposers: who says what may be in a scan before the fit. One file for each kind; one contract test for all."""

from functools import singledispatch
from typing import Any

from bragglens.crystal.library import Library
from bragglens.identification.proposers.matcher import Matching
from bragglens.identification.proposers.network import Trained
from bragglens.identification.proposers.no_opinion import NoOpinion
from bragglens.identification.proposers.proposer import Proposal, Proposer
from bragglens.learn.model import Model
from bragglens.match.catalogue import Catalogue, catalogue

__all__ = ["Matching", "NoOpinion", "Proposal", "Proposer", "Trained", "proposer"]


@singledispatch
def proposer(source: Any) -> Proposer:
    """Who proposes phases: a trained model itself; the matcher for a library; what is a proposer already, as it is."""
    return source  # type: ignore[no-any-return]


@proposer.register
def _(source: Model) -> Proposer:
    return Trained(source)


@proposer.register
def _(source: Library) -> Proposer:
    return Matching(catalogue(source))


@proposer.register
def _(source: Catalogue) -> Proposer:
    return Matching(source)
