"""Grid and Pattern: the common type of simulated and measured intensity on an even axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import RecipeError


@dataclass(frozen=True)
class Grid:
    """An even 2θ axis, both ends included.

    Attributes:
        start: first 2θ in degrees.
        stop: last 2θ in degrees.
        step: distance between two points in degrees.
    """

    start: float
    stop: float
    step: float

    def __post_init__(self) -> None:
        if not 0 < self.start < self.stop < 180:
            raise RecipeError(
                f"a 2θ range from {self.start:g} to {self.stop:g}° is not possible: "
                "give two angles between 0 and 180°, the smaller one first"
            )
        if not 0 < self.step <= (self.stop - self.start) / 10:
            raise RecipeError(
                f"a step of {self.step:g}° does not divide {self.start:g}-{self.stop:g}° into ten or more points: "
                "give a smaller positive step"
            )

    @property
    def size(self) -> int:
        """Number of points."""
        return int(round((self.stop - self.start) / self.step)) + 1

    @cached_property
    def two_theta(self) -> NDArray[np.float64]:
        """The axis in degrees, shape (size,)."""
        return self.start + self.step * np.arange(self.size, dtype=np.float64)


@dataclass(frozen=True)
class Pattern:
    """Intensity on a grid.

    Attributes:
        grid: the 2θ axis.
        intensity: shape (grid.size,), any positive scale.
        covered: shape (grid.size,), False where nothing was measured and the intensity is meaningless.
    """

    grid: Grid
    intensity: NDArray[np.float64]
    covered: NDArray[np.bool_]

    @property
    def coverage(self) -> float:
        """Share of the grid that was measured."""
        return float(self.covered.mean())
