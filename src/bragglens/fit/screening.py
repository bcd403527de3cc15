"""Screening: which phase a solution needs next, estimated with the atlas, and the fit with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.candidate import swelling
from bragglens.fit.engine import refine, solve
from bragglens.fit.evidence import free_norm
from bragglens.fit.found import Prior
from bragglens.fit.observed import moving_average
from bragglens.fit.parameters import STRAINS, USUAL_DISPLACEMENT
from bragglens.fit.problem import Problem
from bragglens.fit.state import Solution

Array = NDArray[np.float64]

_DISPLACEMENTS = np.linspace(-0.4, 0.4, 9)  # mm, tried while no phase determines the shift


@dataclass(frozen=True)
class Trial:
    """How well one phase would explain what is left of a scan.

    Attributes:
        phase: its place among the candidates.
        gain: estimated decrease of chi2.
        displacement: sample displacement in mm at which it fits best.
        stretch: relative expansion of its lattice at which it fits best.
    """

    phase: int
    gain: float
    displacement: float
    stretch: float


def screen(problem: Problem, solution: Solution, pool: Sequence[int]) -> list[Trial]:
    """Gain of each phase of a pool if it were added to a solution with everything else held; the best first."""
    if not pool:
        return []
    first = not solution.state.phases
    displacements = _DISPLACEMENTS if first else [solution.state.value("displacement")]
    drawn, stretches = problem.known.atlas.patterns[list(pool)], problem.known.atlas.stretches
    usual = problem.parameters.own[problem.parameters.place(STRAINS[0])].usual
    gain = np.full((len(pool), len(displacements), drawn.shape[1]), -np.inf)
    for j, displacement in enumerate(displacements):
        unusual = (displacement / USUAL_DISPLACEMENT) ** 2 * first + (stretches / usual) ** 2
        gain[:, j] = _gains(problem, solution, drawn, float(displacement)) - unusual
    trials = []
    for phase, own in zip(pool, gain, strict=True):
        place, size = np.unravel_index(int(np.argmax(own)), own.shape)
        trials.append(Trial(int(phase), float(own.max()), float(displacements[place]), float(stretches[size])))
    return sorted(trials, key=lambda trial: -trial.gain)


def likeliest(problem: Problem, solution: Solution, pool: Sequence[int], prior: Prior) -> list[Trial]:
    """The phases of a pool to fit beside a solution, ranked by their gain and their prior."""
    there = solution.state.phases
    trials = screen(problem, solution, pool)
    ranked = sorted(trials, key=lambda trial: -trial.gain - prior.of(trial.phase, there))
    return ranked[: problem.policy.candidates_tried]


def _gains(problem: Problem, solution: Solution, drawn: NDArray[np.float32], displacement: float) -> Array:
    """Decrease of chi2 with each pattern of the atlas at one displacement, (phases, stretches)."""
    known, observed, atlas = problem.known, problem.observed, problem.known.atlas
    shift = np.degrees(2 * displacement / known.instrument.radius) * np.cos(np.radians(atlas.grid.two_theta / 2))
    angles = atlas.grid.two_theta + solution.state.value("zero") - shift
    inside = (angles >= observed.grid.start) & (angles <= observed.grid.stop)

    def seen(values: Array) -> Array:
        return np.asarray(np.interp(angles[inside], observed.grid.two_theta, values), dtype=np.float64)

    sigma = seen(observed.sigma)
    present = np.vstack([solution.patterns[solution.scales > 0], observed.background.T])
    columns = np.stack([seen(column) / sigma for column in present]).astype(np.float32)
    points = max(1, int(atlas.grid.step / observed.grid.step) | 1)
    residual = (seen(moving_average(observed.counts - solution.calculated, points)) / sigma).astype(np.float32)
    first, last = np.flatnonzero(inside)[[0, -1]]
    weight = (1 / sigma).astype(np.float32)
    patterns = (drawn[:, :, first : last + 1] * weight).reshape(-1, last - first + 1)
    information = min(1.0, atlas.grid.step / problem.policy.line_width)
    gain = information * np.maximum(patterns @ residual, 0) ** 2 / np.maximum(free_norm(columns, patterns), 1e-300)
    return np.asarray(gain.reshape(drawn.shape[:2]))


def add(problem: Problem, solution: Solution, trial: Trial) -> Solution:
    """A solution with one further phase and its own values fitted. For the first phase the shift is fitted too."""
    state = solution.state.with_phase(trial.phase)
    place = len(state.phases) - 1
    state = state.of(place, strains=trial.stretch * swelling(problem.known[trial.phase].strain_basis))
    if place:
        return refine(problem, solve(problem, state), rounds=4, only=place)
    width = state.value("log_width")
    state = state.of_scan(displacement=trial.displacement, log_width=float(np.log(problem.policy.soft_width)))
    blurred = solve(problem.softened, state)
    state = refine(problem.softened, blurred, rounds=8).state.of_scan(log_width=width)
    return refine(problem, solve(problem, state), rounds=4)
