"""ReferenceLines: the lines of every phase of a library on the axis of the matcher, for comparison with a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import Preparation
from bragglens.simulate.instrument import emission
from bragglens.simulate.lines import Lines

GRID = Grid(5.0, 90.0, 0.02)
PREPARATION = Preparation(GRID, emission("CuKa1")[0].wavelength, "sqrt")
MOST = 40  # reference lines of a phase


@dataclass(frozen=True)
class ReferenceLines:
    """The strongest lines of each phase on the axis, the strongest first. Rows are padded with height 0.

    Attributes:
        angle: 2θ in degrees, shape (phases, lines).
        height: intensity over that of the phase's strongest line, shape (phases, lines).
        area: intensity per gram of all lines on the axis, shape (phases,).
    """

    angle: NDArray[np.float32]
    height: NDArray[np.float32]
    area: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.angle)

    def of(self, rows: NDArray[np.integer]) -> ReferenceLines:
        """The lines of some phases, in this order."""
        return ReferenceLines(self.angle[rows], self.height[rows], self.area[rows])


def reference_lines(lines: Lines) -> ReferenceLines:
    """The reference lines of phases with these lines.

    A scan of another wavelength is converted to this axis through d. The reference lines are therefore valid for every
    scan.
    """
    angle, intensity = lines.intensity(PREPARATION.wavelength)
    inside = (angle >= GRID.start) & (angle <= GRID.stop)
    intensity = np.where(inside, intensity, 0.0)
    order = np.argsort(-intensity, axis=1, kind="stable")[:, :MOST]
    strongest = np.take_along_axis(intensity, order, axis=1)
    angle = np.where(strongest > 0, np.take_along_axis(angle, order, axis=1), GRID.start)
    return ReferenceLines(
        angle.astype(np.float32),
        (strongest / np.maximum(strongest[:, :1], 1e-300)).astype(np.float32),
        intensity.sum(axis=1).astype(np.float32),
    )
