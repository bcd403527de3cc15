"""Calibration: zero, resolution and axial divergence of a diffractometer, from a scan of a certified line standard."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bragglens.crystal.phase import Phase
from bragglens.errors import ScanError
from bragglens.fit.engine import refine, solve
from bragglens.fit.standard_lines import COARSE as COARSE
from bragglens.fit.standard_lines import StandardLines, standard_lines
from bragglens.fit.state import Solution, State
from bragglens.scan.scan import Scan
from bragglens.simulate import formulas
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.reference import widths

Array = NDArray[np.float64]

_LARGEST_MISFIT = 0.5  # largest share of the peaks' weight in the misfit; above it the scan is not one of the standard
_FIRST, _THEN = ("zero", "least", "Y"), ("zero", "displacement", "least", "X", "Y", "axial")
# degrees; tried with broad lines, which still overlap peaks that they miss
_ZEROS, _BROAD = np.linspace(-0.48, 0.48, 25), 0.1


@dataclass(frozen=True)
class Calibration:
    """The instrument as a scan of a standard shows it.

    Attributes:
        instrument: the one the fit started from, with fitted U, V, W, X, Y, axial divergence and zero.
        displacement: sample displacement of the standard in mm; it belongs to that mounting, not to the instrument.
        rwp: weighted profile R of the fit.
        r_expected: the Rwp that counting noise alone would leave.
        two_theta, observed, calculated, background: the range that was fitted, in degrees and counts.
        hkl: indices of the lines that were measured well enough to compare, shape (n, 3).
        line_angles: their certified angles for the first wavelength in degrees, shape (n,).
        line_errors: measured minus certified angle in degrees after calibration, shape (n,).
        notes: what a user should know, one sentence each.
    """

    instrument: Instrument
    displacement: float
    rwp: float
    r_expected: float
    two_theta: Array
    observed: Array
    calculated: Array
    background: Array
    hkl: NDArray[np.int32]
    line_angles: Array
    line_errors: Array
    notes: tuple[str, ...] = ()


def calibrate(scan: Scan, standard: Phase, start: Instrument) -> Calibration:
    """Fit the instrument to a scan of a standard whose cell is certified.

    Args:
        scan: of the standard alone; gaps between its lines are allowed.
        standard: with the certified cell of its lot, such as `standards.standard("LaB6")`.
        start: emission lines, radius, monochromator and slits, which are kept, and a name.

    Returns:
        The calibrated instrument. Broadening by the standard's own crystallites counts as the instrument's.

    Raises:
        ScanError: fewer than four lines in range, or a scan that does not look like the standard's.
    """
    with threadpool_limits(1):
        problem = standard_lines(scan, standard, start)
        state = _refined(problem, _shifted(problem), _FIRST, rounds=15)
        state = _refined(problem, state, _THEN, rounds=15)
        if not _explains(problem, state):
            raise ScanError(
                f"{scan.name}: does not look like {standard.name}, whose lines explain too little of the scan: check "
                "the standard, the wavelength, and that no other phase is in the specimen"
            )
        return _result(problem, _refined(problem, state, None, rounds=60), standard)


def fwhm(instrument: Instrument, two_theta: Array) -> Array:
    """FWHM in degrees of the pseudo-Voigt at these angles, without the axial divergence, which skews it."""
    return widths(np.asarray(two_theta, float), instrument.lines[0].wavelength, instrument, COARSE)[0]


def _shifted(problem: StandardLines) -> State:
    """The best of several values of the zero shift."""
    usual = problem.state()
    tried = [usual.of_scan(zero=float(zero), least=_BROAD) for zero in _ZEROS]
    best = min(tried, key=lambda state: solve(problem, state).chi2)
    return best.of_scan(least=usual.value("least"))


def _refined(problem: StandardLines, state: State, names: tuple[str, ...] | None, *, rounds: int) -> State:
    """The state with some of the parameters fitted. What the scan does not determine stays near its usual value."""
    begun = solve(problem, state)
    left = float(np.sqrt(begun.chi2 / problem.observed.counts.size)) + 1e-12
    # errors as large as the misfit that is left
    observed = replace(problem.observed, sigma=problem.observed.sigma * left)
    fair = replace(problem, observed=observed)
    return refine(fair, solve(fair, state), rounds=rounds, shared=names).state


# --- the answer -------------------------------------------------------------------------------------------------


def _result(problem: StandardLines, state: State, standard: Phase) -> Calibration:
    solution, observed = solve(problem, state), problem.observed
    total = float(((observed.counts / observed.sigma) ** 2).sum())
    hkl, angles, errors = _line_errors(problem, solution)
    linear = len(problem.groups) + observed.background.shape[1]
    free = observed.counts.size - linear - len(problem.parameters.shared)
    return Calibration(
        instrument=replace(problem.instrument(state), name=_name(problem.start.name, standard.name)),
        displacement=state.value("displacement"),
        rwp=float(np.sqrt(solution.chi2 / total)),
        r_expected=float(np.sqrt(max(free, 1) / total)),
        two_theta=problem.two_theta,
        observed=observed.counts,
        calculated=solution.calculated,
        background=solution.background,
        hkl=hkl,
        line_angles=angles,
        line_errors=errors,
        notes=_notes(problem, state, angles),
    )


def _name(name: str, standard: str) -> str:
    return f"{name or 'instrument'}, calibrated with {standard}"


def _explains(problem: StandardLines, state: State) -> bool:
    """Whether the lines explain most of the peaks and have positive heights.

    Without real peaks half would be negative.
    """
    signed, observed = solve(problem, state, signed=True), problem.observed
    noise = observed.counts.size  # what counting noise alone leaves
    peaks = float((((observed.counts - signed.background) / observed.sigma) ** 2).sum())
    heights = signed.scales[signed.patterns.max(axis=1) > 0.5]
    upward = -heights[heights < 0].sum() < 0.2 * heights[heights > 0].sum()
    return bool(upward and signed.chi2 - noise < _LARGEST_MISFIT**2 * max(peaks - noise, 0.0))


def _line_errors(problem: StandardLines, solution: Solution) -> tuple[NDArray[np.int32], Array, Array]:
    """Distance of each line from its certified angle: the shift that removes most of its residual."""
    observed, step = problem.observed, 0.001
    moved = solve(problem, solution.state.of_scan(zero=solution.state.value("zero") + step)).patterns
    slope = (moved - solution.patterns) * solution.scales[:, None] / step
    residual = (observed.counts - solution.calculated) / observed.sigma
    hkl, angles, errors = [], [], []
    for i, group in enumerate(problem.groups):
        angle = formulas.two_theta(d=group.d[:1], wavelength=problem.start.lines[0].wavelength)
        near = solution.patterns[i] > 0.02
        weighted = slope[i, near] / observed.sigma[near]
        strength = float(weighted @ weighted)
        seen = near.sum() >= 5 and solution.patterns[i].max() >= 0.9
        if solution.scales[i] <= 0 or not seen or strength < 1 / 0.003**2:
            continue  # outside the scan, or its position is not known to 0.003°
        if not problem.two_theta[0] < angle[0] < problem.two_theta[-1]:
            continue
        # indices as people write them
        hkl.append(max(map(tuple, group.equivalents), key=lambda each: (min(each) >= 0, each)))
        angles.append(float(angle[0]))
        errors.append(float(weighted @ residual[near]) / strength)
    return np.array(hkl, np.int32).reshape(-1, 3), np.array(angles), np.array(errors)


def _notes(problem: StandardLines, state: State, angles: Array) -> tuple[str, ...]:
    notes = []
    if angles.size and np.ptp(angles) < 60:
        notes.append(
            f"the lines that were measured well span {angles.min():.0f} to {angles.max():.0f}° only: zero shift and "
            "displacement can hardly be separated there, and widths beyond are extrapolated"
        )
    for one in problem.parameters.shared:
        value, end = state.value(one.name), 1e-3 * (one.high - one.low)
        if one.name not in ("X", "Y", "spread", "turn") and min(value - one.low, one.high - value) < end:
            notes.append(
                f"{one.name} reached the limit of its range, {value:.3g}: check wavelength, radius and standard"
            )
    step = float(np.median(np.diff(problem.two_theta)))
    narrowest = float(fwhm(problem.instrument(state), problem.two_theta).min())
    if narrowest < 3 * step:
        notes.append(
            f"the narrowest line, {narrowest:.3f}°, has less than three steps of {step:.3f}°: measure "
            "with a smaller step"
        )
    return tuple(notes)
