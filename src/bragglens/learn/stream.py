"""Stream: labelled patterns without end, made on the fly, sample i from (seed, i) alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.scan.prepare import Preparation
from bragglens.simulate.draws import draws
from bragglens.simulate.kernel import PackedPhases
from bragglens.simulate.mixture import draw_conditions, draw_mixtures, strongest
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import pack_apart, reflections_in_range, render
from bragglens.simulate.strangers import stranger

VISIBLE = 3.0  # a phase whose strongest line stands this many standard deviations of noise high can be asked for


@dataclass(frozen=True)
class Batch:
    """Labelled input for a network.

    Attributes:
        x: network input, shape (batch, channels, points).
        present: 1 where the phase (last column: a phase outside the library) is in the sample, (batch, phases + 1).
        asked: 0 where the phase is in the sample but drowned in noise, so that neither answer is right.
    """

    x: NDArray[np.float32]
    present: NDArray[np.float32]
    asked: NDArray[np.float32]


@dataclass(frozen=True)
class Stream:
    """Where batches come from."""

    library: int
    strangers: int
    packed: PackedPhases
    recipe: Recipe
    preparation: Preparation
    seed: int
    threads: int = 1

    def batch(self, first: int, count: int) -> Batch:
        """Samples first ... first + count - 1."""
        drawn = draws(self.seed, first, count)
        content = draw_mixtures(self.recipe, drawn, library=self.library, strangers=self.strangers)
        conditions = draw_conditions(self.recipe, drawn, content, self.packed, self.preparation.grid)
        rendered = render(self.packed, conditions, self.preparation.grid, seed=self.seed, threads=self.threads)
        angle = self.preparation.grid.two_theta
        covered = (angle >= conditions.span[:, :1]) & (angle <= conditions.span[:, 1:])
        present, asked = _labels(content.phase, rendered.signal, self.library)
        return Batch(self.preparation.apply(rendered.intensity, covered), present, asked)


def open_stream(
    library: Library, recipe: Recipe, preparation: Preparation, *, seed: int, strangers: int, threads: int = 1
) -> Stream:
    """Prepare the reflections of a library, and of so many strangers, once."""
    lines = recipe.lines
    phases = [*library.phases, *(stranger(i) for i in range(strangers))]
    packed = pack_apart(reflections_in_range(phases, lines, preparation.grid, margin=recipe.strain_margin), lines)
    return Stream(len(library), strangers, packed, recipe, preparation, seed, threads)


def _labels(
    phase: NDArray[np.int64], signal: NDArray[np.float64], library: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    batch = len(phase)
    present = np.zeros((batch, library + 1), dtype=np.float32)
    asked = np.ones((batch, library + 1), dtype=np.float32)
    row, slot = np.nonzero(phase >= 0)
    column = np.minimum(phase[row, slot], library)
    visible = strongest(signal, phase.shape[1])[row, slot] >= VISIBLE
    present[row[visible], column[visible]] = 1.0
    asked[row[~visible], column[~visible]] = 0.0
    return present, asked
