"""Reflection lists: measured positions, weak reflections, and the usual choice of indices."""

from __future__ import annotations

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reflection_list import FAINT, reflection_list
from bragglens.simulate.specimen import Specimen

TUBE = Instrument(emission("CuKa"))


def test_positions_of_an_ideal_specimen_follow_braggs_law(titania: Library) -> None:
    plain = reflection_list(titania["anatase"], TUBE, Specimen(), 10.0, 70.0)
    assert plain.two_theta[plain.area.argmax()] == pytest.approx(25.31, abs=0.01)
    assert plain.hkl[plain.area.argmax()].tolist() == [1, 0, 1]
    moved = Instrument(TUBE.lines, zero=0.1)
    shifted = reflection_list(titania["anatase"], moved, Specimen(displacement=-0.2), 10.0, 70.0)
    lift = np.degrees(2 * 0.2 * np.cos(np.radians(plain.two_theta) / 2) / TUBE.radius)
    np.testing.assert_allclose(shifted.two_theta, plain.two_theta + 0.1 + lift)


def test_a_list_has_only_reflections_in_the_range_that_are_strong_enough(titania: Library) -> None:
    every = reflection_list(titania["brookite"], TUBE, Specimen(), 20.0, 90.0, faintest=0.0)
    seen = reflection_list(titania["brookite"], TUBE, Specimen(), 20.0, 90.0)
    assert 0 < len(seen.area) < len(every.area)
    assert every.two_theta.min() >= 20.0
    assert every.two_theta.max() <= 90.0
    assert (seen.strength**2).min() >= FAINT
    assert seen.strength.max() == 1.0


def test_no_reflection_in_range_is_an_empty_list(titania: Library) -> None:
    none = reflection_list(titania["rutile"], TUBE, Specimen(), 5.0, 8.0)
    assert none.hkl.shape == (0, 3)
    assert none.strength.size == none.two_theta.size == 0
