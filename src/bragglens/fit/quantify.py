"""Quantify: weight fractions from fitted scales, with realistic errors.

A phase's scale is already in grams (the renderer gives the intensity of one gram, from cell mass and volume). Fractions
are therefore scales over their sum (Hill & Howard 1987, J. Appl. Cryst. 20, 467). The error includes more than counting
statistics: microabsorption (Brindley 1945, Phil. Mag. 36, 347), texture that the March function does not describe, and
structures that differ a little from those of the sample. It also includes phases that are not named: unexplained
intensity may belong to more grams of them, or fewer, than of the named phases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition
from bragglens.crystal.scattering import dispersion
from bragglens.errors import BragglensError
from bragglens.fit.engine import covariance
from bragglens.fit.problem import Problem
from bragglens.fit.state import Solution
from bragglens.policy import DEFAULT

Array = NDArray[np.float64]

_SPHERE = 1.45  # Brindley's absorption factor of a sphere is exp(-1.45 Δμ R) for small Δμ R (his table I)
_ELECTRON_RADIUS = 2.8179403205e-13  # cm, CODATA 2018


@dataclass(frozen=True)
class Quantities:
    """Weight fractions among the named phases, or of the whole sample where there is an internal standard.

    Attributes:
        weight_percent: of each phase.
        error: half the 95% interval of each, in wt%. For shares among the named phases it includes the share that would
            be left if the unexplained intensity belonged to one further phase.
        amorphous_percent: wt% of the specimen that is none of the phases, with an internal standard; else None.
        amorphous_error: half of its 95% interval.
    """

    weight_percent: Array
    error: Array
    amorphous_percent: float | None = None
    amorphous_error: float | None = None


def quantify(
    problem: Problem,
    solution: Solution,
    *,
    particle_size: float | None = None,
    standard: tuple[str, float] | None = None,
    unexplained: float = 0.0,
) -> Quantities:
    """Weight fractions with 95% intervals.

    Args:
        problem: the candidates and the scan.
        solution: the fit.
        particle_size: grain diameter in µm, for Brindley's correction; 0 leaves it out. None takes the value of the
            policy and enlarges the error by the uncertainty of that guess.
        standard: name of a phase that was added, and its wt% of the specimen. Fractions are then of the specimen, and
            the rest is amorphous or was not found.
        unexplained: share of the peak intensity that no phase explains.

    Raises:
        BragglensError: the standard is not among the phases that were found.
    """
    k = len(solution.scales)
    policy, phases = problem.policy, [problem.known.phases[i] for i in solution.state.phases]
    names = [phase.name for phase in phases]
    if standard is not None and standard[0] not in names:
        raise BragglensError(
            f"the internal standard {standard[0]} was not found in the scan: leave it out, or check that it was added"
        )
    if not k:
        return Quantities(np.empty(0), np.empty(0))
    size = policy.particle_size if particle_size is None else particle_size
    attenuation = linear_absorption(phases, problem.known.instrument.lines[0].wavelength)
    factor = _contrast(solution.scales, phases, attenuation, size)
    grams = solution.scales / factor
    guess = policy.particle_size_spread * np.log(factor) if particle_size is None else np.zeros(k)
    relative = _relative_covariance(problem, solution) + np.outer(guess, guess)
    fractions = 100 * (grams / grams.sum())  # of one phase exactly 100
    if standard is None:
        # d ln w_i = d ln g_i - Σ w_j d ln g_j
        to_fractions = fractions[:, None] * (np.eye(k) - fractions / 100)
        spread = np.sqrt(np.maximum(np.diag(to_fractions @ relative @ to_fractions.T), 0))
        return Quantities(
            fractions, np.hypot(1.96 * spread, fractions * unnamed_share(unexplained, policy.scattering_spread))
        )
    return _by_standard(fractions, relative, names.index(standard[0]), standard[1])


def unnamed_share(unexplained: float, spread: float = DEFAULT.scattering_spread) -> float:
    """Upper 95% limit of the share of the crystalline mass that the unexplained intensity may belong to.

    A gram of an unnamed phase scatters 1/k as much as one of the named phases, with ln k within 1.96 `spread` of 0. For
    a share u of the intensity the share of the mass is k u / (k u + 1 - u).
    """
    mass = unexplained * float(np.exp(1.96 * spread))
    return mass / (mass + 1 - unexplained)


def linear_absorption(phases: Sequence[Phase], wavelength: float) -> Array:
    """Photoelectric absorption coefficient in 1/cm of each solid phase: 2 r_e λ Σ f'' / V (optical theorem).

    f'' is from Cromer & Liberman (`scattering.dispersion`). Scattering, a few percent more, is left out.
    """
    out = []
    for phase in phases:
        content = composition(phase)
        f2 = dispersion(tuple(content), wavelength).imag
        total = float(np.dot(list(content.values()), f2))
        out.append(2 * _ELECTRON_RADIUS * wavelength * 1e-8 * total / (phase.volume * 1e-24))
    return np.array(out)


def _contrast(scales: Array, phases: Sequence[Phase], attenuation: Array, size: float) -> Array:
    """Brindley's factor of each phase: its intensity over that without absorption contrast, spheres of `size` µm."""
    density = np.array([phase.density for phase in phases])
    factor = np.ones(len(scales))
    for _ in range(10):  # the mean absorption depends on the fractions
        volume = scales / factor / density
        mean = np.average(attenuation, weights=np.maximum(volume, 1e-30))
        factor = np.exp(np.clip(-_SPHERE * (attenuation - mean) * size / 2 * 1e-4, -1.5, 1.5))
    return factor


def _relative_covariance(problem: Problem, solution: Solution) -> Array:
    """Covariance of the logarithms of the scales: of the fit, and of errors that the fit cannot know."""
    scales = np.maximum(solution.scales, 1e-300)
    fitted = covariance(problem, solution) / np.outer(scales, scales)
    texture = problem.policy.texture_error * solution.state.each("log_march")
    return fitted + np.diag(problem.policy.structure_error**2 + texture**2)


def _by_standard(fractions: Array, relative: Array, place: int, weighed: float) -> Quantities:
    """Fractions of the specimen from the known share of one phase (internal standard; Klug & Alexander 1974, ch. 7)."""
    k = len(fractions)
    whole = fractions * weighed / fractions[place]
    to_fractions = whole[:, None] * (np.eye(k) - np.eye(k)[place])
    spread = to_fractions @ relative @ to_fractions.T
    error = 1.96 * np.sqrt(np.maximum(np.diag(spread), 0))
    rest_error = 1.96 * float(np.sqrt(max(spread.sum(), 0)))
    return Quantities(whole, error, float(100 - whole.sum()), rest_error)
