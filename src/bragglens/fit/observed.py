"""Observed: a scan prepared for a fit, with the error of each point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.fit.baseline import arpls
from bragglens.policy import DEFAULT, Policy
from bragglens.scan.moving import convolved, moving_highest, moving_lowest, moving_mean
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import measured, rebin
from bragglens.scan.scan import Scan

Array = NDArray[np.float64]

_FEWEST = 12  # points that remain of a range of a fraction of a degree; an axis has at least eleven
_POINTS_A_SOFT_LINE = 5.0  # linear interpolation between so many points misses a Gaussian by at most 3% of its height
_SMOOTH = 0.3  # degrees
NOT_MEASURED = 1e6  # error of what was not measured, in units of the strongest point: such points have no influence


@dataclass(frozen=True)
class Observed:
    """A scan on an even axis.

    Attributes:
        grid: the axis.
        counts: intensity on it, shape (points,).
        baseline: a smooth curve below the peaks: arPLS (Baek et al. 2015, Analyst 140, 250). Where amorphous humps
            stand above it, what remains of the scan when everything narrower than `hump_window` is cut off.
        noise: standard deviation of the counting noise at each point, from the scan's own scatter.
        sigma: expected distance to a calculated pattern of the right phases: noise, and a share of the peak height,
            because no calculated intensity is exact. Where nothing was measured it is so large that the point has no
            influence.
        measured: False in holes of the scan, where counts are interpolated, shape (points,).
        information: effective degrees of freedom of one point, at most 1.
        background: columns of the background, shape (points, terms).
        model_error, background_error: how far a calculated line, and the background, may be off, relative; learned
            from the scan once it has a fit (`model_error`).
        policy: the thresholds used to prepare and to judge it.
    """

    grid: Grid
    counts: Array
    baseline: Array
    noise: Array
    sigma: Array
    information: float
    background: Array
    measured: NDArray[np.bool_]
    model_error: float = DEFAULT.relative_model_error
    background_error: float = DEFAULT.background_error
    policy: Policy = DEFAULT

    @cached_property
    def softened(self) -> Observed:
        """The same, broadened to lines of at least `soft_width`, which overlap peaks that sharp lines miss.

        Such lines need few points. Neighbours are averaged, which makes a fit faster by that factor.
        """
        few = max(1, min(int(self.policy.soft_width / _POINTS_A_SOFT_LINE / self.grid.step), self.grid.size // _FEWEST))
        size = self.grid.size // few
        step, start = self.grid.step * few, self.grid.start + self.grid.step * (few - 1) / 2
        grid = Grid(start, start + (size - 1) * step, step)

        def averaged(curves: Array) -> Array:
            return np.asarray(curves[:, : size * few].reshape(len(curves), size, few).mean(axis=2))

        counts, sigma, noise = averaged(self.soften(np.stack([self.counts, self.sigma, self.noise])))
        baseline, *background = averaged(np.vstack([self.baseline, self.background.T]))
        return replace(
            self,
            grid=grid,
            counts=counts,
            baseline=baseline,
            sigma=sigma,
            noise=noise,
            information=min(1.0, grid.step / self.policy.line_width),
            background=np.column_stack(background),
            measured=np.asarray(self.measured[: size * few].reshape(size, few).all(axis=1)),
        )

    @property
    def points_a_line(self) -> int:
        """Points, an odd number, over which a residual is one independent observation (`Policy.line_width`)."""
        return max(1, int(self.policy.line_width / self.grid.step) | 1)

    def level_error(self, background: float) -> Array:
        """Error of a background that is off by a relative error, and the least error of any point, (points,)."""
        return np.asarray(np.hypot(background * self.baseline, self.policy.least_error * self.counts.max()))

    def model_error_of(self, lines: Array, relative: float) -> Array:
        """Error of calculated lines that are off by a relative error, tails included, (points,)."""
        policy = self.policy
        return np.asarray(relative * (lines + policy.tail_error * _spread(lines, self.grid.step, policy.tail_width)))

    def error_of(self, lines: Array, noise: Array, model: float, background: float) -> Array:
        """Standard deviation of observed minus calculated that the right phases would leave, (points,).

        Args:
            lines: intensity above the background.
            noise: standard deviation of the counting noise.
            model, background: relative errors of lines and background.
        """
        return np.asarray(
            np.sqrt(noise**2 + self.model_error_of(lines, model) ** 2 + self.level_error(background) ** 2)
        )

    def usual_error(self, lines: Array, noise: Array) -> Array:
        """The same with the errors that the policy assumes of every scan."""
        return self.error_of(lines, noise, self.policy.relative_model_error, self.policy.background_error)

    def with_errors(self, model: float, background: float) -> Observed:
        """The same with these relative errors of lines and background."""
        peaks = np.maximum(moving_average(self.peaks, 5), 0)
        error = self.error_of(peaks, self.noise, model, background)
        sigma = np.where(self.measured, error, NOT_MEASURED * self.counts.max())
        return replace(self, model_error=model, background_error=background, sigma=sigma)

    @cached_property
    def weighted_counts(self) -> Array:
        """Counts over sigma, (points,)."""
        return self.counts / self.sigma

    @cached_property
    def weighted_background(self) -> Array:
        """Background columns over sigma, (terms, points)."""
        return np.ascontiguousarray(self.background.T / self.sigma)

    @cached_property
    def background_products(self) -> tuple[Array, Array]:
        """Scalar products of the weighted background columns with each other, and with the weighted counts."""
        return self.weighted_background @ self.weighted_background.T, self.weighted_background @ self.weighted_counts

    def soften(self, curves: Array) -> Array:
        """Curves on the axis, convolved with a Gaussian of `soft_width`, (curves, points)."""
        width = self.policy.soft_width
        reach = int(2 * width / self.grid.step)
        kernel = np.exp(-4 * np.log(2) * (np.arange(-reach, reach + 1) * self.grid.step / width) ** 2)
        return convolved(curves, kernel / kernel.sum(), "edge")

    @property
    def peaks(self) -> Array:
        """Intensity above the baseline."""
        return self.counts - self.baseline


def observe(scan: Scan, policy: Policy = DEFAULT) -> Observed:
    """Put a scan above 0° on an even axis, average neighbours to about `most_points`, and estimate its errors.

    Raises:
        ScanError: no intensity is above zero.
    """
    above = scan.two_theta > 0
    two_theta, raw = scan.two_theta[above], scan.counts[above]
    grid, factor = _even(two_theta, policy.most_points)
    step = grid.step
    counts = rebin(two_theta, raw, grid)
    top = float(counts.max())
    if top <= 0:
        raise ScanError(f"{scan.name}: no intensity is above zero: was a background subtracted twice?")
    gain = _gain(raw) / factor
    noise = np.sqrt(gain * np.maximum(moving_average(counts, 5), top * 1e-4))
    noise = np.maximum(noise, 1e-9 * top)  # calculated patterns have no noise
    smooth = arpls(counts, (policy.baseline_bend / (2 * np.pi * step)) ** 4)
    humps = _humps(smooth, counts, step, policy)
    baseline = smooth + humps
    unweighted = Observed(
        grid=grid,
        counts=counts,
        baseline=baseline,
        noise=noise,
        sigma=noise,
        information=min(1.0, step / policy.line_width),
        background=_background(grid, policy, baseline / top, humps / top),
        measured=measured(two_theta, grid),
        policy=policy,
    )
    return unweighted.with_errors(policy.relative_model_error, policy.background_error)


def _background(grid: Grid, policy: Policy, baseline: Array, humps: Array) -> Array:
    """Background columns: polynomials, air scatter near the primary beam, and where there are humps the baseline.

    The shape of a hump is known only roughly: it may be shifted and broadened too.
    """
    terms = int(np.clip((grid.stop - grid.start) / policy.degrees_per_background_term, 4, 16))
    smooth = np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, grid.size), terms)
    columns = [smooth, 1 / np.maximum(grid.two_theta, 0.5)]
    if humps.any():
        centre = np.average(grid.two_theta, weights=humps)
        place = (grid.two_theta - centre) / np.sqrt(np.average((grid.two_theta - centre) ** 2, weights=humps))
        columns += [baseline, humps * place, humps * place**2]
    return np.column_stack(columns)


def _even(two_theta: Array, most: int) -> tuple[Grid, int]:
    """An even axis for these angles, and how many of them are averaged into one of its points."""
    spacing = float(np.median(np.diff(two_theta)))
    factor = max(1, int(np.ptp(two_theta) / spacing / most + 0.5))
    step = spacing * factor
    start = float(two_theta[0]) + step * (1 - 1 / factor) / 2
    return Grid(start, start + int((two_theta[-1] - start) / step + 1e-6) * step, step), factor


def _humps(smooth: Array, counts: Array, step: float, policy: Policy) -> Array:
    """Part of the amorphous humps above a smooth baseline; zero where there are none.

    arPLS stays below a hump where a scan has hardly any other background: it takes what is far above it for peaks.
    Morphological opening cuts off everything narrower than its window, and also the top of a hump. A narrower window
    cuts off less of the top but leaves some of the broadest peaks. It is used only where the wide window has found a
    hump. Most of a hump is free of peaks. This distinguishes it from what is left between crowded or broad lines.
    """
    windows = policy.hump_window, policy.hump_window_fine
    wide, fine = (np.maximum(_opened(counts, width, step) - smooth, 0.0) for width in windows)
    humps = np.minimum(policy.hump_top * wide, np.maximum(fine, wide))
    upon = humps > humps.max() / 2
    low = humps.max() < policy.least_hump * counts.max()
    if low or np.median((counts - smooth)[upon] / humps[upon]) > 1 + policy.hump_clear:
        return np.zeros_like(counts)
    return np.asarray(humps)


def _opened(counts: Array, width: float, step: float) -> Array:
    """Morphological opening of a smoothed scan by a window in degrees (Perez-Pueyo 2010, Appl. Spectrosc. 64, 595)."""
    few, reach, half = (max(1, int(points / step)) | 1 for points in (_SMOOTH, width, width / 2))
    lowest = moving_lowest(moving_mean(counts, few), reach)
    return moving_mean(moving_highest(lowest, reach), half)


def _gain(counts: Array) -> float:
    """Variance over mean: 1 for raw counts, another value for rates and for normalised or smoothed data.

    From second differences: a few peaks hardly change their median square. 0.455 is the median of χ² with one degree of
    freedom.
    """
    step = 3  # distance of the points, so that smoothing of neighbours hides less of the noise
    difference = counts[2 * step :] - 2 * counts[step:-step] + counts[: -2 * step]
    level = np.maximum(moving_average(counts, 9)[step:-step], 1e-9 * max(counts.max(), 1e-30))
    return float(np.median(difference**2 / (6 * level)) / 0.455)


def _spread(values: Array, step: float, width: float) -> Array:
    """Convolution with a Lorentzian of area 1, truncated at four degrees on either side."""
    x = np.arange(-int(4 / step), int(4 / step) + 1) * step
    kernel = 1 / (1 + (2 * x / width) ** 2)
    return convolved(values, kernel / kernel.sum(), "constant")


def moving_average(values: Array, points: int) -> Array:
    """Moving average over an odd number of points."""
    padded = np.pad(values, points // 2, mode="edge")
    return np.convolve(padded, np.full(points, 1 / points), mode="valid")
