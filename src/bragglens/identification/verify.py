"""Verify: test a proposer's probabilities by a whole-pattern fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bragglens.crystal.choice import Elements
from bragglens.crystal.phase import Phase
from bragglens.fit.additions import Addition, additions
from bragglens.fit.candidate import Candidate
from bragglens.fit.candidates import Candidates, candidates
from bragglens.fit.engine import size_errors
from bragglens.fit.evidence import detection_limits
from bragglens.fit.found import Found
from bragglens.fit.observed import observe
from bragglens.fit.parameters import heat_spread
from bragglens.fit.problem import Problem
from bragglens.fit.quantify import Quantities, quantify
from bragglens.fit.residual import Peak
from bragglens.fit.search import search
from bragglens.fit.second_line import told_by_scan
from bragglens.fit.settle import settle
from bragglens.fit.state import Solution
from bragglens.fit.whole_pattern import Fit, fit_of, profile_r
from bragglens.identification.answer import Finding, TubeLine
from bragglens.identification.before import Before, before_fit, phase_features
from bragglens.identification.features import rivals_of
from bragglens.identification.posterior import posterior
from bragglens.identification.tube_lines import left_over
from bragglens.policy import DEFAULT, Policy
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.instrument import Instrument, Line

Array = NDArray[np.float64]

_STEP = 10.0  # degrees; scans that end within the same ten degrees share their reflections


@dataclass(frozen=True)
class Verified:
    """Results of the fit of a scan.

    Attributes:
        findings: the phases with enough evidence and probability, the largest share first.
        relatives: phases that the fit needs, but of which an isostructural neighbour is at least as likely present: in
            a large library, or in a short range.
        fit: the fitted pattern.
        unexplained: share of the peak intensity that no phase explains.
        peaks: the peaks of this intensity.
        tube_lines: peaks of other lines of the tube than Kα; they count as explained.
        limits: for each allowed phase that was not found, the wt% that would have been found.
        quantities: weight fractions in the order of the fit's phases.
        beside: what further phases would explain of the unexplained intensity, by name.
    """

    findings: tuple[Finding, ...]
    relatives: tuple[Finding, ...]
    fit: Fit
    unexplained: float
    peaks: tuple[Peak, ...]
    tube_lines: tuple[TubeLine, ...]
    limits: dict[str, float]
    quantities: Quantities
    beside: dict[str, Addition]


def verify(
    scan: Scan,
    phases: tuple[Phase, ...],
    *,
    wavelength: float,
    others: tuple[Candidate, ...] = (),
    network: Mapping[str, float] | None = None,
    allowed: Sequence[str] | None = None,
    opinion: str = "matcher",
    elements: Elements | None = None,
    particle_size: float | None = None,
    standard: tuple[str, float] | None = None,
    instrument: Instrument | None = None,
    temperature: float | None = None,
    certainty: float = 1.0,
    policy: Policy = DEFAULT,
) -> Verified:
    """Find the phases that a scan needs, with their evidence and fractions.

    Args:
        scan: as read.
        phases: the structures of the library.
        wavelength: Å of the strongest line.
        others: candidates without a crystal structure, which are tested beside the library.
        network: probability of each phase that may be named, by a proposer; None lets the fit alone decide. Of `others`
            that it does not rate the fit alone decides.
        opinion: kind of the proposer, by which the posterior weighs it (`Proposal.opinion`).
        allowed: names of the structures that may be named; None is all.
        elements: the choice of elements by which the phases are limited. Of two phases that explain a scan about as
            well, one with a named element that no other phase has is preferred.
        particle_size: grain diameter in µm for the correction of microabsorption; see `quantify`.
        standard: name and wt% of a phase that was added to the specimen; see `quantify`.
        instrument: as calibrated; zero, resolution and axial divergence are held near it, and sizes have errors.
        temperature: °C of the specimen; None is room temperature.
        certainty: factor of each probability, less than 1 for a short range (`coverage`).
        policy: the thresholds.
    """
    with threadpool_limits(1):  # small matrices: more threads only wait for each other
        problem = _problem(scan, phases, others, wavelength, instrument, heat_spread(temperature), policy)
        known = tuple(problem.known)
        pool = [i for i, one in enumerate(known) if allowed is None or one.name in allowed or i >= len(phases)]
        before = before_fit(known, network, opinion, elements, policy, problem.known.heat)
        problem, searched = search(problem, pool, before.prior)
        found, findings = _probable(problem, searched, pool, before)
        solution = found.solution
        left = left_over(problem, solution)
        quantities = quantify(problem, solution, particle_size=particle_size, standard=standard, unexplained=left.share)
        weighed = _with_quantities(_with_size_errors(problem, solution, findings), quantities)
        weighed = tuple(_as_itself(one, certainty, policy) for one in weighed)
        further = additions(problem, solution, pool, before.prior) if left.peaks else ()
        return Verified(
            findings=tuple(one for one in weighed if one.probability >= policy.named),
            relatives=tuple(one for one in weighed if one.probability < policy.named),
            fit=fit_of(problem, solution),
            unexplained=left.share,
            peaks=left.peaks,
            tube_lines=left.tube_lines,
            limits={problem.known[i].name: limit for i, limit in detection_limits(problem, solution, pool).items()},
            quantities=quantities,
            beside={problem.known[one.phase].name: one for one in further},
        )


def _problem(
    scan: Scan,
    phases: tuple[Phase, ...],
    others: tuple[Candidate, ...],
    wavelength: float,
    instrument: Instrument | None,
    heat: float,
    policy: Policy,
) -> Problem:
    """The library prepared for a scan."""
    observed = observe(scan, policy)
    used = told_by_scan(observed, instrument_of(replace(scan, wavelength=wavelength), start=instrument))
    if instrument is not None:
        used = replace(used, axial=instrument.axial)  # measured; a header only gives the opening of the slits
    end = float(np.ceil(observed.grid.stop / _STEP) * _STEP)
    known = _prepared(phases, others, used.lines, end, heat)
    return Problem(replace(known, instrument=used, calibrated=instrument is not None), observed)


@lru_cache(maxsize=8)
def _prepared(
    phases: tuple[Phase, ...], others: tuple[Candidate, ...], lines: tuple[Line, ...], end: float, heat: float
) -> Candidates:
    """The reflections of a library, cached for the next scan of the same tube and range."""
    return candidates(phases, Instrument(lines), end, others, heat)


def _probable(problem: Problem, found: Found, pool: Sequence[int], before: Before) -> tuple[Found, list[Finding]]:
    """The phases of which one of their type is more likely present than not; the least probable is removed first."""
    while True:
        findings = _findings(problem, found, before)
        doubted = [i for i, finding in enumerate(findings) if finding.probability < problem.policy.named]
        if not doubted:
            return found, findings
        weakest = min(doubted, key=lambda i: findings[i].probability)
        gone = found.phases[weakest]
        pool = [i for i in pool if i != gone.phase]
        found = settle(problem, gone.without, pool, before.prior)


def _findings(problem: Problem, found: Found, before: Before) -> list[Finding]:
    """The finding of each phase of a fit, in the order of the fit."""
    solution, known, margin = found.solution, problem.known, problem.policy.rival_margin
    fit = fit_of(problem, solution)
    features = phase_features(problem, found, fit, before)
    findings = []
    for place, (one, own) in enumerate(zip(found.phases, features, strict=True)):
        candidate = known[one.phase]
        findings.append(
            Finding(
                name=candidate.name,
                probability=posterior().present.probability(own),
                itself=posterior().probability_itself(own),
                rivals=tuple(known[i].name for i, worse in rivals_of(problem, one) if worse < margin),
                network=float(before.stated[one.phase]),
                evidence=one.evidence,
                residual=own["residual"],
                texture=float(np.exp(own["texture"])),
                scatter=own.get("scatter"),
                rwp_without=profile_r(problem.observed, problem.observed.counts - one.without.calculated),
                cell=fit.cells[place],
                size=fit.specimens[place].size if "log_size" in candidate.refined else None,
                strain=own["strain"] if len(candidate.strain_basis) else None,
                why=posterior().why(own),
                tried=tuple((known[i].name, float(worse)) for i, worse in one.tried),
            )
        )
    return findings


def _with_size_errors(problem: Problem, solution: Solution, findings: list[Finding]) -> list[Finding]:
    """Findings with errors of their sizes, if the instrument is calibrated."""
    if not problem.known.calibrated:
        return findings
    errors = size_errors(problem, solution)
    return [replace(one, size_error=_known(error)) for one, error in zip(findings, errors, strict=True)]


def _with_quantities(findings: Sequence[Finding], quantities: Quantities) -> tuple[Finding, ...]:
    """Findings with their weight fractions, the largest first."""
    whole = [
        replace(one, weight_percent=_known(weight), weight_percent_error=_known(error))
        for one, weight, error in zip(findings, quantities.weight_percent, quantities.error, strict=True)
    ]
    return tuple(sorted(whole, key=lambda one: -(one.weight_percent or 0.0)))


def _known(value: float) -> float | None:
    """A value, or None for nan."""
    return None if np.isnan(value) else float(value)


def _as_itself(finding: Finding, certainty: float, policy: Policy) -> Finding:
    """A finding with the probability of the phase itself; without rivals where it is certain which phase it is."""
    rivals = () if finding.itself >= policy.sure else finding.rivals
    return replace(finding, probability=certainty * finding.probability * finding.itself, rivals=rivals)
