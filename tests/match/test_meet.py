"""Lines of phases over the peaks of a scan, without a network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bragglens.crystal.library import Library
from bragglens.match.meet import meet, peaks
from bragglens.match.sought import GRID, MOST, Sought, sought
from bragglens.simulate.lines import lines_of_phases

ALL = np.ones(GRID.size, dtype=bool)
NOTHING = np.zeros(GRID.size)


def _drawn(lines: Sought, row: int, *, scale: float = 1.0, shift: float = 0.0, width: float = 0.1) -> np.ndarray:
    """Gaussian peaks of one phase."""
    out = np.zeros(GRID.size)
    for angle, height in zip(lines.angle[row], lines.height[row], strict=True):
        out += scale * height * np.exp(-4 * np.log(2) * ((GRID.two_theta - angle - shift) / width) ** 2)
    return out


@pytest.fixture(scope="module")
def lines(titania: Library) -> Sought:
    table = sought(lines_of_phases(titania))
    meet(peaks(NOTHING, ALL, NOTHING), table)  # compiles
    return table


def test_lines_stand_at_bragg_angles_the_strongest_first(titania: Library, lines: Sought) -> None:
    anatase = titania.names.index("anatase")
    assert lines.angle[anatase, 0] == pytest.approx(25.3, abs=0.1)
    assert lines.height.shape == (len(titania), MOST)
    assert np.all(np.diff(lines.height, axis=1) <= 0)
    assert np.all(lines.height[:, 0] == 1)


@given(shift=st.floats(-0.15, 0.15), scale=st.floats(0.2, 1.0), row=st.integers(0, 4))
def test_the_phase_that_is_there_explains_most(lines: Sought, shift: float, scale: float, row: int) -> None:
    met = meet(peaks(_drawn(lines, row, scale=scale, shift=shift), ALL, NOTHING), lines)
    assert int(np.argmax(met.rank)) == row
    assert met.scale[row] == pytest.approx(scale, rel=0.2)
    assert met.share == pytest.approx(np.ones(len(lines)))


def test_of_two_phases_each_keeps_its_share(lines: Sought) -> None:
    mixed = _drawn(lines, 0) + 0.3 * _drawn(lines, 3)
    met = meet(peaks(mixed / mixed.max(), ALL, NOTHING), lines)
    assert set(np.argsort(-met.rank)[:2]) == {0, 3}


def test_what_is_explained_already_speaks_for_no_other(lines: Sought) -> None:
    drawn = _drawn(lines, 0)
    met = meet(peaks(drawn, ALL, drawn), lines)
    assert np.all(met.explained < 0.02)


def test_lines_beyond_the_scan_say_nothing(lines: Sought) -> None:
    covered = GRID.two_theta < 40
    met = meet(peaks(np.where(covered, _drawn(lines, 0), 0), covered, NOTHING), lines)
    assert np.all(met.near[lines.angle > 40.1] == -1)
    assert np.all(met.share < 1)
    assert int(np.argmax(met.rank)) == 0


def test_a_constant_background_is_no_peak(lines: Sought) -> None:
    assert np.all(meet(peaks(np.full(GRID.size, 0.5), ALL, NOTHING), lines).explained == 0)
