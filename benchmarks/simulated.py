"""Simulated scans that training has not seen, as measured ones, for the scripts that ask about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.identification.evaluate import Label
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.draws import draws
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.mixture import Content, draw_conditions, draw_mixtures, single_phases, strongest
from bragglens.simulate.random_structures import random_structure
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import pack_apart, reflections_in_range, render
from bragglens.simulate.scans import MIN_SNR

SEED = 20_000_000  # training takes seed 0 unless told otherwise
GRID = Grid(5.0, 90.0, 0.02)
FIRST_STRANGER, STRANGERS = 400, 400  # training has seen 0 to 399


@dataclass(frozen=True)
class Simulated:
    """A simulated scan and what it holds.

    Attributes:
        scan: as read from a file.
        names: of the phases, strangers too, in the order of the slots; `None` where a slot is empty.
        weight_percent: of each slot.
        signal: height of each slot's strongest line over the noise beneath it.
        strangers: names of the phases that no library holds.
    """

    scan: Scan
    names: tuple[str | None, ...]
    weight_percent: tuple[float, ...]
    signal: tuple[float, ...]
    strangers: frozenset[str] = frozenset()

    def visible(self, least: float = MIN_SNR) -> frozenset[str]:
        """The phases whose strongest line stands out of the noise."""
        return frozenset(n for n, s in zip(self.names, self.signal, strict=True) if n is not None and s >= least)

    @property
    def drowned(self) -> frozenset[str]:
        """The phases that are there and cannot be seen."""
        return frozenset(n for n in self.names if n is not None) - self.visible()

    def label(self, name: str) -> Label:
        """What a manifest would say of it."""
        seen = self.visible()
        return Label(
            self.scan.name,  # type: ignore[arg-type]
            name,
            phases=seen - self.strangers,
            strangers=seen & self.strangers,
            weight_percent={},
            wavelength=self.scan.wavelength,
        )


def packed(phases: Sequence[Phase], recipe: Recipe, grid: Grid = GRID) -> PackedPhases:
    """Phases for the renderer."""
    return pack_apart(reflections_in_range(phases, recipe.lines, grid, margin=recipe.strain_margin), recipe.lines)


def scans_of(
    phases: Sequence[Phase],
    content: Content,
    conditions: Conditions,
    table: PackedPhases,
    recipe: Recipe,
    *,
    grid: Grid = GRID,
    seed: int = SEED,
    strangers: frozenset[str] = frozenset(),
) -> list[Simulated]:
    """Rendered samples as scans, each from where it starts to where it stops."""
    rendered = render(table, conditions, grid, seed=seed)
    heights = strongest(rendered.signal, content.phase.shape[1])
    out = []
    for row, (low, high) in enumerate(conditions.span):
        inside = (grid.two_theta >= low) & (grid.two_theta <= high)
        scan = Scan(
            f"simulated-{int(conditions.sample[row])}",
            grid.two_theta[inside],
            rendered.intensity[row, inside].astype(float),
            wavelength=recipe.lines[0].wavelength,
        )
        names = tuple(phases[i].name if i >= 0 else None for i in content.phase[row])
        weights, signal = tuple(100 * content.weight[row]), tuple(heights[row])
        out.append(Simulated(scan, names, weights, signal, strangers))
    return out


def mixtures(library: Sequence[Phase], count: int, recipe: Recipe | None = None) -> list[Simulated]:
    """Samples as training draws them: zero to four phases, in half of them a stranger, one of those it has not seen."""
    recipe = recipe or Recipe()
    foreign = [random_structure(i) for i in range(FIRST_STRANGER, FIRST_STRANGER + STRANGERS)]
    phases = [*library, *foreign]
    drawn, table = draws(SEED, 0, count), packed(phases, recipe)
    content = draw_mixtures(recipe, drawn, library=len(library), strangers=STRANGERS)
    conditions = draw_conditions(recipe, drawn, content, table, GRID)
    names = frozenset(phase.name for phase in foreign)
    return scans_of(phases, content, conditions, table, recipe, strangers=names)


def singles(library: Sequence[Phase], each: int, recipe: Recipe | None = None) -> list[Simulated]:
    """So many samples of each phase alone."""
    recipe = recipe or Recipe()
    drawn, table = draws(SEED + 1, 0, each * len(library)), packed(library, recipe)
    content = single_phases(drawn, phases=np.repeat(np.arange(len(library)), each))
    return scans_of(library, content, draw_conditions(recipe, drawn, content, table, GRID), table, recipe)


def given(
    library: Sequence[Phase],
    phase: NDArray[np.int64],
    weight: NDArray[np.float64],
    recipe: Recipe,
    *,
    samples: NDArray[np.uint64],
    grid: Grid = GRID,
    seed: int = SEED,
) -> tuple[list[Simulated], Conditions, PackedPhases]:
    """Mixtures of given phases and weights, shape (samples, slots); samples of one number share all conditions."""
    content = Content(phase, weight / weight.sum(axis=1, keepdims=True))
    drawn, table = replace(draws(SEED + 2, 0, 1), samples=samples), packed(library, recipe, grid)
    conditions = draw_conditions(recipe, drawn, content, table, grid)
    return scans_of(library, content, conditions, table, recipe, grid=grid, seed=seed), conditions, table
