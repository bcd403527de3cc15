"""Network input: measured and simulated patterns are prepared in the same way, here only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.moving import moving_median
from bragglens.scan.pattern import Grid, Pattern
from bragglens.scan.scan import Scan

LEAST_COVERAGE = 0.4
"""Share of its grid that a scan covers at least in training: `Recipe.start` and `Recipe.stop` give 25-60° of 5-90°."""

_HOLE = 3.5  # of the steps about it; of one or two points left out the neighbours tell what a line would have shown
Scaling = Literal["minmax", "sqrt"]


@dataclass(frozen=True)
class Preparation:
    """How intensities become the input of a network.

    Attributes:
        grid: the axis.
        wavelength: wavelength in Å that the axis is for.
        scaling: `minmax` maps each pattern to 0-1 and gives one channel, as in the founding blog post. `sqrt` takes the
            square root of that, which raises weak lines and makes counting noise even. It adds a second channel for
            where the scan has data.
    """

    grid: Grid
    wavelength: float
    scaling: Scaling

    @property
    def channels(self) -> int:
        """Number of input channels."""
        return 1 if self.scaling == "minmax" else 2

    def apply(self, intensity: NDArray[np.floating], covered: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Network input of shape (batch, channels, points) from intensities and coverage of shape (batch, points)."""
        scaled = zero_to_one(intensity, covered)[0].astype(np.float32)
        if self.scaling == "minmax":
            return scaled[:, None, :]
        return np.stack([np.sqrt(scaled), covered.astype(np.float32)], axis=1)


def zero_to_one(
    intensity: NDArray[np.floating], covered: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Scans scaled from 0 to 1 where they have data, 0 elsewhere, and what 1 stands for; axis -1 has the points.

    The one scaling of all networks, for measured and simulated scans.
    """
    lowest = np.min(intensity, axis=-1, keepdims=True, where=covered, initial=np.inf)
    highest = np.max(intensity, axis=-1, keepdims=True, where=covered, initial=-np.inf)
    span = np.maximum(highest - lowest, 1e-12)
    return np.where(covered, (intensity - lowest) / span, 0.0), span


def to_grid(scan: Scan, preparation: Preparation, *, wavelength: float) -> Pattern:
    """A measured scan on the grid of a model.

    The axis is converted through d, so that a scan of any wavelength can be used. Intensities are averaged over each
    grid step where the scan is finer, and interpolated where it is coarser.

    Args:
        scan: as read.
        preparation: the model's.
        wavelength: wavelength of the scan's strongest line in Å.

    Raises:
        ScanError: the scan has no data on the grid.
    """
    grid = preparation.grid
    two_theta = convert(scan.two_theta, wavelength, preparation.wavelength)
    valid = np.isfinite(two_theta)
    two_theta, counts = two_theta[valid], scan.counts[valid]
    covered = measured(two_theta, grid) if two_theta.size > 1 else np.zeros(grid.size, dtype=bool)
    if np.count_nonzero(covered) < 2:
        raise ScanError(
            f"{scan.name}: its {scan.two_theta[0]:.4g}-{scan.two_theta[-1]:.4g}° at {wavelength:.4f} Å lie outside of "
            f"the {grid.start:g}-{grid.stop:g}° at {preparation.wavelength:.4f} Å that are used: "
            "measure another range or state the right wavelength"
        )
    intensity = rebin(two_theta, counts, grid)
    return Pattern(grid, np.where(covered, intensity, 0.0), covered)


def measured(two_theta: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    """Grid points with data: those in the range of the scan, except in gaps of its axis."""
    angle, step = grid.two_theta, np.diff(two_theta)
    inside = (angle >= two_theta[0]) & (angle <= two_theta[-1])
    usual = moving_median(step, 9)
    for i in np.flatnonzero(step > _HOLE * usual):
        margin = max(grid.step, usual[i]) / 2 - 1e-9
        first, end = np.searchsorted(angle, (two_theta[i] + margin, two_theta[i + 1] - margin))
        inside[first:end] = False
    return np.asarray(inside)


def convert(two_theta: NDArray[np.float64], wavelength: float, target: float) -> NDArray[np.float64]:
    """2θ in degrees at another wavelength, for the same d; NaN where that d is out of reach."""
    if wavelength == target:
        return two_theta
    sine = target / wavelength * np.sin(np.radians(two_theta) / 2)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * np.degrees(np.arcsin(sine)))


def rebin(two_theta: NDArray[np.float64], counts: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """Mean intensity over each grid step, from the integral of the scan's polygon: no count is lost."""
    middle = np.diff(two_theta)
    integral = np.concatenate([[0.0], np.cumsum(middle * (counts[1:] + counts[:-1]) / 2)])
    left = np.clip(grid.two_theta - grid.step / 2, two_theta[0], two_theta[-1])
    right = np.clip(grid.two_theta + grid.step / 2, two_theta[0], two_theta[-1])
    width = right - left
    mean = (_integral_at(right, two_theta, counts, integral) - _integral_at(left, two_theta, counts, integral)) / (
        np.maximum(width, 1e-9)
    )
    return np.where(width > 1e-6, mean, np.interp(grid.two_theta, two_theta, counts))


def _integral_at(
    x: NDArray[np.float64], two_theta: NDArray[np.float64], counts: NDArray[np.float64], integral: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The polygon's integral up to x, also exact within a segment."""
    i = np.clip(np.searchsorted(two_theta, x, side="right") - 1, 0, two_theta.size - 2)
    t = x - two_theta[i]
    slope = (counts[i + 1] - counts[i]) / (two_theta[i + 1] - two_theta[i])
    return np.asarray(integral[i] + t * (counts[i] + slope * t / 2))
