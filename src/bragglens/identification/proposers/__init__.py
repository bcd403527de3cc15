"""Proposers: what gives probabilities of phases before the fit. One file for each kind, one contract test for all."""

from bragglens.identification.proposers.matcher import Matching
from bragglens.identification.proposers.network import Trained
from bragglens.identification.proposers.no_opinion import NoOpinion
from bragglens.identification.proposers.proposer import Proposal, Proposer

__all__ = ["Matching", "NoOpinion", "Proposal", "Proposer", "Trained"]
