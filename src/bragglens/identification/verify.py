"""Verify: a network's opinion put to the proof by a whole-pattern fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bragglens.crystal.phase import Phase
from bragglens.fit.candidates import Candidates, candidates
from bragglens.fit.engine import size_errors
from bragglens.fit.evidence import detection_limits
from bragglens.fit.found import Found, Prior
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem
from bragglens.fit.quantify import Quantities, quantify
from bragglens.fit.residual import Peak
from bragglens.fit.search import search
from bragglens.fit.settle import settle
from bragglens.fit.state import Solution
from bragglens.fit.whole_pattern import Fit, fit_of, profile_r
from bragglens.identification.answer import Finding, TubeLine
from bragglens.identification.confidence import confidence, own_confidence, prior, proofs
from bragglens.identification.tube_lines import left_over
from bragglens.policy import DEFAULT, Policy
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.instrument import Instrument, Line

Array = NDArray[np.float64]

_STEP = 10.0  # degrees; scans whose ranges end within the same ten share their reflections


@dataclass(frozen=True)
class Verified:
    """What the fit says of a scan.

    Attributes:
        findings: the phases that hold, the largest share first.
        relatives: those that the fit needs, but of which a relative is at least as likely there: out of many phases,
            or in a short range.
        fit: the fitted pattern.
        unexplained: share of the peaks' intensity that no phase explains.
        peaks: where that intensity is.
        tube_lines: peaks that are lines of the tube beside Kα, and count as explained.
        limits: for each phase that was sought and is not there, the wt% that would have been found.
        quantities: fractions in the order of the fit's phases.
    """

    findings: tuple[Finding, ...]
    relatives: tuple[Finding, ...]
    fit: Fit
    unexplained: float
    peaks: tuple[Peak, ...]
    tube_lines: tuple[TubeLine, ...]
    limits: dict[str, float]
    quantities: Quantities


def verify(
    scan: Scan,
    phases: tuple[Phase, ...],
    *,
    wavelength: float,
    network: Mapping[str, float] | None = None,
    allowed: Sequence[str] | None = None,
    expected: Collection[str] = (),
    particle_size: float | None = None,
    standard: tuple[str, float] | None = None,
    instrument: Instrument | None = None,
    crowded: bool = False,
    certainty: float = 1.0,
    policy: Policy = DEFAULT,
) -> Verified:
    """Find the phases that a scan needs, and what it says of them.

    Args:
        scan: as read.
        phases: the library.
        wavelength: Å of the strongest line.
        network: probability of each phase that may be named, as a network sees it; None lets the fit alone decide.
        allowed: names of the phases that may be named; None is all.
        expected: elements that should be in the specimen; of two phases that explain a scan about as well that one is
            named which brings one of them.
        particle_size: diameter of the grains in µm for the correction of microabsorption; see `quantify`.
        standard: name and wt% of a phase that was added to the specimen; see `quantify`.
        instrument: as calibrated; its zero, resolution and axial divergence are held, and sizes have errors.
        crowded: the phases are the likeliest of so many that most have a relative among them: a phase is named only
            where it is that phase rather than a relative.
        certainty: what the probability of each phase is multiplied by, less than 1 for a short range (`coverage`).
        policy: the thresholds that decide.
    """
    with threadpool_limits(1):  # tables of a few dozen rows: more threads wait for each other longer than they work
        problem = _problem(scan, phases, wavelength, instrument, policy)
        pool = [i for i, phase in enumerate(phases) if allowed is None or phase.name in allowed]
        opinion = np.array([0.5 if network is None else network.get(phase.name, 0.0) for phase in phases])
        before = prior(phases, opinion, expected, policy)
        found, findings = _believed(problem, search(problem, pool, before), pool, opinion, before)
        solution = found.solution
        left = left_over(problem, solution)
        quantities = quantify(problem, solution, particle_size=particle_size, standard=standard, unexplained=left.share)
        weighed = _with_quantities(_with_size_errors(problem, solution, findings), quantities)
        weighed = tuple(_own(one, policy) for one in weighed) if crowded else weighed
        weighed = tuple(replace(one, probability=certainty * one.probability) for one in weighed)
        return Verified(
            findings=tuple(one for one in weighed if one.probability >= policy.named),
            relatives=tuple(one for one in weighed if one.probability < policy.named),
            fit=fit_of(problem, solution),
            unexplained=left.share,
            peaks=left.peaks,
            tube_lines=left.tube_lines,
            limits={phases[i].name: limit for i, limit in detection_limits(problem, solution, pool).items()},
            quantities=quantities,
        )


def _problem(
    scan: Scan, phases: tuple[Phase, ...], wavelength: float, instrument: Instrument | None, policy: Policy
) -> Problem:
    """The library made ready for a scan."""
    observed = observe(scan, policy)
    used = instrument_of(replace(scan, wavelength=wavelength), start=instrument)
    if instrument is not None:
        used = replace(used, axial=instrument.axial)  # measured, where a header has the opening of its slits
    end = float(np.ceil(observed.grid.stop / _STEP) * _STEP)
    known = _prepared(phases, used.lines, end)
    return Problem(replace(known, instrument=used, calibrated=instrument is not None), observed)


@lru_cache(maxsize=8)
def _prepared(phases: tuple[Phase, ...], lines: tuple[Line, ...], end: float) -> Candidates:
    """A library's reflections, kept for the next scan of the same tube and range."""
    return candidates(phases, Instrument(lines), end)


def _believed(
    problem: Problem, found: Found, pool: Sequence[int], opinion: Array, before: Prior
) -> tuple[Found, list[Finding]]:
    """The phases that fit and network together make more likely than not; the least likely goes first."""
    while True:
        findings = _findings(problem, found, opinion)
        doubted = [i for i, finding in enumerate(findings) if finding.probability < problem.policy.named]
        if not doubted:
            return found, findings
        weakest = min(doubted, key=lambda i: findings[i].probability)
        gone = found.phases[weakest]
        pool = [i for i in pool if i != gone.phase]
        found = settle(problem, gone.without, pool, before)


def _findings(problem: Problem, found: Found, opinion: Array) -> list[Finding]:
    """What speaks for each phase of a fit, in the order of the fit."""
    solution = found.solution
    fit = fit_of(problem, solution)
    left = left_over(problem, solution).share
    findings = []
    for place, (one, proof) in enumerate(zip(found.phases, proofs(problem, found, left), strict=True)):
        findings.append(
            Finding(
                name=problem.known[one.phase].name,
                probability=confidence(proof, float(opinion[one.phase]), problem.policy),
                rivals=tuple(problem.known[i].name for i, _ in one.rivals),
                network=float(opinion[one.phase]),
                evidence=one.evidence,
                residual=proof.residual,
                rwp_without=profile_r(problem.observed, problem.observed.counts - one.without.calculated),
                cell=fit.cells[place],
                size=fit.specimens[place].size,
                strain=proof.strain,
            )
        )
    return findings


def _with_size_errors(problem: Problem, solution: Solution, findings: list[Finding]) -> list[Finding]:
    """Findings with the errors of their sizes, where the instrument is calibrated."""
    if not problem.known.calibrated:
        return findings
    errors = size_errors(problem, solution)
    return [replace(one, size_error=float(error)) for one, error in zip(findings, errors, strict=True)]


def _with_quantities(findings: Sequence[Finding], quantities: Quantities) -> tuple[Finding, ...]:
    """Findings with their fractions, the largest first."""
    whole = [
        replace(one, weight_percent=float(weight), weight_percent_error=float(error))
        for one, weight, error in zip(findings, quantities.weight_percent, quantities.error, strict=True)
    ]
    return tuple(sorted(whole, key=lambda one: -(one.weight_percent or 0.0)))


def _own(finding: Finding, policy: Policy) -> Finding:
    """A finding whose probability is that it is this phase, and not an isostructural neighbour."""
    own = own_confidence(finding.strain or 0.0, finding.network or 0.0, policy)
    return replace(finding, probability=finding.probability * own)
