"""An unlimited number of simulated scans of mixtures, made on the fly. Sample i depends on (seed, i) alone."""

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

MIN_SNR = 3.0  # least height of the strongest line of a visible phase, in standard deviations of noise


@dataclass(frozen=True)
class Scans:
    """Simulated scans, and everything that is known about them.

    Attributes:
        drawn: their random numbers.
        content: the phases in them.
        conditions: the state of each phase and of the instrument.
        counts: shape (batch, points).
        covered: where the scan has data, shape (batch, points).
        visible: whether a phase is visible above the noise, shape (batch, slots).
    """

    drawn: Draws
    content: Content
    conditions: Conditions
    counts: NDArray[np.float32]
    covered: NDArray[np.bool_]
    visible: NDArray[np.bool_]


@dataclass(frozen=True)
class Mixtures:
    """Source of simulated scans.

    Attributes:
        library: number of phases of the library.
        outside: number of phases outside the library, packed after those.
        packed: the reflections of both, with the lines that stacking faults broaden packed separately.
        recipe: what varies.
        grid: the axis.
        seed: sample i comes from (seed, i).
        threads: number of threads that render a batch.
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
    """Prepare the reflections of a library, and of `outside` phases outside it, once."""
    phases = [*library.phases, *(random_structure(i) for i in range(outside))]
    crystals = reflections_in_range(phases, recipe.lines, grid, margin=recipe.strain_margin)
    return Mixtures(len(library), outside, pack_apart(crystals, recipe.lines), recipe, grid, seed, threads)
