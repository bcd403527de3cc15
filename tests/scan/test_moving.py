"""Moving windows against scipy.ndimage, equal to the last bit but for the sums, which a compiler may contract."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from scipy import ndimage

from bragglens.scan.moving import convolved, gaussian, moving_highest, moving_lowest, moving_mean, moving_median

ROUNDED = 1e-13  # relative


def scan(points: int) -> NDArray[np.float64]:
    random = np.random.default_rng(points)
    return random.poisson(50, points) * 1.7 + random.normal(size=points)


@pytest.mark.parametrize("points", [1, 2, 13, 4001])
@pytest.mark.parametrize("window", [1, 2, 3, 5, 24, 51, 400, 9000])
def test_windows_are_those_of_scipy(points: int, window: int) -> None:
    values = scan(points)
    single, holes = values.astype(np.float32), np.where(values > 100, np.inf, values)
    np.testing.assert_allclose(moving_mean(values, window), ndimage.uniform_filter1d(values, window), rtol=ROUNDED)
    assert_array_equal(moving_lowest(holes, window), ndimage.minimum_filter1d(holes, window))
    assert_array_equal(moving_lowest(values, window, "edge"), ndimage.minimum_filter1d(values, window, mode="nearest"))
    assert_array_equal(moving_highest(single, window), ndimage.maximum_filter1d(single, window))
    assert moving_highest(single, window).dtype == np.float32


@pytest.mark.parametrize("points", [1, 13, 4001, 9000])
@pytest.mark.parametrize("window", [1, 9, 51, 401])
def test_medians_and_sums_are_those_of_scipy(points: int, window: int) -> None:
    values = scan(points)
    weights = 1 / (1 + (np.arange(-(window // 2), window // 2 + 1) / 7) ** 2)
    curves = np.stack([values, values[::-1]])
    assert_array_equal(moving_median(values, window), ndimage.median_filter(values, window, mode="nearest"))
    for ours, theirs in (("edge", "nearest"), ("constant", "constant"), ("symmetric", "reflect")):
        expected = ndimage.convolve1d(curves, weights, axis=1, mode=theirs)
        np.testing.assert_allclose(convolved(curves, weights, ours), expected, rtol=ROUNDED)  # type: ignore[arg-type]


@pytest.mark.parametrize("deviation", [0.1, 2.5, 50.0])
def test_a_gaussian_is_that_of_scipy(deviation: float) -> None:
    values = scan(4001)
    smooth = convolved(values, gaussian(deviation), "symmetric")
    np.testing.assert_allclose(smooth, ndimage.gaussian_filter1d(values, deviation), rtol=ROUNDED)
