"""Meet: how much of a scan the lines of a phase could explain, for thousands of phases at once.

A phase's lines rise with its share until the first of them is higher than the peak that is there; how much of the scan
they then explain is a figure that asks for no wavelength, no fit and no training, and that forgives what real scans do:
lines that lie a little off, heights bent by texture, and peaks of other phases in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from bragglens.match.reference_lines import GRID, ReferenceLines

Array32 = NDArray[np.float32]

_SMOOTH = 5  # points
_BASELINE = 4.0  # degrees; the lowest within it is taken for background
_REACHES = ((0.0, 0.2), (30.0, 0.3), (50.0, 0.45), (70.0, 0.6))  # from this 2θ on a line may lie so far off, degrees
_TRIED = 6  # of the strongest lines, each of which in turn is taken to be met exactly
MISSING_LINE_PENALTY = 1.5  # how much more a missing line counts against a phase than one that is there counts for it


@dataclass(frozen=True)
class Peaks:
    """What of a scan lines can meet, all relative to its highest point.

    Attributes:
        near: the highest point within a line's reach, above the background and what is explained, shape (points,).
        noise: standard deviation of the counting noise of the background, about.
        covered: where the scan has data, shape (points,).
    """

    near: Array32
    noise: float
    covered: NDArray[np.bool_]


class LineMatch(NamedTuple):
    """How phases and a scan agree.

    Attributes:
        scale: height of each phase's strongest line, relative to the scan's, at which it explains most, (phases,).
        explained: sum of heights that it explains, less what it would show and the scan does not, (phases,).
        shown: sum of heights at that scale of the lines that the scan covers, (phases,).
        share: of each phase's intensity, what the scan covers, (phases,).
        near: what each line meets, relative to the scan's highest point, (phases, lines); -1 where there are no data.
    """

    scale: Array32
    explained: Array32
    shown: Array32
    share: Array32
    near: Array32

    @property
    def rank(self) -> Array32:
        """The larger the likelier: what a phase explains, and how little it shows that is not there, (phases,)."""
        return self.explained * self.agreement**2

    @property
    def agreement(self) -> Array32:
        """Of what a phase shows in the range of the scan, the share that explains something, (phases,)."""
        return np.asarray(self.explained / np.maximum(self.shown, np.float32(1e-6)))

    def of(self, rows: NDArray[np.integer]) -> LineMatch:
        """Those of some phases."""
        return LineMatch(*(column[rows] for column in self))


def peaks(intensity: NDArray[np.floating], covered: NDArray[np.bool_], explained: NDArray[np.floating]) -> Peaks:
    """The peaks of a scan on the axis.

    Args:
        intensity: on the axis, 0 to 1 where the scan has data.
        covered: where it has.
        explained: what known phases explain of it, in the same unit.
    """
    smooth = uniform_filter1d(np.where(covered, intensity, 0.0), _SMOOTH)
    lowest = minimum_filter1d(np.where(covered, smooth, np.inf), int(_BASELINE / GRID.step))
    lowest = np.where(np.isfinite(lowest), lowest, 0.0)
    left = np.where(covered, smooth - lowest - uniform_filter1d(explained, _SMOOTH), 0.0).astype(np.float32)
    inside = intensity[covered]
    noise = float(np.median(np.abs(np.diff(inside)))) / 0.954 if inside.size > 1 else 0.0
    near = np.empty_like(left)
    for (first, reach), last in zip(_REACHES, [*(low for low, _ in _REACHES[1:]), 180.0], strict=True):
        rows = (GRID.two_theta >= first) & (GRID.two_theta < last)
        near[rows] = maximum_filter1d(left, 2 * int(reach / GRID.step) + 1)[rows]
    return Peaks(np.maximum(near, 0.0), noise / np.sqrt(_SMOOTH), covered)


def match_lines(found: Peaks, reference: ReferenceLines) -> LineMatch:
    """Lay the lines of phases over the peaks of a scan."""
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
