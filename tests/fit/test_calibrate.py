"""calibrate recovers known instruments from scans of the reference model, not of the renderer that it fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bragglens.crystal.phase import Phase
from bragglens.crystal.standards import STANDARDS, standard
from bragglens.errors import ScanError, StructureError
from bragglens.fit.calibrate import COARSE, Calibration, calibrate, fwhm
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate import formulas, reference
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.render import reflections_in_range

NIST_SCAN = Path(__file__).resolve().parents[2].parent / "shared/data/formats/pdcif/nist_srm660c_100a.cif"
ANGLES = np.array([30.0, 60.0, 90.0])
START = Instrument(emission("CuKa"), radius=217.5)
INSTRUMENTS = {
    "narrow": replace(START, U=0.0009, V=-0.0006, W=0.0012, X=0.012, Y=0.025, axial=0.03, zero=0.02),
    "broad": replace(START, U=0.012, V=-0.004, W=0.009, X=0.03, Y=0.05, axial=0.05, zero=-0.11),
    "Gaussian": replace(START, U=0.004, V=0.0, W=0.002, X=0.0, Y=0.0, axial=0.02, zero=0.15),
}


def scan_of(
    phase: Phase, instrument: Instrument, displacement: float, *, counts: float = 2e4, step: float = 0.01
) -> Scan:
    """A scan from the reference formulas, with background and counting noise."""
    grid = Grid(15.0, 130.0, step)
    (crystal,) = reflections_in_range([phase], instrument.lines, grid)
    clean = reference.pattern(crystal, instrument, replace(COARSE, displacement=displacement), grid)
    clean = counts * clean / clean.max() + 100 + 2000 / grid.two_theta
    return Scan("scan.xy", grid.two_theta, np.random.default_rng(1).poisson(clean).astype(float))


def shift(instrument: Instrument, displacement: float) -> np.ndarray:
    moved = formulas.displacement_shift(two_theta=ANGLES, displacement=displacement, radius=instrument.radius)
    return instrument.zero + moved


@pytest.fixture(scope="module")
def lab6() -> Phase:
    return standard("LaB6")


@pytest.fixture(scope="module", params=INSTRUMENTS)
def recovered(request: pytest.FixtureRequest, lab6: Phase) -> tuple[Instrument, Calibration]:
    truth = INSTRUMENTS[request.param]
    return truth, calibrate(scan_of(lab6, truth, -0.08), lab6, START)


def test_widths_and_shifts_are_recovered(recovered: tuple[Instrument, Calibration]) -> None:
    truth, found = recovered
    np.testing.assert_allclose(fwhm(found.instrument, ANGLES), fwhm(truth, ANGLES), rtol=0.03)
    np.testing.assert_allclose(shift(found.instrument, found.displacement), shift(truth, -0.08), atol=0.005)
    assert found.instrument.axial == pytest.approx(truth.axial, abs=0.006)
    assert found.rwp < 1.1 * found.r_expected


def test_lines_are_at_their_certified_angles(recovered: tuple[Instrument, Calibration]) -> None:
    _, found = recovered
    assert len(found.line_errors) > 15
    assert np.abs(found.line_errors).max() < 0.004


def test_known_properties_of_the_instrument_are_kept(recovered: tuple[Instrument, Calibration]) -> None:
    _, found = recovered
    assert found.instrument.lines == START.lines
    assert found.instrument.radius == START.radius
    assert "calibrated with LaB6_660c" in found.instrument.name


@pytest.mark.parametrize("name", ["Si", "corundum"])
def test_other_standards(name: str) -> None:
    truth = INSTRUMENTS["narrow"]
    found = calibrate(scan_of(standard(name), truth, 0.05, step=0.02), standard(name), START)
    np.testing.assert_allclose(fwhm(found.instrument, ANGLES), fwhm(truth, ANGLES), rtol=0.05)
    np.testing.assert_allclose(shift(found.instrument, found.displacement), shift(truth, 0.05), atol=0.005)


def test_gaps_and_uneven_steps_are_allowed(lab6: Phase) -> None:
    truth = INSTRUMENTS["narrow"]
    whole = scan_of(lab6, truth, -0.08)
    lines = formulas.two_theta(
        d=4.156826 / np.sqrt(np.array([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13])), wavelength=1.54
    )
    near = (np.abs(whole.two_theta[:, None] - lines) < 0.8).any(axis=1)
    near[::7] = False
    found = calibrate(Scan("gaps.xy", whole.two_theta[near], whole.counts[near]), lab6, START)
    np.testing.assert_allclose(fwhm(found.instrument, ANGLES), fwhm(truth, ANGLES), rtol=0.05)
    np.testing.assert_allclose(shift(found.instrument, found.displacement), shift(truth, -0.08), atol=0.005)


def test_texture_of_the_standard_changes_nothing(lab6: Phase) -> None:
    """Heights are free: a plate of oriented silicon grains calibrates as well."""
    truth, phase, grid = INSTRUMENTS["narrow"], standard("Si"), Grid(20.0, 130.0, 0.02)
    (crystal,) = reflections_in_range([phase], truth.lines, grid)
    textured = replace(COARSE, texture_axis=(1, 1, 1), march=0.6)
    clean = reference.pattern(crystal, truth, textured, grid)
    counts = np.random.default_rng(2).poisson(1e4 * clean / clean.max() + 50).astype(float)
    found = calibrate(Scan("si.xy", grid.two_theta, counts), phase, START)
    np.testing.assert_allclose(shift(found.instrument, found.displacement), shift(truth, 0.0), atol=0.005)


def test_the_wrong_standard_is_refused(lab6: Phase) -> None:
    scan = scan_of(lab6, INSTRUMENTS["narrow"], 0.0, step=0.02)
    for name in ("Si", "corundum"):
        with pytest.raises(ScanError, match=r"scan.xy: does not look like"):
            calibrate(scan, standard(name), START)
    with pytest.raises(ScanError, match="does not look like LaB6"):
        calibrate(scan, lab6, replace(START, lines=emission("CoKa")))


def test_noise_alone_is_refused(lab6: Phase) -> None:
    angle = np.arange(15, 130, 0.02)
    noise = np.random.default_rng(0).poisson(200, angle.size).astype(float)
    with pytest.raises(ScanError, match="does not look like"):
        calibrate(Scan("noise.xy", angle, noise), lab6, START)


def test_too_short_a_scan_is_refused(lab6: Phase) -> None:
    scan = scan_of(lab6, INSTRUMENTS["narrow"], 0.0, step=0.02)
    part = scan.two_theta < 40
    with pytest.raises(ScanError, match="only 3 lines of LaB6_660c lie in its range"):
        calibrate(Scan("short.xy", scan.two_theta[part], scan.counts[part]), lab6, START)


def test_a_short_scan_has_a_note(lab6: Phase) -> None:
    scan = scan_of(lab6, INSTRUMENTS["narrow"], 0.0)
    part = scan.two_theta < 60
    found = calibrate(Scan("short.xy", scan.two_theta[part], scan.counts[part]), lab6, START)
    assert any("hardly be separated" in note for note in found.notes)


# The certificate of SRM 640f lists these for 1.5405929 Å. Strong lines of LaB6 and corundum: Bragg's law with the
# cells.
SILICON = [28.441, 47.301, 56.120, 69.127, 76.373, 88.026, 94.947, 106.702, 114.085, 127.535, 136.882]


def test_silicon_has_the_lines_of_the_certificate() -> None:
    (crystal,) = reflections_in_range([standard("Si")], START.lines, Grid(20.0, 140.0, 0.1))
    places = formulas.two_theta(d=np.unique(crystal.d)[::-1], wavelength=1.5405929)
    places = places[places < 137]
    np.testing.assert_allclose(np.unique(np.round(places, 4)), SILICON, atol=0.0006)


def test_standards_by_any_name(tmp_path: Path) -> None:
    for short, stem in STANDARDS.items():
        phase = standard(short.upper())
        assert phase == standard(stem)
        assert phase.notes == ()
    assert standard("LaB6").cell[0] == 4.156826
    own = tmp_path / "mine.cif"
    with pytest.raises(StructureError, match=r"mine\.cif"):
        standard(str(own))
    with pytest.raises(StructureError, match="standard 'quartz' is not known: give LaB6"):
        standard("quartz")


@pytest.mark.skipif(not NIST_SCAN.exists(), reason="the measured scans are not here")
def test_scan_of_lab6_by_nist(lab6: Phase) -> None:
    """Scan 100a of the certification of SRM 660c, at 20.85 °C; the fit by NIST has a = 4.15678 Å and -0.0788 mm."""
    lines = NIST_SCAN.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if "_pd_proc_ls_weight" in line) + 1
    rows = [line.split() for line in lines[start : start + 5332]]
    angle, rate, _ = np.array(rows, dtype=float).T
    phase = replace(lab6, cell=(4.15678, 4.15678, 4.15678, 90.0, 90.0, 90.0))
    found = calibrate(Scan("nist", angle, rate), phase, replace(START, monochromator=26.6))
    assert found.rwp < 0.11
    assert found.displacement == pytest.approx(-0.0788, abs=0.02)
    assert abs(found.instrument.zero) < 0.01
    assert np.sqrt(np.mean(found.line_errors**2)) < 0.0025
