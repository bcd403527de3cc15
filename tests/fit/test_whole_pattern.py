"""The fit recovers the parameters of the reference model, not of the renderer that it fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bragglens.crystal.cif import read_cif
from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.fit.engine import _step
from bragglens.fit.structure import TEXTURE_AXES, texture_axes
from bragglens.fit.whole_pattern import Fit, fit
from bragglens.scan.pattern import Grid
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(15.0, 95.0, 0.02)
INSTRUMENT = Instrument(emission("CuKa"), W=0.004, U=0.002, axial=0.03, zero=0.05)


def made_up(library: Library, content: dict[str, float], specimen: Specimen, *, counts: float = 2e4) -> np.ndarray:
    phases = [phase for phase in library if phase.name in content]
    crystals = reflections_in_range(phases, INSTRUMENT.lines, GRID)
    clean = sum(content[c.phase.name] * pattern(c, INSTRUMENT, specimen, GRID) for c in crystals)
    smooth = 0.05 + 0.2 * np.exp(-GRID.two_theta / 20)
    return np.random.default_rng(0).poisson(counts * (clean / clean.max() + smooth)).astype(float)


def fitted(library: Library, names: tuple[str, ...], counts: np.ndarray, **options: bool) -> Fit:
    phases = [phase for phase in library if phase.name in names]
    start = Instrument(emission("CuKa"), W=0.0064, U=0.002, axial=0.03)
    return fit(Scan("made up", GRID.two_theta, counts), phases, start, **options)


def test_mixture_is_recovered(titania: Library) -> None:
    specimen = Specimen(size=30.0, microstrain=8e-4, strain=(0.004, -0.002), displacement=0.1)
    counts = made_up(titania, {"anatase": 0.7, "rutile": 0.3}, specimen)
    found = fitted(titania, ("anatase", "rutile"), counts)
    assert found.weight_fraction * 100 == pytest.approx([70, 30], abs=0.7)
    assert found.rwp < 1.15 * found.r_expected
    assert [found.cells[0].a, found.cells[0].c] == pytest.approx([3.7845 * 1.004, 9.5143 * 0.998], rel=5e-4)
    assert line_angles(found) == pytest.approx(line_angles(found, truth=specimen), abs=0.004)


def line_angles(found: Fit, truth: Specimen | None = None) -> list[float]:
    """Angles of (101), (200), (204) of anatase: zero, displacement and cell are correlated, their sum is not."""
    a, c, specimen, zero = found.cells[0][0], found.cells[0][2], found.specimens[0], found.instrument.zero
    if truth is not None:
        a, c, specimen, zero = 3.7845 * 1.004, 9.5143 * 0.998, truth, INSTRUMENT.zero
    hkl = np.array([(1, 0, 1), (2, 0, 0), (2, 0, 4)])
    inverse_d = np.sqrt((hkl[:, 0] ** 2 + hkl[:, 1] ** 2) / a**2 + hkl[:, 2] ** 2 / c**2)
    theta = np.arcsin(INSTRUMENT.lines[0].wavelength * inverse_d / 2)
    shift = zero - np.degrees(2 * specimen.displacement / INSTRUMENT.radius) * np.cos(theta)
    return list(np.degrees(2 * theta) + shift)


def test_texture_is_recovered_and_fractions_with_it(titania: Library) -> None:
    specimen = Specimen(size=60.0, march=0.7, texture_axis=(0, 0, 1))
    counts = made_up(titania, {"anatase": 0.5, "rutile": 0.5}, specimen)
    found = fitted(titania, ("anatase", "rutile"), counts)
    assert [s.march for s in found.specimens] == pytest.approx([0.7, 0.7], abs=0.05)
    assert found.weight_fraction * 100 == pytest.approx([50, 50], abs=1.5)
    assert fitted(titania, ("anatase", "rutile"), counts, texture=False).rwp > 1.5 * found.rwp


def test_large_displacement_is_recovered(titania: Library) -> None:
    """0.3 mm shifts every line by 0.18°, twice its width: least squares alone would stay at the start."""
    counts = made_up(titania, {"rutile": 1.0}, Specimen(size=100.0, displacement=-0.3))
    assert fitted(titania, ("rutile",), counts).rwp < 0.1


def test_an_absent_phase_gets_no_weight(titania: Library) -> None:
    counts = made_up(titania, {"rutile": 1.0}, Specimen(size=50.0))
    found = fitted(titania, ("brookite", "rutile"), counts)
    assert found.weight_fraction[0] < 0.01
    assert found.weight_fraction.sum() == pytest.approx(1.0)


def test_calculated_is_the_sum_of_its_parts(titania: Library) -> None:
    counts = made_up(titania, {"rutile": 1.0}, Specimen(size=50.0))
    found = fitted(titania, ("rutile",), counts)
    assert found.patterns.sum(axis=0) + found.background == pytest.approx(found.calculated, rel=1e-6)
    assert (found.patterns >= 0).all()


def test_a_weighed_mixture(shared: Path) -> None:
    """The round robin's sample 1E: corundum, fluorite, zincite weighed to 55.1, 29.6, 15.3%."""
    scan = read_scan(shared / "scans" / "weighed_cpd" / "cpd__CPD-1E.csv")
    phases = [read_cif(shared / "phases" / "oxides" / f"{n}.cif") for n in ("corundum", "fluorite", "ZnO")]
    found = fit(scan, phases, Instrument(emission("CuKa"), axial=0.03))
    assert found.weight_fraction * 100 == pytest.approx([55.12, 29.62, 15.25], abs=3)
    assert found.rwp < 0.15


def test_equivalent_texture_axes_are_tried_once(titania: Library) -> None:
    rutile, brookite = (next(phase for phase in titania if phase.name == name) for name in ("rutile", "brookite"))
    assert texture_axes(standard("Si").operations) == ((0, 0, 1), (1, 1, 0), (1, 1, 1))
    assert texture_axes(brookite.operations) == TEXTURE_AXES
    crystal = reflections_in_range([rutile], INSTRUMENT.lines, GRID)[0]
    left_out = {(0, 1, 0): (1, 0, 0), (0, 1, 1): (1, 0, 1)}
    assert set(texture_axes(rutile.operations)) == set(TEXTURE_AXES) - set(left_out)
    for pair in left_out.items():
        one, other = (pattern(crystal, INSTRUMENT, Specimen(texture_axis=axis, march=0.5), GRID) for axis in pair)
        np.testing.assert_allclose(one, other, rtol=1e-9)


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(*[st.lists(st.floats(-5, 5), min_size=n, max_size=n)] * 3)))
def test_a_value_at_its_bound_is_held_in_a_step(drawn: tuple[list[float], ...]) -> None:
    gradient, spread, places = (np.array(values) for values in drawn)
    ends = np.sign(np.round(places / 3))
    matrix = np.outer(spread, spread) + np.eye(len(spread))
    step = _step(matrix, gradient, ends)
    assert (step * ends <= 0).all()
    moving = step != 0
    assert np.allclose((matrix @ step)[moving], gradient[moving])
