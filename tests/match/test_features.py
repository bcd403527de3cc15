"""Input of the network: scans in any unit, and the features of each line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_stream import small_lines, small_stream

from bragglens.match.features import CHANNELS, OF_LINES, OF_PHASES, Features, channels, line_features, scaled
from bragglens.match.line_matching import LineMatch, match_lines, peaks
from bragglens.match.reference_lines import GRID, reference_lines
from bragglens.simulate.scans import Scans


@pytest.fixture(scope="module")
def scans() -> Scans:
    return small_stream().mixtures.scans(0, 12)


def _features(scans: Scans, i: int) -> tuple[LineMatch, Features]:
    intensity, explained = scaled(scans.counts[i].astype(float), scans.covered[i], np.zeros(GRID.size))
    lines = reference_lines(small_lines())
    matched = match_lines(peaks(intensity, scans.covered[i], explained), lines)
    return matched, line_features(lines, matched)


@given(factor=st.floats(1e-3, 1e3), floor=st.floats(-1e3, 1e3), seed=st.integers(0, 99))
def test_unit_and_zero_of_the_counts_do_not_matter(factor: float, floor: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    counts, covered = random.uniform(0, 1000, 200), random.random(200) < 0.7
    covered[:2] = True
    part = random.uniform(0, 0.5, 200) * counts
    one, explained = scaled(counts, covered, part)
    other, again = scaled(factor * counts + floor, covered, factor * part)
    assert other == pytest.approx(one, abs=1e-6)
    assert again == pytest.approx(explained, abs=1e-6)
    assert (one.min(), one.max()) == (0.0, 1.0)
    assert (one[~covered] == 0).all()
    assert (explained[~covered] == 0).all()


def test_a_flat_scan_is_empty() -> None:
    intensity, _ = scaled(np.full(9, 7.0), np.ones(9, dtype=bool), np.zeros(9))
    assert (intensity == 0).all()


def test_channels_are_roots_and_where_there_are_data() -> None:
    intensity, covered = np.array([0.0, 0.25, 1.0, 0.0]), np.array([True, True, True, False])
    x = channels(intensity, covered, np.array([0.0, 0.04, 2.0, -1.0]))
    assert x.shape == (CHANNELS, 4)
    assert x.tolist() == [[0, 0.5, 1, 0], [1, 1, 1, 0], [0, pytest.approx(0.2), 1, 0]]


def test_features_are_finite_and_only_of_lines_in_the_range_of_the_scan(scans: Scans) -> None:
    for i in range(len(scans.counts)):
        matched, features = _features(scans, i)
        phases, lines = matched.near.shape
        assert features.lines.shape == (phases, lines, OF_LINES)
        assert features.phases.shape == (phases, OF_PHASES)
        assert all(np.isfinite(table).all() for table in features)
        assert ((features.place >= 0) & (features.place <= GRID.size - 1)).all()
        uncovered = matched.near < 0
        assert (features.lines[uncovered] == 0).all()
        assert (features.weight[uncovered] == 0).all()


def test_weights_of_a_phase_are_its_covered_intensity(scans: Scans) -> None:
    for i in range(len(scans.counts)):
        matched, features = _features(scans, i)
        seen = (matched.near >= 0).any(axis=1)
        assert features.weight[seen].sum(axis=1) == pytest.approx(np.ones(seen.sum()), abs=1e-5)
        assert (features.weight[~seen] == 0).all()


@settings(max_examples=20)
@given(rows=st.lists(st.integers(0, 129), min_size=1, max_size=8))
def test_features_of_a_phase_do_not_depend_on_other_phases(scans: Scans, rows: list[int]) -> None:
    lines, chosen = reference_lines(small_lines()), np.array(rows)
    matched, whole = _features(scans, 3)
    for one, other in zip(line_features(lines.of(chosen), matched.of(chosen)), whole, strict=True):
        np.testing.assert_array_equal(one, other[chosen])
