"""Line scatter: how far the intensities of a phase's lines are from its structure, from line to line.

The strength of a diffracted line varies with the number of crystallites in reflecting position (de Wolff 1958, Appl.
Sci. Res. B 7, 102; Alexander, Klug & Kummer 1948, J. Appl. Phys. 19, 742). A few large crystallites make single lines
several times too strong at exactly their angles, without the smooth dependence on direction that texture has. The
scatter is what is left when noise and the neighbouring lines are allowed for. The scale of a phase is a mean over its
lines, so that its error follows from the scatter and from the number of lines that count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.observed import Observed, moving_average
from bragglens.fit.peaks import between_tops
from bragglens.fit.peaks import peaks as tops_of
from bragglens.fit.state import Solution

Array = NDArray[np.float64]

_FAINT = 0.02  # lines below this share of the phase's strongest are not looked at one by one
_LEAST_MEAN = 0.1  # of the ratios; a phase with less is hardly there
_QUARTER = 0.25  # of its height, down to which the intensity of a line is summed
_OWN = 0.5  # least share of the calculated intensity at a line that is the phase's own


@dataclass(frozen=True)
class Lines:
    """Lines of a phase that are mostly its own, each a group of reflections that overlap.

    Attributes:
        two_theta: of their tops in degrees, (lines,).
        expected: their calculated intensity, (lines,).
        ratio: measured over calculated intensity, (lines,).
        error: standard error of the ratio from noise, background and neighbours, (lines,).
    """

    two_theta: Array
    expected: Array
    ratio: Array
    error: Array

    @property
    def mean(self) -> float:
        """Measured over calculated intensity of all of them; nan where fewer than two lines tell."""
        return float((self.expected * self.ratio).sum() / self.expected.sum()) if len(self.ratio) > 1 else float("nan")

    @property
    def scatter(self) -> float:
        """Standard deviation of the ratios over their mean, beyond the errors; nan where fewer than two lines tell."""
        return self._deviation(self.mean) / max(self.mean, _LEAST_MEAN)

    @property
    def departure(self) -> float:
        """Root of the mean square of ratio - 1 beyond the errors: how far lines are from the fit; nan as above."""
        return self._deviation(1.0)

    def _deviation(self, centre: float) -> float:
        if len(self.ratio) < 2:
            return float("nan")
        weight = self.expected / self.expected.sum()
        beyond = (weight * ((self.ratio - centre) ** 2 - self.error**2)).sum() / (1 - (weight**2).sum())
        return float(np.sqrt(max(beyond, 0.0)))

    @property
    def mean_error(self) -> float:
        """Relative standard error of their mean by the scatter; 0 where the scatter is not known."""
        return float(np.nan_to_num(self.scatter)) / np.sqrt(self.number) if len(self.ratio) else 0.0

    @property
    def number(self) -> float:
        """Number of lines that count, by their intensity."""
        return float(self.expected.sum() ** 2 / max((self.expected**2).sum(), 1e-300))


def lines_of(observed: Observed, solution: Solution, place: int) -> Lines:
    """The lines of one component of a fit, compared with what the others leave of the scan."""
    own = solution.patterns[place] * solution.scales[place] * observed.measured
    others = np.maximum(solution.calculated - solution.background - own, 0.0)
    rest = np.where(observed.measured, observed.counts - solution.calculated + own, 0.0)
    usual = observed.policy.relative_model_error
    error = observed.error_of(others, observed.noise, usual, observed.background_error)
    rows = []
    for top, core in cores(observed, own, _QUARTER):
        whole = float(own[core].sum())
        if whole > _OWN * (whole + float(others[core].sum())):
            noise = np.sqrt((error[core] ** 2).sum() * min(observed.points_a_line, len(core))) / whole
            rows.append((observed.grid.two_theta[top], whole, max(float(rest[core].sum()), 0.0) / whole, noise))
    return Lines(*np.array(rows, dtype=float).reshape(-1, 4).T)


def cores(observed: Observed, own: Array, height: float) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """The lines of a calculated pattern that are not faint: top of each, and its points above a share of its height."""
    drawn = moving_average(own, observed.points_a_line)
    tops = tops_of(drawn, height=_FAINT * float(drawn.max(initial=0.0)), distance=observed.points_a_line)
    for top, first, end in zip(tops, *between_tops(drawn, tops), strict=True):
        core = np.arange(first, end)[own[first:end] > height * own[top]]
        yield int(top), core if len(core) else np.array([top])
