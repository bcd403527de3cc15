"""A wrong axis is noticed, a right one is not doubted, and the answer does not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.standards import standard
from bragglens.identification.identify import identify
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
    assert answer.verdict == "unknown"  # a notice does not change the verdict
    assert answer.wavelength == emission(stated)[0].wavelength


@pytest.mark.parametrize("offset", [-1.9, -1.6, 1.4, 2.0])
def test_an_offset_is_reported_with_size_and_sign(titania: Library, offset: float) -> None:
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


def test_a_wrong_tube_with_a_short_range_is_reported(titania: Library, small_model: Model) -> None:
    whole = made_up({"brookite": 1.0}, titania)
    part = (whole.two_theta > 20) & (whole.two_theta < 75)
    scan = replace(whole, two_theta=whole.two_theta[part], counts=whole.counts[part])
    notes = identify(replace(scan, two_theta=scan.two_theta / 2), small_model, wavelength=CU).notes
    assert notes[0].startswith("a short range")
    assert notes[-1].startswith("axis? the lines fit brookite if its angles are θ")


@pytest.mark.parametrize("grams", [MIXTURE, {"tio2_B": 1.0}, {"LaB6": 1.0}, {"Si": 1.0}, {"corundum": 1.0}])
def test_a_right_axis_is_not_doubted(titania: Library, grams: dict[str, float]) -> None:
    """For phases of the library and for others, some of them with few lines."""
    assert identify(made_up(grams, titania), titania, wavelength=CU).notes == ()


def test_a_fitted_offset_is_reported(titania: Library) -> None:
    scan = made_up(MIXTURE, titania)
    answer = identify(replace(scan, two_theta=scan.two_theta + 0.62), titania, wavelength=CU)
    assert {finding.name for finding in answer.phases} == {"anatase", "rutile"}
    (notice,) = answer.notes
    assert notice.startswith("offset? ")
    assert "too high" in notice


@pytest.mark.parametrize("share", [0.02, -0.02, 0.025])
def test_a_stretched_axis_is_reported(titania: Library, share: float) -> None:
    scan = made_up(MIXTURE, titania)
    (notice,) = identify(replace(scan, two_theta=scan.two_theta * (1 + share)), titania, wavelength=CU).notes
    assert notice.startswith("axis? the ")
    assert f" {'stretched' if share > 0 else 'compressed'} by about " in notice
    assert "wavelength?" not in notice


@pytest.mark.parametrize("swelling", [0.02, -0.02])
def test_a_larger_cell_is_not_a_stretched_axis(titania: Library, swelling: float) -> None:
    """An isostructural compound with a 2% larger cell shifts low lines like a stretched axis, and high ones less."""
    rutile = next(phase for phase in titania if phase.name == "rutile")
    a, b, c, *angles = rutile.cell
    cell = (a * (1 + swelling), b * (1 + swelling), c * (1 + swelling), *angles)
    grown = Library((replace(rutile, name="isotype", cell=cell),))
    assert not identify(made_up({"isotype": 1.0}, grown), titania, wavelength=CU).notes


def cubic(name: str, element: str, edge: float, *, centred: str) -> Phase:
    """A metal: body-centred or face-centred cubic."""
    places = {"I": [(0.0,) * 3, (0.5,) * 3], "F": [(0.0,) * 3, (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)]}
    sites = tuple(Site(element, element, (x, y, z), 1.0, 0.006) for x, y, z in places[centred])
    return Phase(name, element, "P 1", (edge,) * 3 + (90.0,) * 3, ("x,y,z",), sites, 50.0)


METALS = (
    cubic("Al", "Al", 4.049, centred="F"),
    cubic("Cu", "Cu", 3.615, centred="F"),
    cubic("Ag", "Ag", 4.086, centred="F"),
    cubic("W", "W", 3.165, centred="I"),
    cubic("Nb", "Nb", 3.301, centred="I"),
)


@pytest.mark.parametrize(("tube", "stated"), [("CuKa", False), ("CoKa", False), ("CrKa", False), ("CuKa", True)])
@pytest.mark.parametrize("there", [("Cr", "I", 2.885, "Ni", "F", 3.524), ("Fe", "I", 2.866, "Au", "F", 4.079)])
def test_metals_with_few_lines_raise_no_doubt(
    there: tuple[str, str, float, str, str, float], tube: str, stated: bool
) -> None:
    """A cubic cell at one wavelength looks like a larger one at another.

    If the file states the wavelength, a notice needs more lines.
    """
    first, second = (cubic(name, name, edge, centred=kind) for name, kind, edge in (there[:3], there[3:]))
    scan = made_up({first.name: 0.5, second.name: 0.5}, Library((first, second)), tube=tube)
    wavelength = emission(tube)[0].wavelength
    scan = replace(scan, wavelength=wavelength if stated else None)
    notes = identify(scan, Library(METALS), wavelength=wavelength).notes
    assert [note for note in notes if not note.startswith("strong preferred orientation")] == []


def test_a_library_of_any_size_shows_a_wrong_tube(titania: Library) -> None:
    many = tuple(cubic(f"made {i}", "Si", 3.0 + 0.02 * i, centred="F") for i in range(200))
    scan = made_up(MIXTURE, titania, tube="CoKa")
    (notice,) = (
        note
        for note in identify(scan, Library((*many, *titania)), wavelength=CU).notes
        if note.startswith("wavelength? the lines fit ")
    )
    assert "at CoKa (" in notice


def test_only_allowed_phases_are_tested(titania: Library) -> None:
    scan = made_up({"rutile": 1.0}, titania, tube="CoKa")
    without = Library(tuple(phase for phase in titania if phase.name != "rutile"))
    assert identify(scan, titania, wavelength=CU).notes
    assert identify(scan, without, wavelength=CU).notes == ()


def test_a_wavelength_against_the_header_is_reported(titania: Library) -> None:
    scan = replace(made_up(MIXTURE, titania), wavelength=CO)
    notes = identify(scan, titania, wavelength=CU).notes
    assert notes[0].startswith("the file states a wavelength of 1.789 Å (CoKa); 1.5406 Å (CuKa) was given and is used")
    for same in (CU, 1.5406, 1.5418, 1.54056, 1.541):  # tables, the mean of the doublet, rounding
        assert identify(replace(scan, wavelength=same), titania, wavelength=CU).notes == ()
    assert identify(replace(scan, wavelength=CU), titania).notes == ()
