"""A scan of a synchrotron on the axis of Cu Kα1: the same lines with the intensities of a tube."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_scans import GRID, measured

from bragglens import identify
from bragglens.crystal.library import Library
from bragglens.errors import ScanError
from bragglens.identification.copper import COPPER, as_copper
from bragglens.scan.scan import Scan
from bragglens.simulate.formulas import lorentz_polarisation, two_theta
from bragglens.simulate.instrument import of_a_tube

WINDOW = np.linspace(-0.005, 0.005, 101)  # degrees
TRIANGLE = 1 - np.abs(WINDOW) / 0.005


@given(st.floats(0.15, 2.4))
def test_d_stays(wavelength: float) -> None:
    scan = Scan("made up", np.linspace(1.0, 60.0, 3000), np.arange(3000.0))
    moved = as_copper(scan, wavelength)
    d = wavelength / 2 / np.sin(np.radians(scan.two_theta) / 2)
    same = COPPER / 2 / np.sin(np.radians(moved.two_theta) / 2)
    assert np.allclose(same, d[: len(same)])
    assert (np.diff(moved.two_theta) > 0).all()
    assert moved.two_theta[-1] < 150


@given(st.floats(0.15, 1.5), st.lists(st.floats(0.85, 12.0), min_size=2, max_size=9, unique=True))
def test_areas_are_those_of_a_tube(wavelength: float, spacings: list[float]) -> None:
    """Areas of one structure factor, as a polarised source gives them, become those of Cu Kα1, but for a constant."""
    d = np.array(spacings)
    there, here = (two_theta(d=d, wavelength=one) for one in (wavelength, COPPER))
    density = lorentz_polarisation(two_theta=there, polarisation=0.0)  # counts of a line of width 1 on its axis
    lines = [Scan("a line", x + WINDOW, y * TRIANGLE) for x, y in zip(there, density, strict=True)]
    moved = [as_copper(one, wavelength) for one in lines]
    areas = [float(np.trapezoid(one.counts, one.two_theta)) for one in moved]
    ratio = areas / lorentz_polarisation(two_theta=here, polarisation=1.0)
    assert np.ptp(ratio) < 1e-3 * ratio.mean()


def test_only_tubes_stay_as_they_are() -> None:
    assert all(map(of_a_tube, (1.54, 1.5406, 1.5418, 1.79, 0.71, 0.5594, 1.392)))
    assert not any(map(of_a_tube, (0.2413, 0.4126, 0.6199, 1.0)))


def test_titania_of_a_synchrotron_is_known(titania: Library) -> None:
    scan = measured({"anatase": 0.6, "rutile": 0.4}, titania)
    to = 0.35
    angle = 2 * np.degrees(np.arcsin(np.sin(np.radians(GRID.two_theta) / 2) * to / COPPER))
    answer = identify(replace(scan, two_theta=angle, wavelength=to), titania)
    assert {one.name for one in answer.phases} == {"anatase", "rutile"}
    assert answer.unexplained is not None
    assert answer.unexplained < 0.03
    assert any("axis that Cu Kα1 would give" in note for note in answer.notes)


def test_a_range_without_d_is_refused() -> None:
    with pytest.raises(ScanError, match="hardly a point"):
        as_copper(Scan("high", np.linspace(60, 120, 500), np.arange(500.0)), 0.3)
