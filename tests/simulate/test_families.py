"""Contracts of all kinds of radiation and all geometries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bragglens.errors import RecipeError
from bragglens.simulate.geometry import GEOMETRIES
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.instrument_file import read_instrument, write_instrument
from bragglens.simulate.radiation import RADIATIONS
from bragglens.simulate.specimen import Specimen

ANGLES = np.linspace(10.0, 140.0, 60)
INSTRUMENT = Instrument(emission("CuKa"), zero=0.03, divergence=1.0)


@pytest.mark.parametrize("name", RADIATIONS)
def test_scattering_of_an_element_does_not_depend_on_its_place_in_the_list(name: str) -> None:
    d = np.array([8.0, 2.0, 0.8])
    together = RADIATIONS[name].amplitudes(("Ti", "O"), d, 1.54)
    assert together.shape == (3, 2)
    assert np.isfinite(together).all()
    np.testing.assert_array_equal(RADIATIONS[name].amplitudes(("O", "Ti"), d, 1.54), together[:, ::-1])


def test_x_rays_are_scattered_by_electrons() -> None:
    """In forward direction f0 is the number of electrons. At Cu Kα f' and f'' of oxygen are small, and Ti absorbs."""
    (titanium, oxygen), _ = RADIATIONS["x-ray"].amplitudes(("Ti", "O"), np.array([1e3, 1.0]), 1.5406)
    assert titanium.real == pytest.approx(22, abs=0.5)
    assert oxygen.real == pytest.approx(8, abs=0.1)
    assert titanium.imag > 10 * oxygen.imag > 0


@pytest.mark.parametrize("name", GEOMETRIES)
def test_an_ideal_specimen_is_shifted_by_the_zero_shift_alone_and_gains_no_intensity(name: str) -> None:
    geometry, ideal = GEOMETRIES[name], Specimen()
    assert geometry.shift(ANGLES, INSTRUMENT, ideal) == pytest.approx(np.full(60, 0.03))
    moved = geometry.shift(ANGLES, INSTRUMENT, replace(ideal, displacement=0.1))
    assert (moved < 0.03).all()
    for specimen in (ideal, replace(ideal, roughness=(0.3, 0.2))):
        share = geometry.transmitted(ANGLES, INSTRUMENT, specimen)
        assert ((share > 0) & (share <= 1)).all()
        assert (np.diff(share) >= 0).all()  # slits and roughness reduce intensity at low angles


def test_an_instrument_file_names_radiation_and_geometry(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_instrument(INSTRUMENT, path)
    assert read_instrument(path) == INSTRUMENT
    path.write_text(path.read_text().replace('"x-ray"', '"neutron"'))
    with pytest.raises(RecipeError, match=r"mine\.toml: radiation 'neutron' is not known: choose one of x-ray$"):
        read_instrument(path)
