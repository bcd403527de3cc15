"""Verdict: which phases are named, and the verdict of one word or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bragglens.identification.answer import Finding, Identification, Verdict
from bragglens.identification.humps import hump_of
from bragglens.identification.posterior import posterior
from bragglens.identification.specimen_notices import specimen_notices
from bragglens.identification.verify import Verified
from bragglens.identification.weights import weight_notice
from bragglens.policy import DEFAULT, Policy


def by_network(answer: Identification, alike: Sequence[tuple[str, str]]) -> Identification:
    """The answer from the network alone."""
    policy = answer.policy
    found = findings(answer.probabilities or {}, alike, policy)
    foreign = answer.stranger is not None and answer.stranger >= policy.named
    certain = all(one.probability >= policy.sure and not one.rivals for one in found)
    return replace(answer, phases=found, verdict=verdict_of(found, foreign, certain))


def set_probability(found: Sequence[Finding], unexplained: float) -> float:
    """Probability that the named phases are all that a scan contains.

    Args:
        found: the phases.
        unexplained: share of the peak intensity that they do not explain.
    """
    return posterior().probability_whole([one.probability for one in found], unexplained) if found else 0.0


def by_fit(answer: Identification, proof: Verified) -> Identification:
    """The answer from network and fit."""
    policy = answer.policy
    foreign = bool(proof.relatives) or proof.unexplained > policy.most_unexplained
    certain = set_probability(proof.findings, proof.unexplained)
    return replace(
        answer,
        notes=(*answer.notes, *weight_notice(proof), *specimen_notices(proof.findings, policy)),
        phases=proof.findings,
        verdict=verdict_of(proof.findings, foreign, certain >= policy.sure),
        probability=certain if proof.findings else None,
        posterior=posterior().identity,
        unexplained=proof.unexplained,
        unexplained_peaks=proof.peaks,
        tube_lines=proof.tube_lines,
        rwp=proof.fit.rwp,
        goodness=proof.fit.goodness,
        amorphous_percent=proof.quantities.amorphous_percent,
        amorphous_percent_error=proof.quantities.amorphous_error,
        detection_limits=proof.limits,
        fit=proof.fit,
        relatives=proof.relatives,
        hump=hump_of(proof.fit, policy),
        beside=proof.beside,
    )


def findings(
    probabilities: dict[str, float], alike: Sequence[tuple[str, str]], policy: Policy = DEFAULT
) -> tuple[Finding, ...]:
    """The named phases, the most probable first.

    Between phases with nearly the same pattern a network divides its probability: one of them is present, but it cannot
    tell which. The most probable one is named if one of them is more likely present than not. The others are its
    rivals. Two of them are named only where both exceed `both_named`.
    """
    named: dict[str, Finding] = {}
    for name in sorted(probabilities, key=lambda name: -probabilities[name]):
        p = probabilities[name]
        group = {other for pair in alike if name in pair for other in pair if other in probabilities} - {name}
        if group & set(named) and p < policy.both_named:
            continue
        rivals = tuple(
            sorted(other for other in group if probabilities[other] >= policy.least_rival and other not in named)
        )
        none_there = (1 - p) * float(np.prod([1 - probabilities[rival] for rival in rivals]))
        if 1 - none_there >= policy.named:
            named[name] = Finding(name, p, rivals=rivals)
    return tuple(named.values())


def verdict_of(found: Sequence[Finding], foreign: bool, certain: bool) -> Verdict:
    """The verdict from the named phases, from whether something else is present, and whether the set is certain."""
    if not found:
        return "unknown"
    if foreign:
        return "partly unknown"
    if not certain:
        return "tentative"
    return "known" if len(found) == 1 else "mixture"


def ranking(answer: Identification) -> list[str]:
    """All phases of the library: the found ones in their order, then the others ranked by the network."""
    probabilities = answer.probabilities or {}
    found = [finding.name for finding in answer.phases]
    return found + sorted(probabilities.keys() - set(found), key=lambda name: -probabilities[name])
