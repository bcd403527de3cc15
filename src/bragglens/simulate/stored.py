"""Stored sets of single-phase patterns as .npy arrays, as in the founding blog post."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.errors import RecipeError
from bragglens.files import open_file, whole_file
from bragglens.scan.pattern import Grid
from bragglens.simulate.draws import draws
from bragglens.simulate.mixture import draw_conditions, single_phases
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import pack_apart, reflections_in_range, render

VALIDATION_FIRST = 1 << 40  # validation samples have numbers that training never reaches
STRONGEST = 100.0  # the strongest point of each pattern; line intensities are usually scaled to 100


def simulate_set(
    library: Library,
    recipe: Recipe,
    grid: Grid,
    *,
    per_phase: int,
    seed: int = 0,
    first: int = 0,
    tick: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Patterns of single phases, one phase after the other.

    Args:
        library: the phases. The class number of a phase is its index in the library.
        recipe: what varies.
        grid: the axis.
        per_phase: number of patterns for each phase.
        seed: sample i comes from (seed, i).
        first: number of the first sample. Use `VALIDATION_FIRST` for a validation set.
        tick: called with (finished phases, phases).

    Returns:
        Patterns with a strongest point of 100, shape (phases x per_phase, points), and class numbers.
    """
    if per_phase < 1:
        raise RecipeError(f"{per_phase} patterns per phase are not possible: give 1 or more")
    crystals = reflections_in_range(library.phases, recipe.lines, grid, margin=recipe.strain_margin)
    packed = pack_apart(crystals, recipe.lines)
    x = np.empty((len(library) * per_phase, grid.size))
    for index in range(len(library)):
        rows = slice(index * per_phase, (index + 1) * per_phase)
        drawn = draws(seed, first + rows.start, per_phase)
        content = single_phases(drawn, phases=np.full(per_phase, index))
        conditions = draw_conditions(recipe, drawn, content, packed, grid)
        rendered = render(packed, conditions, grid, seed=seed).intensity
        x[rows] = STRONGEST * rendered / rendered.max(axis=1, keepdims=True)
        if tick:
            tick(index + 1, len(library))
    return x, np.repeat(np.arange(len(library)), per_phase)


def save_array(path: Path, array: NDArray[np.generic]) -> None:
    """Write a .npy file. It is either complete or not there.

    Raises:
        BragglensError: the file cannot be written there.
    """
    with whole_file(path) as handle:
        np.save(handle, array, allow_pickle=False)


def load_array(path: Path) -> NDArray[Any]:
    """Read a .npy file of numbers.

    Raises:
        RecipeError: the file is missing, damaged, or does not hold numbers.
    """
    try:
        open_file(path, RecipeError, what="an array of numbers (.npy)").close()
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise RecipeError(f"{path}: there is no such file: make it with `bragglens simulate`") from None
    except (OSError, ValueError, EOFError) as error:
        raise RecipeError(f"{path}: is no array of numbers (.npy), or was cut short: make it again") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise RecipeError(f"{path}: has values that are not finite numbers: make it again")
    return array
