"""A wrong axis is noticed, a right one is not doubted, and the answer stays what it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.errors import ScanError
from bragglens.identify.identify import identify
from bragglens.learn.model import Model
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

CU, CO = (emission(tube)[0].wavelength for tube in ("CuKa", "CoKa"))


def made_up(grams: dict[str, float], library: Library, *, tube: str = "CuKa") -> Scan:
    grid, instrument = Grid(15.0, 85.0, 0.03), Instrument(emission(tube), W=0.006, zero=0.03)
    known = {phase.name: phase for phase in library}
    crystals = reflections_in_range([known.get(name) or standard(name) for name in grams], instrument.lines, grid)
    specimen = Specimen(size=40.0, displacement=0.05)
    clean = sum(w * pattern(c, instrument, specimen, grid) for w, c in zip(grams.values(), crystals, strict=True))
    counts = np.random.default_rng(2).poisson(5000 * clean / clean.max() + 150)
    return Scan("made up", grid.two_theta, counts.astype(float))


MIXTURE = {"anatase": 0.6, "rutile": 0.4}


@pytest.mark.parametrize(("tube", "stated"), [("CoKa", "CuKa"), ("CuKa", "MoKa"), ("CrKa", "CuKa")])
def test_a_wrong_tube_is_named(titania: Library, tube: str, stated: str) -> None:
    scan = made_up(MIXTURE, titania, tube=tube)
    answer = identify(scan, titania, wavelength=emission(stated)[0].wavelength)
    (notice,) = answer.notes
    assert notice.startswith("wavelength? the lines fit ")
    assert "anatase" in notice
    assert "rutile" in notice
    assert f"at {tube} (" in notice
    assert notice.endswith(f"check, and give --wavelength {tube}")
    assert answer.verdict == "unknown"  # a notice never decides
    assert answer.wavelength == emission(stated)[0].wavelength


@pytest.mark.parametrize("offset", [-1.9, -1.6, 1.4, 2.0])
def test_an_offset_is_told_with_its_size_and_sign(titania: Library, offset: float) -> None:
    scan = made_up(MIXTURE, titania)
    (notice,) = identify(replace(scan, two_theta=scan.two_theta + offset), titania, wavelength=CU).notes
    assert notice.startswith("offset? the lines fit ")
    size = float(notice.split("2θ is ")[1].split("°")[0])
    assert size == pytest.approx(abs(offset), abs=0.15)
    assert f"too {'high' if offset > 0 else 'low'}" in notice


def test_theta_given_as_two_theta(titania: Library) -> None:
    scan = made_up({"brookite": 1.0}, titania)
    (notice,) = identify(replace(scan, two_theta=scan.two_theta / 2), titania, wavelength=CU).notes
    assert notice.startswith("axis? the lines fit brookite if its angles are θ, given as 2θ")


def test_a_scan_that_the_model_refuses_for_its_range_is_told_too(titania: Library, small_model: Model) -> None:
    whole = made_up({"brookite": 1.0}, titania)
    part = (whole.two_theta > 20) & (whole.two_theta < 75)
    scan = replace(whole, two_theta=whole.two_theta[part], counts=whole.counts[part])
    with pytest.raises(ScanError, match=r"at least 40% are needed.*the lines fit brookite if its angles are θ"):
        identify(replace(scan, two_theta=scan.two_theta / 2), small_model, wavelength=CU)


@pytest.mark.parametrize("grams", [MIXTURE, {"tio2_B": 1.0}, {"LaB6": 1.0}, {"Si": 1.0}, {"corundum": 1.0}])
def test_a_right_axis_is_not_doubted(titania: Library, grams: dict[str, float]) -> None:
    """Neither of the library's own phases nor of strangers, some of them with few lines."""
    assert identify(made_up(grams, titania), titania, wavelength=CU).notes == ()


def test_an_offset_that_the_fit_took_up_is_told(titania: Library) -> None:
    scan = made_up(MIXTURE, titania)
    answer = identify(replace(scan, two_theta=scan.two_theta + 0.62), titania, wavelength=CU)
    assert {finding.name for finding in answer.phases} == {"anatase", "rutile"}
    (notice,) = answer.notes
    assert notice.startswith("offset? ")
    assert "too high" in notice


def test_only_phases_that_may_be_named_are_looked_for(titania: Library) -> None:
    scan = made_up({"rutile": 1.0}, titania, tube="CoKa")
    without = Library(tuple(phase for phase in titania if phase.name != "rutile"))
    assert identify(scan, titania, wavelength=CU).notes
    assert identify(scan, without, wavelength=CU).notes == ()


def test_a_wavelength_given_against_the_header_is_said(titania: Library) -> None:
    scan = replace(made_up(MIXTURE, titania), wavelength=CO)
    notes = identify(scan, titania, wavelength=CU).notes
    assert notes[0].startswith("the file states a wavelength of 1.789 Å (CoKa); 1.5406 Å (CuKa) was given and is used")
    for same in (CU, 1.5406, 1.5418, 1.54056, 1.541):  # tables, the mean of the doublet, rounding
        assert identify(replace(scan, wavelength=same), titania, wavelength=CU).notes == ()
    assert identify(replace(scan, wavelength=CU), titania).notes == ()
