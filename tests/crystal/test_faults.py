"""Lines that stacking faults broaden: the rule for honeycomb layers, and none for structures without known faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bragglens.crystal.cif import parse_cif, read_cif
from bragglens.crystal.faults import broadened_by_faults
from bragglens.crystal.library import Library
from bragglens.crystal.reflections import Reflections, reflections
from bragglens.crystal.standards import standard
from bragglens.fit.candidates import candidates, instrument_and_specimens
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem
from bragglens.fit.whole_pattern import fit_given
from bragglens.learn.stream import open_stream
from bragglens.match.stream import open_stream as open_matchers_stream
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import Preparation
from bragglens.scan.scan import Scan
from bragglens.simulate.draws import Constant, Uniform, draws
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.lines import lines_of_phases
from bragglens.simulate.mixture import draw_conditions, single_phases
from bragglens.simulate.random_structures import random_structure
from bragglens.simulate.recipe import CLEAN, Recipe
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import pack_apart, render
from bragglens.simulate.specimen import Specimen

# Strobel & Lambert-Andron 1988, J. Solid State Chem. 75, 90: honeycombs of Mn around Li, layers 4.7 Å apart
LI2MNO3 = """data_Li2MnO3
_chemical_formula_sum 'Li2 Mn O3'
_cell_length_a 4.937
_cell_length_b 8.532
_cell_length_c 5.030
_cell_angle_alpha 90
_cell_angle_beta 109.46
_cell_angle_gamma 90
_space_group_name_H-M_alt 'C 1 2/m 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mn Mn 0 0.1671 0
Li1 Li 0 0.5 0
Li2 Li 0 0 0.5
Li3 Li 0 0.6606 0.5
O1 O 0.2189 0 0.2273
O2 O 0.2540 0.32119 0.2233
"""
INSTRUMENT = Instrument(emission("CuKa"), W=0.005)
GRID = Grid(15.0, 85.0, 0.02)


@pytest.fixture
def honeycomb(tmp_path: Path) -> Reflections:
    (tmp_path / "Li2MnO3.cif").write_text(LI2MNO3)
    return reflections(read_cif(tmp_path / "Li2MnO3.cif"), 1.1)


def test_honeycomb_layers_have_sharp_lines_where_k_is_a_multiple_of_three(honeycomb: Reflections) -> None:
    blurred = broadened_by_faults(honeycomb)
    assert blurred is not None
    np.testing.assert_array_equal(blurred, honeycomb.hkl[:, 1] % 3 != 0)


def test_titania_and_the_standards_have_no_such_faults(titania: Library) -> None:
    for phase in (*titania, standard("LaB6"), standard("Si"), standard("corundum")):
        assert broadened_by_faults(reflections(phase, 1.1)) is None


# atoms a third of an axis apart, but bonded in all directions: CaCu5, MoSi2, AlB2 and ε-Fe3C types
METALS = {
    "LaNi5": ("P 6/m m m", (5.013, 3.984, 120.0), ["La 0 0 0", "Ni 0.33333 0.66667 0", "Ni 0.5 0 0.5"]),
    "MoSi2": ("I 4/m m m", (3.2, 7.86, 90.0), ["Mo 0 0 0", "Si 0 0 0.3333"]),
    "AlB2": ("P 6/m m m", (3.006, 3.252, 120.0), ["Al 0 0 0", "B 0.33333 0.66667 0.5"]),
    "Fe3C": ("P 63 2 2", (4.767, 4.354, 120.0), ["Fe 0.333 0 0", "C 0.33333 0.66667 0.25"]),
}


def _made(name: str, group: str, cell: tuple[float, float, float], sites: list[str]) -> Reflections:
    items = {
        "_cell_length_a": cell[0],
        "_cell_length_b": cell[0],
        "_cell_length_c": cell[1],
        "_cell_angle_alpha": 90.0,
        "_cell_angle_beta": 90.0,
        "_cell_angle_gamma": cell[2],
        "_space_group_name_H-M_alt": f"'{group}'",
    }
    head = [f"data_{name}", *(f"{tag} {value}" for tag, value in items.items()), "loop_", "_atom_site_label"]
    rows = [f"{site.split()[0]}{number} {' '.join(site.split()[1:])}" for number, site in enumerate(sites)]
    text = "\n".join([*head, *(f"_atom_site_fract_{axis}" for axis in "xyz"), *rows, ""])
    return reflections(parse_cif(text, name, where=name), 1.1)


@pytest.mark.parametrize("name", METALS)
def test_metals_borides_and_silicides_have_no_stacking_faults(name: str) -> None:
    assert broadened_by_faults(_made(name, *METALS[name])) is None


@pytest.mark.parametrize("changed", ["O", "S", "F", "Cl"])
def test_layers_that_end_with_any_anions_have_stacking_faults(honeycomb: Reflections, changed: str) -> None:
    elements = tuple(changed if element == "O" else element for element in honeycomb.elements)
    assert broadened_by_faults(replace(honeycomb, elements=elements)) is not None


def test_sharp_and_broadened_reflections_are_all_reflections(honeycomb: Reflections) -> None:
    blurred = broadened_by_faults(honeycomb)
    assert blurred is not None
    specimen = Specimen(size=30.0, march=0.8)
    parts = [pattern(honeycomb.only(chosen), INSTRUMENT, specimen, GRID) for chosen in (blurred, ~blurred)]
    np.testing.assert_allclose(sum(parts), pattern(honeycomb, INSTRUMENT, specimen, GRID), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("faults", [0.25, 0.0])
def test_the_fit_finds_the_density_of_faults(honeycomb: Reflections, faults: float) -> None:
    clean = pattern(honeycomb, INSTRUMENT, Specimen(size=60.0, faults=faults), GRID)
    counts = np.random.default_rng(1).poisson(1e4 * clean / clean.max() + 300).astype(float)
    observed = observe(Scan("made up", GRID.two_theta, counts))
    problem = Problem(candidates([honeycomb.phase], INSTRUMENT, GRID.stop), observed)
    _, (specimen,) = instrument_and_specimens(problem.known, fit_given(problem)[1].state)
    assert specimen.faults == pytest.approx(faults, abs=0.05)


@pytest.mark.parametrize("faulted", [1.0, 0.0])
def test_patterns_with_faults_agree_with_the_reference(honeycomb: Reflections, faulted: float) -> None:
    recipe = replace(CLEAN, size=Constant(60.0), faults=Constant(0.25), faulted=faulted)
    drawn, packed = draws(0, 0, 1), pack_apart([honeycomb], recipe.lines)
    content = single_phases(drawn, phases=np.zeros(1, dtype=np.int64))
    (found,) = render(packed, draw_conditions(recipe, drawn, content, packed, GRID), GRID).intensity
    specimen = Specimen(size=60.0, faults=0.25 * faulted)
    expected = pattern(honeycomb, Instrument(recipe.lines, W=0.06**2), specimen, GRID)
    np.testing.assert_allclose(found, expected / expected.max(), atol=2e-3)


def test_the_share_and_the_density_of_faults_follow_the_recipe(honeycomb: Reflections) -> None:
    recipe, drawn = Recipe(), draws(4, 0, 4000)
    packed = pack_apart([honeycomb], recipe.lines)
    content = single_phases(drawn, phases=np.zeros(4000, dtype=np.int64))
    sharp, blurred = draw_conditions(recipe, drawn, content, packed, GRID).size.T
    faults = 1 / blurred - 1 / sharp
    faulted = faults > 1e-9
    assert faulted.mean() == pytest.approx(recipe.faulted, abs=0.03)
    shares = np.array([0.1, 0.5, 0.9])
    assert np.quantile(faults[faulted], shares) == pytest.approx(recipe.faults.quantile(shares), rel=0.1)


def test_faulted_phases_keep_their_labels_in_training(honeycomb: Reflections, titania: Library) -> None:
    """Together with phases without faults. Samples with and without the faults differ only in the pattern."""
    recipe = replace(Recipe(), faulted=1.0, counts=Constant(1e5), background=Constant(0.01))
    library = Library((*titania.phases, honeycomb.phase))
    preparation = Preparation(Grid(10.0, 80.0, 0.1), INSTRUMENT.lines[0].wavelength, "sqrt")
    batches = [
        open_stream(library, replace(recipe, faulted=share), preparation, seed=2, outside=2).batch(0, 40)
        for share in (1.0, 0.0)
    ]
    np.testing.assert_array_equal(batches[0].present, batches[1].present)
    changed = np.abs(batches[0].x - batches[1].x).max(axis=(1, 2)) > 1e-3
    np.testing.assert_array_equal(changed, batches[0].present[:, 5] == 1)


def test_the_matcher_is_trained_with_faulted_phases(honeycomb: Reflections) -> None:
    library = Library((*(replace(random_structure(1000 + i), name=f"other{i}") for i in range(130)), honeycomb.phase))
    lines = lines_of_phases(library)
    recipe = Recipe(phases=Uniform(2.0, 6.0), faults=Constant(0.3), strangers=0.0, counts=Constant(1e5))
    stream = open_matchers_stream(library, lines, np.eye(len(library), dtype=bool), recipe, seed=4)
    scans = [
        replace(stream, mixtures=replace(stream.mixtures, recipe=replace(recipe, faulted=share))).batch(460, 80).x
        for share in (1.0, 0.0)
    ]
    changed = np.abs(scans[0] - scans[1]).max(axis=(1, 2)) > 1e-3
    assert 0 < changed.mean() < 0.1  # it is in about one of forty samples, in two of these; no other phase has faults
