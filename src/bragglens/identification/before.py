"""Before: what is known before a fit; with the fit, the features of each of its phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.choice import Choice, Elements, element_choice, named_elements
from bragglens.crystal.essential import essential_elements
from bragglens.fit.candidate import Candidate
from bragglens.fit.found import Found, Prior
from bragglens.fit.problem import Problem
from bragglens.fit.whole_pattern import Fit, fitted_phases
from bragglens.identification.features import fit_features
from bragglens.identification.identity import chemistry, identity_features
from bragglens.identification.posterior import posterior
from bragglens.identification.prior import log_odds, prior
from bragglens.identification.tube_lines import left_over
from bragglens.match.compounds import compounds
from bragglens.policy import Policy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Before:
    """What is known before the fit.

    Attributes:
        prior: of each phase, in the unit of evidence.
        stated: probability of each by the proposer, (phases,).
        opinion: kind of the proposer; empty if there is none.
        allowed: whether a compound of these elements is possible.
        named: elements that the user named.
    """

    prior: Prior
    stated: Array
    opinion: str
    allowed: Choice
    named: frozenset[str]


def before_fit(
    known: Sequence[Candidate],
    network: Mapping[str, float] | None,
    opinion: str,
    elements: Elements | None,
    policy: Policy,
    heat: float = 0.0,
) -> Before:
    """What is known before a fit of these candidates.

    Args:
        known: the candidates.
        network: probability of each structure by a proposer; None if there is no proposer. A candidate without a
            structure that it does not rate has one half.
        opinion: kind of the proposer.
        elements: the choice of elements.
        policy: the thresholds.
        heat: relative standard deviation of lattices through heat. A proposer compares lines with those of room
            temperature; where lattices are farther from it than specimens are from each other, it has no opinion.
    """
    if heat > policy.lattice_scatter:
        network = None
    unrated = [0.5 if network is None or one.phase is None else 0.0 for one in known]
    stated = np.array([(network or {}).get(one.name, value) for one, value in zip(known, unrated, strict=True)])
    of_phase = posterior().frequency.of_phase
    frequency = np.array([0.0 if one.phase is None else of_phase(compounds(), one.phase) for one in known])
    named = named_elements(elements)
    support = prior(known, stated, frequency, named, policy)
    return Before(support, stated, "" if network is None else opinion, element_choice(elements), named)


def phase_features(problem: Problem, found: Found, fit: Fit, before: Before) -> list[dict[str, float]]:
    """All that is known of each phase of a fit, in its order."""
    features = fit_features(problem, found, left_over(problem, found.solution).share)
    fitted = {phase.name: phase for phase in fitted_phases(fit)}
    contents = [one.elements if one.phase is None else essential_elements(one.phase) for one in fit.candidates]
    for place, (own, one, candidate) in enumerate(zip(features, found.phases, fit.candidates, strict=True)):
        if candidate.phase is not None:
            after = fitted[candidate.name]
            own |= identity_features(
                candidate.phase, after, compounds(), posterior().frequency, before.allowed, problem.known.heat
            )
        own |= chemistry(contents[place], [*contents[:place], *contents[place + 1 :]], before.named)
        if before.opinion:
            own[before.opinion] = float(log_odds(np.array(before.stated[one.phase])))
    return features
