"""Input of a network: area kept on the new axis, other wavelengths converted through d, no effect of missing data."""

from __future__ import annotations

import dataclasses
import importlib.resources
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bragglens.crystal.cif import read_cif
from bragglens.crystal.reflections import reflections
from bragglens.errors import RecipeError, ScanError
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import Preparation, convert, to_grid
from bragglens.scan.scan import Scan
from bragglens.simulate import reference
from bragglens.simulate.instrument import Instrument, Line
from bragglens.simulate.specimen import Specimen

CU, CO = 1.5405929, 1.7889960
GRID = Grid(10.0, 80.0, 0.02)
MODEL = Preparation(GRID, CU, "sqrt")


def scan_of(two_theta: np.ndarray, counts: np.ndarray | None = None, name: str = "made_up.xy") -> Scan:
    return Scan(name, two_theta, 100.0 + two_theta if counts is None else counts)


def peak(two_theta: np.ndarray, place: float, fwhm: float = 0.1) -> np.ndarray:
    return 1000 * np.exp(-4 * np.log(2) * ((two_theta - place) / fwhm) ** 2)


# --- onto the grid ----------------------------------------------------------------------------------------------


@given(step=st.floats(0.004, 0.08), offset=st.floats(0, 0.05), place=st.floats(20, 70), fwhm=st.floats(0.08, 0.5))
def test_area_is_kept_by_finer_and_coarser_scans(step: float, offset: float, place: float, fwhm: float) -> None:
    """The sum over the grid is the integral of the scan's polygon, for any relative position of the two axes."""
    axis = np.arange(9.0 + offset, 81.0, step)
    counts = peak(axis, place, fwhm)
    counts[0] = 1e-9
    pattern = to_grid(scan_of(axis, counts), MODEL, wavelength=CU)
    assert pattern.intensity.sum() * GRID.step == pytest.approx(np.trapezoid(counts, axis), rel=1e-6)
    assert pattern.covered.all()


def test_peak_keeps_its_position() -> None:
    for step in (0.005, 0.013, 0.02, 0.05):
        axis = np.arange(8.0, 82.0, step)
        pattern = to_grid(scan_of(axis, peak(axis, 33.333, 0.2) + 1e-9 * axis), MODEL, wavelength=CU)
        mean = (GRID.two_theta * pattern.intensity).sum() / pattern.intensity.sum()
        assert mean == pytest.approx(33.333, abs=1e-3)


def test_scan_on_the_grid_is_hardly_smoothed() -> None:
    """The mean over a step of the polygon through the points: weights 1/8, 6/8, 1/8 for a point and its neighbours."""
    counts = np.random.default_rng(1).poisson(100.0, GRID.size).astype(float)
    pattern = to_grid(scan_of(GRID.two_theta, counts), MODEL, wavelength=CU)
    expected = counts[1:-1] * 6 / 8 + (counts[:-2] + counts[2:]) / 8
    assert pattern.intensity[1:-1] == pytest.approx(expected)


def test_uneven_steps_are_weighted_by_their_width() -> None:
    """A constant with variable steps remains that constant."""
    axis = np.cumsum(np.tile([0.003, 0.03, 0.011], 2500)) + 8
    counts = np.full(axis.size, 7.0)
    counts[0] = 7.1
    pattern = to_grid(scan_of(axis, counts), MODEL, wavelength=CU)
    assert pattern.intensity[pattern.covered] == pytest.approx(7.0)


def test_only_the_measured_range_is_covered() -> None:
    axis = np.arange(20.0, 60.005, 0.01)
    pattern = to_grid(scan_of(axis), MODEL, wavelength=CU)
    angle = GRID.two_theta
    assert (pattern.covered == ((angle >= axis[0]) & (angle <= axis[-1]))).all()
    assert (pattern.intensity[~pattern.covered] == 0).all()
    assert pattern.intensity[pattern.covered] == pytest.approx(100 + angle[pattern.covered], abs=0.01)


def test_a_short_scan_is_put_on_the_grid() -> None:
    assert to_grid(scan_of(np.arange(10.0, 37.5, 0.02)), MODEL, wavelength=CU).coverage == pytest.approx(0.39, abs=0.01)


def test_a_gap_is_not_covered() -> None:
    axis = np.arange(10.0, 80.0, 0.01)
    axis = axis[(axis < 30) | (axis > 35)]
    pattern = to_grid(scan_of(axis), MODEL, wavelength=CU)
    angle = GRID.two_theta
    assert not pattern.covered[(angle > 30.02) & (angle < 34.98)].any()
    assert pattern.covered[((angle > 10) & (angle < 30)) | ((angle > 35.01) & (angle < 79.9))].all()


def test_scan_out_of_reach_of_the_models_wavelength_is_refused() -> None:
    """Silver radiation at 60-120° has d below 0.56 Å, out of reach of copper radiation."""
    with pytest.raises(ScanError, match="lie outside of the 10-80°"):
        to_grid(scan_of(np.arange(100.0, 160.0, 0.02)), MODEL, wavelength=0.5594218)


# --- wavelengths ------------------------------------------------------------------------------------------------


def test_convert_is_braggs_law_twice() -> None:
    d = np.array([8.0, 3.52, 2.0, 1.2])
    angle = {w: 2 * np.degrees(np.arcsin(w / 2 / d)) for w in (CU, CO)}
    assert convert(angle[CO], CO, CU) == pytest.approx(angle[CU])
    assert convert(convert(angle[CO], CO, CU), CU, CO) == pytest.approx(angle[CO])
    assert (convert(angle[CU], CU, CU) == angle[CU]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(convert(np.array([150.0]), CU, CO)).all()


@pytest.mark.parametrize("wavelength", [CO, 2.2897260, 0.7093172])
def test_line_position_of_another_tube_follows_braggs_law(wavelength: float) -> None:
    """Rutile 110 of a scan with Co, Cr or Mo radiation, on the grid of a copper model: 27.45°."""
    path = Path(str(importlib.resources.files("bragglens"))) / "data" / "titania" / "rutile.cif"
    crystal = reflections(read_cif(path), 1.0)
    axis = Grid(5.0, 120.0, 0.01)
    counts = reference.pattern(crystal, Instrument((Line(wavelength, 1.0),)), Specimen(size=60), axis)
    pattern = to_grid(scan_of(axis.two_theta, counts), MODEL, wavelength=wavelength)
    expected = 2 * np.degrees(np.arcsin(CU / 2 / (crystal.phase.cell[0] / np.sqrt(2))))
    assert GRID.two_theta[pattern.intensity.argmax()] == pytest.approx(expected, abs=0.02)
    wrong = to_grid(scan_of(axis.two_theta, counts), MODEL, wavelength=CU)
    assert abs(GRID.two_theta[wrong.intensity.argmax()] - expected) > 1


# --- into the network -------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e6), floor=st.floats(0, 1e5))
def test_scalings_have_their_ranges_and_ignore_scale(seed: int, scale: float, floor: float) -> None:
    grid = Grid(10.0, 80.0, 0.5)
    shape = np.random.default_rng(seed).random((3, grid.size))
    covered = np.tile(grid.two_theta > 15, (3, 1))
    for scaling, channels in (("minmax", 1), ("sqrt", 2)):
        preparation = Preparation(grid, CU, scaling)
        x = preparation.apply(shape * scale + floor * scale, covered)
        assert x.shape == (3, channels, grid.size)
        assert preparation.channels == channels
        assert x.dtype == np.float32
        first = x[:, 0]
        assert (first[covered].min(), first[covered].max()) == (0.0, 1.0)
        assert (first.max(axis=1) == 1).all()
        assert (first[~covered] == 0).all()
        seen = shape[:, covered[0]]
        expected = (seen - seen.min(axis=1, keepdims=True)) / np.ptp(seen, axis=1)[:, None]
        expected = expected if scaling == "minmax" else np.sqrt(expected)
        assert first[:, covered[0]] == pytest.approx(expected, abs=1e-4)
        if channels == 2:
            assert (x[:, 1] == covered).all()


def test_missing_data_have_no_effect() -> None:
    """Any values outside the covered range, smaller or larger than all measured ones."""
    random = np.random.default_rng(2)
    intensity = random.random((2, GRID.size)) + 1
    covered = np.zeros((2, GRID.size), dtype=bool)
    covered[:, 500:2500] = True
    for scaling in ("minmax", "sqrt"):
        preparation = dataclasses.replace(MODEL, scaling=scaling)
        expected = preparation.apply(intensity, covered)
        for junk in (1e9, -1e9, np.inf):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert (preparation.apply(np.where(covered, intensity, junk), covered) == expected).all()


def test_flat_and_empty_patterns_give_zeros() -> None:
    flat = MODEL.apply(np.full((1, GRID.size), 5.0), np.ones((1, GRID.size), dtype=bool))
    empty = MODEL.apply(np.full((1, GRID.size), 5.0), np.zeros((1, GRID.size), dtype=bool))
    assert (flat[0, 0] == 0).all()
    assert (empty == 0).all()


# --- the axis ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [(0.0, 90.0), (-5.0, 90.0), (90.0, 10.0), (10.0, 180.0), (10.0, 10.0)])
def test_impossible_range_is_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(RecipeError, match="smaller one first"):
        Grid(*bounds, 0.02)


@pytest.mark.parametrize("step", [0.0, -0.01, 8.0, float("nan")])
def test_impossible_step_is_refused(step: float) -> None:
    with pytest.raises(RecipeError, match="step"):
        Grid(10.0, 80.0, step)


@given(start=st.floats(1, 50), points=st.integers(11, 20000), step=st.floats(0.001, 0.005))
def test_grid_holds_both_ends(start: float, points: int, step: float) -> None:
    grid = Grid(start, start + points * step, step)
    assert grid.size == len(grid.two_theta) == points + 1
    assert grid.two_theta[0] == start
    assert grid.two_theta[-1] == pytest.approx(grid.stop)
