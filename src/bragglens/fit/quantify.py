"""Quantify: weight fractions from fitted scales, with realistic errors.

A phase's scale is already in grams (the renderer gives the intensity of one gram, from cell mass and volume). Fractions
are therefore scales over their sum (Hill & Howard 1987, J. Appl. Cryst. 20, 467). The error includes more than counting
statistics: microabsorption (Brindley 1945, Phil. Mag. 36, 347), texture that the fitted distribution does not describe,
the scatter of a phase's lines, and structures that differ a little from those of the sample. It also includes phases
that are not named: unexplained intensity may belong to more grams of them, or fewer, than of the named phases. The
intensity of a phase without a weight fraction, whose scale is not in grams, counts like unexplained intensity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import BragglensError
from bragglens.fit.candidate import Solid
from bragglens.fit.candidates import texture_indices
from bragglens.fit.engine import covariance
from bragglens.fit.line_scatter import lines_of
from bragglens.fit.problem import Problem
from bragglens.fit.state import Solution
from bragglens.policy import DEFAULT

Array = NDArray[np.float64]
Places = NDArray[np.intp]

_SPHERE = 1.45  # Brindley's absorption factor of a sphere is exp(-1.45 Δμ R) for small Δμ R (his table I)


@dataclass(frozen=True)
class Quantities:
    """Weight fractions among the named phases, or of the whole sample where there is an internal standard.

    Attributes:
        weight_percent: of each phase, (phases,); nan where the scale of a phase is not in grams.
        error: half the 95% interval of each, in wt%, (phases,). For shares among the named phases it includes the share
            that would be left if the unexplained intensity, and that of phases without a fraction, belonged to one
            further phase.
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
    policy, fitted, scales = problem.policy, problem.known.of(solution.state), solution.scales
    weighed = np.flatnonzero([one.in_grams for one in fitted])
    names = [fitted[place].name for place in weighed]
    if standard is not None and standard[0] not in names:
        raise BragglensError(
            f"the internal standard {standard[0]} was not found in the scan: leave it out, or check that it was added"
        )
    nothing = np.full(len(fitted), np.nan)
    if not len(weighed):
        return Quantities(nothing, nothing)
    size = policy.particle_size if particle_size is None else particle_size
    wavelength = problem.known.instrument.lines[0].wavelength
    factor = _contrast(scales[weighed], [fitted[place].solid(wavelength) for place in weighed], size)
    grams = scales[weighed] / factor
    guess = policy.particle_size_spread * np.log(factor) if particle_size is None else np.zeros(len(weighed))
    relative = _relative_covariance(problem, solution)[np.ix_(weighed, weighed)] + np.outer(guess, guess)
    fractions = 100 * (grams / grams.sum())  # of one phase exactly 100
    if standard is None:
        left = unexplained + (1 - unexplained) * _without_fraction(solution, weighed)
        found = Quantities(fractions, _error(fractions, relative, unnamed_share(left, policy.scattering_spread)))
    else:
        found = _by_standard(fractions, relative, names.index(standard[0]), standard[1])
    return replace(
        found, weight_percent=_at(weighed, found.weight_percent, nothing), error=_at(weighed, found.error, nothing)
    )


def _at(places: Places, values: Array, others: Array) -> Array:
    """Values put in their places among others."""
    out = others.copy()
    out[places] = values
    return out


def _without_fraction(solution: Solution, weighed: Places) -> float:
    """Share of the calculated intensity that belongs to phases without a weight fraction."""
    area = solution.scales * solution.patterns.sum(axis=1)
    return float(np.delete(area, weighed).sum() / max(float(area.sum()), 1e-300))


def _error(fractions: Array, relative: Array, unnamed: float) -> Array:
    """Half of the 95% intervals of shares among the named phases: d ln w_i = d ln g_i - Σ w_j d ln g_j."""
    to_fractions = fractions[:, None] * (np.eye(len(fractions)) - fractions / 100)
    spread = np.sqrt(np.maximum(np.diag(to_fractions @ relative @ to_fractions.T), 0))
    return np.asarray(np.hypot(1.96 * spread, fractions * unnamed))


def unnamed_share(unexplained: float, spread: float = DEFAULT.scattering_spread) -> float:
    """Upper 95% limit of the share of the crystalline mass that the unexplained intensity may belong to.

    A gram of an unnamed phase scatters 1/k as much as one of the named phases, with ln k within 1.96 `spread` of 0. For
    a share u of the intensity the share of the mass is k u / (k u + 1 - u).
    """
    mass = unexplained * float(np.exp(1.96 * spread))
    return min(1.0, mass / (mass + 1 - unexplained))  # rounding may exceed 1


def _contrast(scales: Array, solids: Sequence[Solid | None], size: float) -> Array:
    """Brindley's factor of each phase: its intensity over that without absorption contrast, spheres of `size` µm.

    A phase of unknown absorption has the factor 1 and does not count in the mean.
    """
    known = [place for place, solid in enumerate(solids) if solid is not None]
    density, attenuation = np.array([solid for solid in solids if solid is not None]).reshape(-1, 2).T
    factor = np.ones(len(scales))
    for _ in range(10 if known else 0):  # the mean absorption depends on the fractions
        volume = scales[known] / factor[known] / density
        mean = np.average(attenuation, weights=np.maximum(volume, 1e-30))
        factor[known] = np.exp(np.clip(-_SPHERE * (attenuation - mean) * size / 2 * 1e-4, -1.5, 1.5))
    return factor


def _relative_covariance(problem: Problem, solution: Solution) -> Array:
    """Covariance of the logarithms of the scales: of the fit, and of errors that the fit cannot know."""
    scales, policy = np.maximum(solution.scales, 1e-300), problem.policy
    fitted = covariance(problem, solution) / np.outer(scales, scales)
    texture = policy.texture_error**2 * (texture_indices(problem.known, solution.state) - 1)
    lines = [lines_of(problem.observed, solution, place) for place in range(len(scales))]
    scatter = np.array([one.mean_error for one in lines])
    return fitted + np.diag(policy.structure_error**2 + texture + scatter**2)


def _by_standard(fractions: Array, relative: Array, place: int, weighed: float) -> Quantities:
    """Fractions of the specimen from the known share of one phase (internal standard; Klug & Alexander 1974, ch. 7)."""
    k = len(fractions)
    whole = fractions * weighed / fractions[place]
    to_fractions = whole[:, None] * (np.eye(k) - np.eye(k)[place])
    spread = to_fractions @ relative @ to_fractions.T
    error = 1.96 * np.sqrt(np.maximum(np.diag(spread), 0))
    rest_error = 1.96 * float(np.sqrt(max(spread.sum(), 0)))
    return Quantities(whole, error, float(100 - whole.sum()), rest_error)
