"""Prove: test the proposal for a scan by the fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bragglens.identification.allowed import allowed_others
from bragglens.identification.answer import Identification
from bragglens.identification.axis_notices import axis_shift
from bragglens.identification.coverage import Coverage
from bragglens.identification.options import Options
from bragglens.identification.proposers import Proposal, Proposer
from bragglens.identification.shortlist import additions, shortlist
from bragglens.identification.verdict import by_fit
from bragglens.identification.verify import Verified, verify
from bragglens.scan.scan import Scan


def proven(
    answer: Identification, scan: Scan, who: Proposer, proposal: Proposal, covered: Coverage, options: Options
) -> Identification:
    """The answer from proposal and fit; for a large library with the phases of a shortlist."""
    names, phases, policy = who.library.names, who.library.phases, options.policy
    assert answer.wavelength is not None
    used = answer.wavelength

    def prove(chosen: Mapping[int, float]) -> Verified:
        return verify(
            scan,
            tuple(phases[row] for row in chosen),
            wavelength=used,
            others=allowed_others(who.catalogue.others, options.elements),
            network=_named(names, chosen),
            allowed=covered.allowed,
            certainty=covered.certainty,
            opinion=proposal.opinion,
            elements=options.elements,
            particle_size=options.particle_size,
            standard=options.standard,
            instrument=options.instrument,
            temperature=options.temperature,
            policy=policy,
        )

    may = np.isin(names, covered.allowed)
    if who.fits_all:
        rows = np.flatnonzero(may)
        return by_fit(answer, prove({int(row): proposal.probability[row] for row in rows}))
    chosen = {row: proposal.probability[row] for row in shortlist(proposal, who.catalogue, may, policy)}
    if options.standard:
        chosen[names.index(options.standard[0])] = 1.0
    proof = prove(chosen)
    if not proof.fit.names:
        return by_fit(replace(answer, probabilities=_named(names, chosen)), proof)
    fitted = [names.index(name) for name in proof.fit.names if name in who.library]
    left = who.propose(aligned(scan, proof), wavelength=used, explained=aligned(_explained(scan, proof), proof))
    more = {row: left.probability[row] for row in additions(left, who.catalogue, may, chosen, fitted, policy)}
    chosen |= more
    return by_fit(replace(answer, probabilities=_named(names, chosen)), prove(chosen) if more else proof)


def _explained(scan: Scan, proof: Verified) -> Scan:
    """The part of a scan that a fit explains, without its background."""
    fit = proof.fit
    return replace(scan, two_theta=fit.two_theta, counts=fit.calculated - fit.background)


def aligned(scan: Scan, proof: Verified) -> Scan:
    """A scan without the zero error and the displacement that a fit found, so that lines are where a library has them.

    The fit of the phases that are known tells the shift; a proposer must guess it.
    """
    shift = axis_shift(proof.fit.instrument, proof.fit.specimens[0], scan.two_theta)
    return replace(scan, two_theta=scan.two_theta - shift)


def _named(names: Sequence[str], chosen: Mapping[int, float]) -> dict[str, float]:
    return {names[row]: float(p) for row, p in chosen.items()}
