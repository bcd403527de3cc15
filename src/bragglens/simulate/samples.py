"""Samples: patterns of one phase drawn from a recipe, with the values that were drawn for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.scan.pattern import Grid
from bragglens.simulate.clean import clean_reflections
from bragglens.simulate.draws import Draws, draws
from bragglens.simulate.mixture import draw_conditions, single_phases
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.reflection_list import ReflectionList
from bragglens.simulate.render import pack_apart, reflections_in_range, render

Array = NDArray[np.float64]

_POPULATION = 10000  # draws; the bars of a histogram are then correct within a few percent


@dataclass(frozen=True)
class Samples:
    """Simulated patterns of one phase, ordered by crystallite size.

    Attributes:
        phase: the phase.
        recipe: the recipe that they were drawn from.
        grid: the axis.
        intensity: counts, shape (samples, grid.size).
        covered: where each pattern has data, same shape.
        size: crystallite size of each in nm, shape (samples,).
        drawn: for each requested field the value of each sample, shape (samples,).
        population: for these fields the values of many samples.
        reflections: of the phase, without shifts.
    """

    phase: Phase
    recipe: Recipe
    grid: Grid
    intensity: NDArray[np.float32]
    covered: NDArray[np.bool_]
    size: Array
    drawn: dict[str, Array]
    population: dict[str, Array]
    reflections: ReflectionList


def samples_of(recipe: Recipe, phase: Phase, grid: Grid, *, fields: Sequence[str], seed: int, count: int) -> Samples:
    """The first samples of a seed, drawn as in training. Sample i comes from (seed, i).

    Args:
        recipe: the recipe to draw from.
        phase: the phase to simulate.
        grid: axis of the patterns.
        fields: distributions of the recipe whose values are requested.
        seed: seed of the random numbers.
        count: number of samples.
    """
    drawn, many = draws(seed, 0, count), draws(seed, 0, _POPULATION)
    order = np.argsort(_values(recipe, drawn, "size"), kind="stable")
    crystals = reflections_in_range([phase], recipe.lines, grid, margin=recipe.strain_margin)
    packed = pack_apart(crystals, recipe.lines)
    content = single_phases(drawn, phases=np.zeros(count, dtype=np.int64))
    conditions = draw_conditions(recipe, drawn, content, packed, grid)
    start, stop = conditions.span[order, :2].T
    return Samples(
        phase=phase,
        recipe=recipe,
        grid=grid,
        intensity=render(packed, conditions, grid, seed=seed).intensity[order],
        covered=(grid.two_theta >= start[:, None]) & (grid.two_theta <= stop[:, None]),
        size=conditions.size[order, 0],
        drawn={name: _values(recipe, drawn, name)[order] for name in fields},
        population={name: _values(recipe, many, name) for name in fields},
        reflections=clean_reflections(phase, grid, recipe.lines),
    )


def _values(recipe: Recipe, drawn: Draws, name: str) -> Array:
    return drawn.of(getattr(recipe, name), name)[:, 0]
