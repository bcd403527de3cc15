"""Line matching: how much of a scan the lines of a phase could explain, for thousands of phases at once.

The scale of a phase is set so that one of its strongest lines is as high as the peak at its position. Of these scales
the one at which the phase explains most is used. The result is the intensity that its lines then explain, less a
penalty for missing lines. It needs no fit and no training. It tolerates what is usual in real scans: small line
shifts, heights changed by preferred orientation, and peaks of other phases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bragglens.match.reference_lines import GRID, ReferenceLines
from bragglens.scan.moving import moving_highest, moving_lowest, moving_mean

Array32 = NDArray[np.float32]

_SMOOTH = 5  # points
_BASELINE = 4.0  # degrees; the lowest point in a window of this width counts as background
_REACHES = ((0.0, 0.2), (30.0, 0.3), (50.0, 0.45), (70.0, 0.6))  # (2θ from which it holds, tolerance), degrees
_TRIED = 6  # strongest lines; each of them in turn sets the scale
MISSING_LINE_PENALTY = 1.5  # weight of a missing line against a phase; an observed line counts 1


@dataclass(frozen=True)
class Peaks:
    """The peaks of a scan for line matching, all relative to its highest point.

    Attributes:
        near: highest point within the tolerance of a line, above background and explained intensity, shape (points,).
        noise: estimated standard deviation of the counting noise of the background.
        covered: where the scan has data, shape (points,).
    """

    near: Array32
    noise: float
    covered: NDArray[np.bool_]


class LineMatch(NamedTuple):
    """Agreement of phases with a scan.

    Attributes:
        scale: height of each phase's strongest line at which it explains most, relative to the scan's, (phases,).
        explained: sum of the heights that it explains, less a penalty for lines that the scan does not show, (phases,).
        shown: sum of the heights at that scale of all lines in the range of the scan, (phases,).
        share: share of each phase's intensity that is in the range of the scan, (phases,).
        near: height at each line relative to the scan's highest point, (phases, lines). -1 where there are no data.
    """

    scale: Array32
    explained: Array32
    shown: Array32
    share: Array32
    near: Array32

    @property
    def rank(self) -> Array32:
        """Figure of merit, larger for more likely phases: explained intensity times squared agreement, (phases,)."""
        return self.explained * self.agreement**2

    @property
    def agreement(self) -> Array32:
        """Share of a phase's line heights in the range of the scan that explains something, (phases,)."""
        return np.asarray(self.explained / np.maximum(self.shown, np.float32(1e-6)))

    def of(self, rows: NDArray[np.integer]) -> LineMatch:
        """Those of some phases."""
        return LineMatch(*(column[rows] for column in self))


def peaks(intensity: NDArray[np.floating], covered: NDArray[np.bool_], explained: NDArray[np.floating]) -> Peaks:
    """The peaks of a scan on the axis.

    Args:
        intensity: on the axis, 0 to 1 where the scan has data.
        covered: where the scan has data.
        explained: intensity explained by known phases, in the same unit.
    """
    smooth = moving_mean(np.where(covered, intensity, 0.0), _SMOOTH)
    lowest = moving_lowest(np.where(covered, smooth, np.inf), int(_BASELINE / GRID.step))
    lowest = np.where(np.isfinite(lowest), lowest, 0.0)
    left = np.where(covered, smooth - lowest - moving_mean(explained, _SMOOTH), 0.0).astype(np.float32)
    inside = intensity[covered]
    noise = float(np.median(np.abs(np.diff(inside)))) / 0.954 if inside.size > 1 else 0.0
    near = np.empty_like(left)
    for (first, reach), last in zip(_REACHES, [*(low for low, _ in _REACHES[1:]), 180.0], strict=True):
        rows = (GRID.two_theta >= first) & (GRID.two_theta < last)
        near[rows] = moving_highest(left, 2 * int(reach / GRID.step) + 1)[rows]
    return Peaks(np.maximum(near, 0.0), noise / np.sqrt(_SMOOTH), covered)


def match_lines(found: Peaks, reference: ReferenceLines) -> LineMatch:
    """Compare the lines of phases with the peaks of a scan."""
    phases, lines = reference.angle.shape
    scale, explained, shown, share = np.empty((4, phases), np.float32)
    out = LineMatch(scale, explained, shown, share, np.empty((phases, lines), np.float32))
    _match_lines(found.near, found.covered, found.noise, reference.angle, reference.height, GRID.start, GRID.step, out)
    return out


@njit(cache=True, nogil=True)
def _match_lines(near, covered, noise, angle, height, start, step, out):  # type: ignore[no-untyped-def]
    for p in range(angle.shape[0]):
        seen, whole = 0.0, 0.0
        for j in range(angle.shape[1]):
            i = int((angle[p, j] - start) / step + 0.5)
            out.near[p, j] = near[i] if covered[i] and height[p, j] > 0 else -1.0
            whole += height[p, j]
            if out.near[p, j] >= 0:
                seen += height[p, j]
        out.share[p] = seen / max(whole, 1e-12)
        out.scale[p], out.explained[p] = 0.0, 0.0
        tried = 0
        for k in range(angle.shape[1]):
            if out.near[p, k] < 0 or tried == _TRIED:
                continue
            tried += 1
            scale = out.near[p, k] / height[p, k]
            explained = 0.0
            for j in range(angle.shape[1]):
                if out.near[p, j] >= 0:
                    wanted, there = scale * height[p, j], out.near[p, j]
                    explained += min(wanted, there) - MISSING_LINE_PENALTY * max(wanted - there - 2 * noise, 0.0)
            if explained > out.explained[p]:
                out.scale[p], out.explained[p] = scale, explained
        out.shown[p] = out.scale[p] * seen
