"""Peak tops and baselines compared with those of SciPy and pybaselines, whose imports take too long for a command."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pybaselines.whittaker import arpls as reference_arpls
from scipy.signal import find_peaks

from bragglens.fit.baseline import arpls
from bragglens.fit.peaks import peaks


@given(st.integers(0, 10**6), st.integers(1, 9), st.floats(-2, 2), st.floats(0, 3))
def test_tops_are_those_of_scipy(seed: int, distance: int, height: float, prominence: float) -> None:
    rng = np.random.default_rng(seed)
    curve = rng.normal(size=200).cumsum()
    least = curve.mean() + height + rng.uniform(0, 0.1, 200)
    theirs, _ = find_peaks(curve, height=least, prominence=prominence, distance=distance)
    np.testing.assert_array_equal(peaks(curve, height=least, prominence=prominence, distance=distance), theirs)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_flat_tops_too(levels: list[int]) -> None:
    curve = np.array(levels, dtype=float)
    np.testing.assert_array_equal(peaks(curve, height=1.0), find_peaks(curve, height=1.0)[0])


@pytest.mark.filterwarnings("ignore")
@given(st.integers(0, 10**6), st.floats(1e3, 1e7), st.integers(0, 12))
def test_the_baseline_is_that_of_pybaselines(seed: int, stiffness: float, lines: int) -> None:
    rng, x = np.random.default_rng(seed), np.arange(600.0)
    counts = rng.poisson(100 + 50 * np.exp(-x / 200)).astype(float)
    for place in rng.uniform(20, 580, lines):
        counts += rng.uniform(50, 5000) * np.exp(-(((x - place) / 4) ** 2))
    theirs, _ = reference_arpls(counts, lam=stiffness, tol=1e-2, max_iter=50)
    np.testing.assert_allclose(arpls(counts, stiffness), theirs, atol=1e-6 * counts.max())
