"""Empty or meaningless scans give an answer or an error of one sentence, and never a phase."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bragglens.crystal.library import Library
from bragglens.errors import ScanError
from bragglens.fit.observed import observe
from bragglens.identification.identify import identify
from bragglens.scan.scan import Scan

AXIS = np.arange(10.0, 80.0, 0.02)


def odd(seed: int, level: float, bumps: int, spikes: int, offset: float) -> Scan:
    """Counts with broad maxima and single spikes, which no crystal gives."""
    rng = np.random.default_rng(seed)
    mean = level * (0.5 + rng.random()) + np.zeros_like(AXIS)
    for _ in range(bumps):
        mean += level * 5 * rng.random() * np.exp(-(((AXIS - rng.uniform(10, 80)) / rng.uniform(5, 15)) ** 2))
    counts = rng.poisson(mean).astype(float)
    counts[rng.integers(0, AXIS.size, spikes)] += level * 50
    counts[0] += 1
    return Scan("odd", AXIS, counts + offset, wavelength=1.5405929)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.floats(0.05, 1e5), st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.0, -20.0]))
@example(0, 0.5, 1, 1, -20.0)  # only one point is above zero, and its mean with its neighbours is not
@example(0, 0.5, 0, 1, -20.0)
@example(0, 1.0, 0, 1, -20.0)  # the same, but only on the coarser axis of the test for another axis
def test_nothing_is_found_in_odd_scans(
    titania: Library, seed: int, level: float, bumps: int, spikes: int, offset: float
) -> None:
    scan = odd(seed, level, bumps, spikes, offset)
    try:
        observe(scan)
    except ScanError:  # nothing is above zero, or only single points whose means with their neighbours are not
        with pytest.raises(ScanError, match="no intensity is above zero"):
            identify(scan, titania)
        return
    answer = identify(scan, titania)
    assert answer.phases == ()
    assert answer.verdict == "unknown"


def test_a_library_of_one(titania: Library) -> None:
    answer = identify(odd(1, 100.0, 1, 0, 0.0), Library(titania.phases[:1]))
    assert answer.verdict == "unknown"


@pytest.mark.parametrize("points", [50, 400])
def test_short_and_coarse_scans(titania: Library, points: int) -> None:
    scan = odd(2, 100.0, 1, 0, 0.0)
    keep = np.linspace(0, AXIS.size - 1, points).astype(int)
    answer = identify(replace(scan, two_theta=AXIS[keep], counts=scan.counts[keep]), titania)
    assert answer.phases == ()


def test_uneven_axis(titania: Library) -> None:
    scan = odd(3, 100.0, 0, 0, 0.0)
    keep = np.sort(np.random.default_rng(0).choice(AXIS.size, 2000, replace=False))
    answer = identify(replace(scan, two_theta=AXIS[keep], counts=scan.counts[keep]), titania)
    assert answer.phases == ()


@pytest.mark.parametrize(("start", "step", "points"), [(127.4, 0.005, 121), (30.0, 0.002, 50), (40.0, 0.01, 60)])
def test_a_fraction_of_a_degree(titania: Library, start: float, step: float, points: int) -> None:
    """Too short for three lines of any phase: the error names the file, whatever the test for another axis finds."""
    scan = Scan("short.xy", start + step * np.arange(points), odd(4, 100.0, 0, 0, 0.0).counts[:points], 1.5405929)
    with pytest.raises(ScanError, match=r"short\.xy: its "):
        identify(scan, titania)
    assert observe(scan).softened.grid.size >= 11
