"""Line matching of phases with the peaks of a scan, without a network."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_stream import small_lines, small_stream

from bragglens.crystal.library import Library
from bragglens.match.features import scaled
from bragglens.match.line_matching import Peaks, match_lines, peaks
from bragglens.match.reference_lines import GRID, MOST, ReferenceLines, reference_lines
from bragglens.simulate.draws import Constant
from bragglens.simulate.lines import lines_of_phases
from bragglens.simulate.scans import Scans

ALL = np.ones(GRID.size, dtype=bool)
NOTHING = np.zeros(GRID.size)


def _drawn(
    lines: ReferenceLines, row: int, *, scale: float = 1.0, shift: float = 0.0, width: float = 0.1
) -> np.ndarray:
    """Gaussian peaks of one phase."""
    out = np.zeros(GRID.size)
    for angle, height in zip(lines.angle[row], lines.height[row], strict=True):
        out += scale * height * np.exp(-4 * np.log(2) * ((GRID.two_theta - angle - shift) / width) ** 2)
    return out


@pytest.fixture(scope="module")
def lines(titania: Library) -> ReferenceLines:
    table = reference_lines(lines_of_phases(titania))
    match_lines(peaks(NOTHING, ALL, NOTHING), table)  # compiles
    return table


def test_lines_are_at_bragg_angles_with_the_strongest_first(titania: Library, lines: ReferenceLines) -> None:
    anatase = titania.names.index("anatase")
    assert lines.angle[anatase, 0] == pytest.approx(25.3, abs=0.1)
    assert lines.height.shape == (len(titania), MOST)
    assert np.all(np.diff(lines.height, axis=1) <= 0)
    assert np.all(lines.height[:, 0] == 1)


@given(shift=st.floats(-0.15, 0.15), scale=st.floats(0.2, 1.0), row=st.integers(0, 4))
def test_the_phase_that_is_present_explains_most(lines: ReferenceLines, shift: float, scale: float, row: int) -> None:
    matched = match_lines(peaks(_drawn(lines, row, scale=scale, shift=shift), ALL, NOTHING), lines)
    assert int(np.argmax(matched.rank)) == row
    assert matched.scale[row] == pytest.approx(scale, rel=0.2)
    assert matched.share == pytest.approx(np.ones(len(lines)))


def test_of_two_phases_each_keeps_its_share(lines: ReferenceLines) -> None:
    mixed = _drawn(lines, 0) + 0.3 * _drawn(lines, 3)
    matched = match_lines(peaks(mixed / mixed.max(), ALL, NOTHING), lines)
    assert set(np.argsort(-matched.rank)[:2]) == {0, 3}


def test_explained_peaks_do_not_count_for_other_phases(lines: ReferenceLines) -> None:
    drawn = _drawn(lines, 0)
    matched = match_lines(peaks(drawn, ALL, drawn), lines)
    assert np.all(matched.explained < 0.02)


def test_lines_outside_the_scan_have_no_effect(lines: ReferenceLines) -> None:
    covered = GRID.two_theta < 40
    matched = match_lines(peaks(np.where(covered, _drawn(lines, 0), 0), covered, NOTHING), lines)
    assert np.all(matched.near[lines.angle > 40.1] == -1)
    assert np.all(matched.share < 1)
    assert int(np.argmax(matched.rank)) == 0


def test_a_constant_background_is_no_peak(lines: ReferenceLines) -> None:
    assert np.all(match_lines(peaks(np.full(GRID.size, 0.5), ALL, NOTHING), lines).explained == 0)


# --- properties, on simulated scans ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> ReferenceLines:
    return reference_lines(small_lines())


@pytest.fixture(scope="module")
def scans() -> Scans:
    """Scans of one to four phases each, in all states that the recipe draws."""
    return small_stream().mixtures.scans(0, 60)


def _peaks(scans: Scans, i: int, *, factor: float = 1.0, explained: np.ndarray = NOTHING) -> Peaks:
    intensity, _ = scaled(scans.counts[i].astype(float), scans.covered[i], NOTHING)
    return peaks(factor * intensity, scans.covered[i], explained)


def test_figures_are_within_their_bounds(scans: Scans, reference: ReferenceLines) -> None:
    """Explained heights are at most the shown heights, and nothing is negative."""
    for i in range(len(scans.counts)):
        found = _peaks(scans, i)
        assert found.near.min() >= 0
        assert found.noise >= 0
        matched = match_lines(found, reference)
        assert all((column >= 0).all() for column in (matched.scale, matched.explained, matched.shown, matched.share))
        assert (matched.explained <= matched.shown * (1 + 1e-5) + 1e-6).all()
        assert (matched.agreement <= 1 + 1e-5).all()
        assert (matched.share <= 1 + 1e-6).all()
        assert (matched.rank <= matched.explained * (1 + 1e-4)).all()
        uncovered = ~scans.covered[i][np.round((reference.angle - GRID.start) / GRID.step).astype(int)]
        assert (matched.near[uncovered | (reference.height == 0)] == -1).all()


@settings(max_examples=15)
@given(i=st.integers(0, 59), factor=st.floats(0.05, 20))
def test_heights_follow_the_scan_and_shares_do_not(
    scans: Scans, reference: ReferenceLines, i: int, factor: float
) -> None:
    one, other = match_lines(_peaks(scans, i), reference), match_lines(_peaks(scans, i, factor=factor), reference)
    for name in ("scale", "explained", "shown"):
        assert getattr(other, name) == pytest.approx(factor * getattr(one, name), rel=2e-3, abs=1e-4 * factor)
    np.testing.assert_array_equal(other.share, one.share)


@settings(max_examples=15)
@given(i=st.integers(0, 59), rows=st.permutations(range(12)))
def test_a_phase_does_not_depend_on_the_other_phases(
    scans: Scans, reference: ReferenceLines, i: int, rows: list[int]
) -> None:
    found, chosen = _peaks(scans, i), np.array(rows)
    for one, other in zip(
        match_lines(found, reference.of(chosen)), match_lines(found, reference).of(chosen), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=15)
@given(i=st.integers(0, 59), share=st.floats(0, 1))
def test_the_more_is_explained_the_less_is_left(scans: Scans, i: int, share: float) -> None:
    intensity, _ = scaled(scans.counts[i].astype(float), scans.covered[i], NOTHING)
    less, more = (_peaks(scans, i, explained=part * intensity) for part in (share / 2, share))
    assert (more.near <= less.near + 1e-6).all()


@given(row=st.integers(0, 4), line=st.integers(0, 2))
def test_a_missing_line_counts_against_a_phase(lines: ReferenceLines, row: int, line: int) -> None:
    """Without one of its three strongest lines a phase explains less and its agreement is lower."""
    whole = _drawn(lines, row)
    gap = np.abs(GRID.two_theta - lines.angle[row, line]) < 1.0
    with_it, without = (match_lines(peaks(y, ALL, NOTHING), lines) for y in (whole, np.where(gap, 0.0, whole)))
    assert without.explained[row] < with_it.explained[row]
    assert without.agreement[row] < with_it.agreement[row]
    assert without.rank[row] < with_it.rank[row]


@settings(max_examples=10)
@given(sigma=st.floats(1e-3, 0.05), seed=st.integers(0, 9))
def test_estimated_noise_is_the_counting_noise(sigma: float, seed: int) -> None:
    """For the mean of five points, as in the peaks. The median of 4,250 differences is within 6%."""
    flat = 0.5 + sigma * np.random.default_rng(seed).standard_normal(GRID.size)
    assert peaks(flat, ALL, NOTHING).noise == pytest.approx(sigma / np.sqrt(5), rel=0.06)


def test_a_single_phase_is_among_the_first(reference: ReferenceLines) -> None:
    """Of 130 phases, in any state, without a network and with known wavelength: recall at 5 of the visible ones."""
    source = small_stream().mixtures
    alone = replace(source, recipe=replace(source.recipe, phases=Constant(1.0), strangers=0.0), outside=0)
    scans = alone.scans(0, 150)
    places = []
    for i in np.flatnonzero(scans.visible.any(axis=1)):
        rank = match_lines(_peaks(scans, i), reference).rank
        places.append(int((rank > rank[scans.content.phase[i].max()]).sum()))
    assert len(places) > 100
    assert np.mean(np.array(places) < 5) > 0.8  # found: 0.92
