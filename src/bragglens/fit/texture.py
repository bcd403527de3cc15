"""Texture: about which axis a phase has preferred orientation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bragglens.fit.engine import solve
from bragglens.fit.problem import Problem
from bragglens.fit.state import Solution

_MARCH_TRIED = (0.75, 1.33)  # plates, needles: of typical strength


def choose_texture(problem: Problem, solution: Solution) -> Solution:
    """For each phase the texture axis that improves the fit most; the strength is kept."""
    axes = [about_each_axis(problem, solution, place)[0].state.axes[place] for place in range(len(solution.scales))]
    return replace(solution, state=replace(solution.state, axes=np.array(axes).reshape(-1, 3)))


def about_each_axis(problem: Problem, solution: Solution, place: int) -> list[Solution]:
    """Solutions in which one phase has a texture about each distinct axis; the best first, all else held.

    The texture is that of plates or that of needles, whichever is better. A candidate without texture stays as it is.
    """
    state = solution.state
    distinct = problem.known[state.phases[place]].texture_axes
    if not distinct:
        return [solution]
    trials = [
        state.of(place, axis=np.array(axis, float), log_march=float(np.log(march)))
        for axis in distinct
        for march in _MARCH_TRIED
    ]
    own = np.array([trial.own[place] for trial in trials])
    axes = np.array([trial.axes[place] for trial in trials])
    drawn = problem.render(state.shared, own, np.full(len(trials), state.phases[place]), axes)
    tried = []
    for trial, pattern in zip(trials, drawn, strict=True):
        patterns = solution.patterns.copy()
        patterns[place] = pattern
        tried.append(solve(problem, trial, patterns))
    n = len(_MARCH_TRIED)
    better = [min(tried[i : i + n], key=lambda one: one.cost) for i in range(0, len(tried), n)]
    return sorted(better, key=lambda one: one.cost)
