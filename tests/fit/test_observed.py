"""Background and peaks of an observed scan."""

from __future__ import annotations

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.fit.observed import observe
from bragglens.fit.whole_pattern import fit
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(10.0, 90.0, 0.02)
INSTRUMENT = Instrument(emission("CuKa"), W=0.005)
X = GRID.two_theta


def measured(grams: dict[str, float], library: Library, *, size: float = 60.0, beneath: np.ndarray | float) -> Scan:
    """A scan with 20,000 counts at the strongest peak, on a background relative to that peak."""
    phases = [phase for phase in library if phase.name in grams]
    crystals = reflections_in_range(phases, INSTRUMENT.lines, GRID)
    clean = sum(grams[c.phase.name] * pattern(c, INSTRUMENT, Specimen(size=size), GRID) for c in crystals)
    noisy = np.random.default_rng(5).poisson(2e4 * (clean / clean.max() + beneath))
    return Scan("made up", X, noisy.astype(float), wavelength=INSTRUMENT.lines[0].wavelength)


def hump(centre: float, width: float, height: float) -> np.ndarray:
    return 1e-3 + height * np.exp(-0.5 * ((X - centre) / width) ** 2)


@pytest.mark.parametrize(("width", "height"), [(4.0, 0.1), (4.0, 0.4), (7.0, 0.2)])
def test_an_amorphous_hump_is_not_a_peak(titania: Library, width: float, height: float) -> None:
    beneath = hump(24.0, width, height)
    observed = observe(measured({"anatase": 0.5, "rutile": 0.5}, titania, beneath=beneath))
    inside = np.abs(observed.grid.two_theta - 24) < 2 * width
    missed = np.abs(observed.baseline - 2e4 * np.interp(observed.grid.two_theta, X, beneath))
    assert missed[inside].max() < 0.2 * height * 2e4


def test_broad_peaks_are_not_a_hump(titania: Library) -> None:
    broad, sharp = (observe(measured({"anatase": 1.0}, titania, size=size, beneath=0.05)) for size in (4.0, 60.0))
    assert broad.background.shape == sharp.background.shape  # a hump would have a column
    strongest = int(np.argmax(broad.counts))
    assert broad.baseline[strongest] < 0.2 * broad.counts[strongest]


@pytest.mark.parametrize("height", [0.0, 0.1, 0.3])
def test_fractions_with_a_hump(titania: Library, height: float) -> None:
    """A hump that the background polynomials cannot follow would be added to the lines on top of it."""
    corundum = standard("corundum")
    scan = measured({"rutile": 0.9, corundum.name: 0.1}, Library((*titania, corundum)), beneath=hump(35.0, 3.5, height))
    rutile = next(phase for phase in titania if phase.name == "rutile")
    assert 100 * fit(scan, [rutile, corundum], INSTRUMENT).weight_fraction[1] == pytest.approx(10.0, abs=0.8)


def test_a_hole_has_no_weight(titania: Library) -> None:
    """A hole with a strong line in it, and the same scan with the line: the fit gives the same result."""
    scan = measured({"rutile": 1.0}, titania, beneath=0.05)
    rutile = [phase for phase in titania if phase.name == "rutile"]
    kept = (scan.two_theta < 53.0) | (scan.two_theta > 56.0)
    cut = Scan("cut", scan.two_theta[kept], scan.counts[kept], wavelength=scan.wavelength)
    observed = observe(cut)
    hole = observed.grid.two_theta[~observed.measured]
    assert hole.min() == pytest.approx(53.01, abs=0.02)
    assert hole.max() == pytest.approx(55.99, abs=0.02)
    whole, holed = fit(scan, rutile, INSTRUMENT), fit(cut, rutile, INSTRUMENT)
    assert holed.rwp == pytest.approx(whole.rwp, rel=0.15)
    assert holed.cells[0] == pytest.approx(whole.cells[0], rel=1e-4)


def test_a_missing_point_or_another_step_is_not_a_hole() -> None:
    counts = np.random.default_rng(1).poisson(100.0, X.size).astype(float)
    for kept in (np.arange(X.size) != 700, (X < 50) | (np.arange(X.size) % 4 == 0)):
        assert observe(Scan("a", X[kept], counts[kept], wavelength=1.54)).measured.all()


def test_angles_at_zero_are_left_out() -> None:
    axis = np.arange(0.0, 80.0, 0.02)
    counts = np.random.default_rng(1).poisson(100.0, axis.size).astype(float)
    assert observe(Scan("a", axis, counts, wavelength=1.54)).grid.start == pytest.approx(0.02)
