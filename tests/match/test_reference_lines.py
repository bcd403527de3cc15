"""Reference lines on the matcher's axis."""

from __future__ import annotations

import numpy as np
import pytest
from small_stream import small_library, small_lines

from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.reflections import reflections
from bragglens.match.reference_lines import GRID, MOST, PREPARATION, reference_lines
from bragglens.simulate.lines import lines_of_phases


def test_lines_are_on_the_axis_the_strongest_first() -> None:
    lines = reference_lines(small_lines())
    assert len(lines) == len(small_library())
    assert ((lines.angle >= GRID.start) & (lines.angle <= GRID.stop)).all()
    assert (np.diff(lines.height, axis=1) <= 0).all()
    assert (lines.height[:, 0] == 1).all()
    assert (lines.height >= 0).all()


def test_angles_follow_braggs_law() -> None:
    """Each line is at the Bragg angle of a reflection of its phase."""
    lines = reference_lines(small_lines())
    for row in range(5):
        d = reflections(small_library().phases[row], 1.0).d
        angle = 2 * np.degrees(np.arcsin(PREPARATION.wavelength / 2 / d))
        for found in lines.angle[row, lines.height[row] > 0]:
            assert np.abs(angle - found).min() < 1e-3


def test_the_area_is_per_gram() -> None:
    """A crystal with a doubled cell has the same lines, and a gram of it scatters the same."""
    site = Site("Ti", "Ti", (0.0, 0.0, 0.0), 1.0, 0.01)
    cube = Phase("s", "", "P 1", (3.0, 3.0, 3.0, 90.0, 90.0, 90.0), ("x,y,z",), (site,), 47.9)
    pair = (site, Site("Ti", "Ti", (0.0, 0.0, 0.5), 1.0, 0.01))
    twice = Phase("d", "", "P 1", (3.0, 3.0, 6.0, 90.0, 90.0, 90.0), ("x,y,z",), pair, 95.8)
    one, other = (reference_lines(lines_of_phases([phase])) for phase in (cube, twice))
    assert other.area == pytest.approx(one.area, rel=1e-5)
    assert other.height[other.height > 1e-6] == pytest.approx(one.height[one.height > 0], rel=1e-4)


def test_a_phase_of_few_lines_is_padded_and_rows_are_chosen_in_order() -> None:
    site = Site("Cu", "Cu", (0.0, 0.0, 0.0), 1.0, 0.01)
    small = Phase("f", "", "F m -3 m", (2.6, 2.6, 2.6, 90.0, 90.0, 90.0), ("x,y,z",), (site,), 63.5)
    lines = reference_lines(lines_of_phases([*small_library().phases[:3], small]))
    assert lines.height.shape == lines.angle.shape == (4, min(MOST, lines.height.shape[1]))
    padding = lines.height[3] == 0
    assert padding.any()
    assert (lines.angle[3, padding] == GRID.start).all()
    chosen = lines.of(np.array([3, 0, 3]))
    np.testing.assert_array_equal(chosen.angle, lines.angle[[3, 0, 3]])
    np.testing.assert_array_equal(chosen.area, lines.area[[3, 0, 3]])
