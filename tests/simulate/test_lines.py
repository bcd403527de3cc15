"""The strongest lines of a phase agree with the reference at any wavelength."""

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.reflections import reflections
from bragglens.simulate.lines import D_MIN, MOST, lines_of, lines_of_phases, stack
from bragglens.simulate.reference import sticks


def test_lines_hold_the_area_of_all_reflections_at_their_angles(titania: Library) -> None:
    for phase in titania:
        lines = lines_of(phase)
        angle, intensity = lines.intensity(1.5405929)
        whole = sticks(reflections(phase, D_MIN), wavelength=1.5405929)
        for place, area in zip(angle[0][:20], intensity[0][:20], strict=True):
            near = np.abs(whole.two_theta - place) < 0.03  # coinciding reflections are one line
            assert whole.area[near].sum() == pytest.approx(area, rel=1e-4)


def test_the_strongest_of_many_lines_are_kept_and_the_total_is_known(titania: Library) -> None:
    lines = lines_of_phases(titania)
    count = (lines.strength > 0).sum(axis=1)
    assert count.max() <= MOST
    assert np.all(np.diff(lines.d, axis=1)[lines.strength[:, 1:] > 0] < 0)
    few = count < MOST
    assert few.any()
    assert lines.strength.sum(axis=1)[few] == pytest.approx(lines.whole[few], rel=1e-5)
    assert np.all(lines.strength.sum(axis=1) <= lines.whole * (1 + 1e-5))


def test_lines_move_with_the_wavelength_and_end_where_it_cannot_reach(titania: Library) -> None:
    lines = lines_of(titania.phases[0])
    short, _ = lines.intensity(0.7093)
    long, strength = lines.intensity(2.2897)
    reached = np.isfinite(long[0])
    assert np.sin(np.radians(long[0][reached] / 2)) == pytest.approx(
        2.2897 / 0.7093 * np.sin(np.radians(short[0][reached] / 2)), rel=1e-6
    )
    assert np.all(strength[0][~reached] == 0)


def test_rows_of_a_table_are_the_lines_of_each_phase(titania: Library) -> None:
    each = [lines_of(phase) for phase in titania]
    table = stack(each)
    assert len(table) == len(titania)
    assert np.array_equal(table.of([2]).d, each[2].d)
    assert len(stack([])) == 0
