"""Simulated scans of mixtures without end, made on the fly, sample i from (seed, i) alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.scan.pattern import Grid
from bragglens.simulate.draws import Draws, draws
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.mixture import Content, draw_conditions, draw_mixtures, strongest
from bragglens.simulate.random_structures import random_structure
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import pack_apart, reflections_in_range, render

MIN_SNR = 3.0  # standard deviations of noise that the strongest line of a phase stands high, if the phase is visible


@dataclass(frozen=True)
class Scans:
    """Simulated scans, and all that is known of them.

    Attributes:
        drawn: their random numbers.
        content: which phases they hold.
        conditions: the state of each phase and of the instrument.
        counts: shape (batch, points).
        covered: where the scan has data, shape (batch, points).
        visible: whether a phase stands out of the noise, shape (batch, slots).
    """

    drawn: Draws
    content: Content
    conditions: Conditions
    counts: NDArray[np.float32]
    covered: NDArray[np.bool_]
    visible: NDArray[np.bool_]


@dataclass(frozen=True)
class Mixtures:
    """Where scans come from.

    Attributes:
        library: number of phases of the library.
        outside: number of phases outside it, packed behind those.
        packed: the reflections of both, the lines that stacking faults blur apart.
        recipe: what varies.
        grid: the axis.
        seed: sample i comes from (seed, i).
        threads: that render a batch.
    """

    library: int
    outside: int
    packed: PackedPhases
    recipe: Recipe
    grid: Grid
    seed: int
    threads: int = 1

    def scans(self, first: int, count: int) -> Scans:
        """Samples first ... first + count - 1."""
        drawn = draws(self.seed, first, count)
        content = draw_mixtures(self.recipe, drawn, library=self.library, strangers=self.outside)
        conditions = draw_conditions(self.recipe, drawn, content, self.packed, self.grid)
        rendered = render(self.packed, conditions, self.grid, seed=self.seed, threads=self.threads)
        angle, span = self.grid.two_theta, conditions.span
        covered = (angle >= span[:, :1]) & (angle <= span[:, 1:])
        visible = strongest(rendered.signal, content.phase.shape[1]) >= MIN_SNR
        return Scans(drawn, content, conditions, rendered.intensity, covered, visible)


def mixtures(library: Library, recipe: Recipe, grid: Grid, *, seed: int, outside: int, threads: int = 1) -> Mixtures:
    """Prepare the reflections of a library, and of so many phases outside it, once."""
    phases = [*library.phases, *(random_structure(i) for i in range(outside))]
    crystals = reflections_in_range(phases, recipe.lines, grid, margin=recipe.strain_margin)
    return Mixtures(len(library), outside, pack_apart(crystals, recipe.lines), recipe, grid, seed, threads)
