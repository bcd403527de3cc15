"""A calibrated instrument in the fit: sizes without the instrumental width, with correct errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.identify import identify
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.instrument_file import write_instrument
from bragglens.simulate.recipe import Recipe, for_instrument
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(20, 90, 0.02)
SHARP = Instrument(emission("CuKa"), U=0.0018, V=-0.001, W=0.0036, X=0.02, Y=0.02, axial=0.03, zero=0.03, name="mine")
BROAD = replace(SHARP, U=0.006, V=0.0, W=0.012, X=0.0)


def measured(library: Library, instrument: Instrument, size: float) -> Scan:
    (crystal,) = reflections_in_range([library["rutile"]], instrument.lines, GRID)
    clean = pattern(crystal, instrument, Specimen(size=size, microstrain=3e-4, displacement=0.05), GRID)
    counts = np.random.default_rng(1).poisson(5000 * clean / clean.max() + 100)
    return Scan("r.xy", GRID.two_theta, counts.astype(float))


@pytest.mark.parametrize("instrument", [SHARP, BROAD], ids=["sharp", "broad"])
def test_size_within_its_error(titania: Library, instrument: Instrument, tmp_path: Path) -> None:
    write_instrument(instrument, tmp_path / "mine.toml")
    scan = measured(titania, instrument, 30.0)
    found = identify(scan, titania, elements="Ti,O", instrument=tmp_path / "mine.toml")["rutile"]
    assert found.size is not None
    assert found.size_error is not None
    assert abs(found.size - 30.0) < found.size_error < 15.0


def test_the_answer_names_the_instrument(titania: Library) -> None:
    scan = measured(titania, SHARP, 30.0)
    answer = identify(scan, titania, wavelength="CuKa", instrument=SHARP)
    assert answer.options["instrument"] == "mine"
    assert identify(scan, titania, wavelength="CuKa")["rutile"].size_error is None
    with pytest.raises(BragglensError, match=r"none\.toml: there is no such file: `bragglens calibrate -o` makes one"):
        identify(scan, titania, instrument="none.toml")


def test_an_instrument_of_another_tube_is_reported(titania: Library) -> None:
    other = replace(SHARP, lines=emission("CoKa"))
    scan = measured(titania, SHARP, 30.0)
    notes = identify(scan, titania, wavelength="CuKa", elements="Ti,O", instrument=other).notes
    assert any("calibrated at 1.7890 Å, the scan is of 1.5406 Å" in note for note in notes)


def test_a_recipe_for_one_instrument() -> None:
    recipe = for_instrument(Recipe(), SHARP)
    middle = np.array([0.5])
    width, slope = recipe.resolution.quantile(middle)[0], recipe.resolution_slope.quantile(middle)[0]
    for angle in (15.0, 45.0):
        tangent = np.tan(np.radians(angle))
        assert width**2 * (1 + slope * tangent**2) == pytest.approx(SHARP.U * tangent**2 + SHARP.V * tangent + SHARP.W)
    assert recipe.zero.quantile(middle)[0] == pytest.approx(0.03)
    with pytest.raises(BragglensError, match=r"one of 1\.5406 Å, the recipe of 1\.7890 Å"):
        for_instrument(Recipe(wavelength="CoKa"), SHARP)
