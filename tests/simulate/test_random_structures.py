"""Random structures outside the library: reproducible, all different, and physically possible."""

from __future__ import annotations

import functools

import gemmi
import numpy as np
import pytest

from bragglens.crystal.phase import Phase, Site
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.random_structures import random_structure
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

MANY = 300


@functools.cache
def structures() -> tuple[Phase, ...]:
    return tuple(random_structure(i) for i in range(MANY))


def group_of(phase: Phase) -> gemmi.SpaceGroup:
    return gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(t) for t in phase.operations]))


def images(site: Site, phase: Phase) -> int:
    """Number of atoms of a site in the cell."""
    places = [np.array(gemmi.Op(t).apply_to_xyz(list(site.position))) for t in phase.operations]
    return len({tuple(np.round(1e4 * place).astype(int) % 10000) for place in places})


def test_a_number_always_gives_the_same_structure() -> None:
    """Also after others, and in any order."""
    assert [random_structure(i) for i in (7, 3, 299)] == [structures()[i] for i in (7, 3, 299)]


def test_all_structures_differ() -> None:
    assert len({phase.cell for phase in structures()}) == MANY
    assert len({phase.name for phase in structures()}) == MANY


def test_operations_are_the_whole_group_of_the_symbol() -> None:
    for phase in structures():
        group = group_of(phase)
        assert group.hm == phase.space_group
        assert len(phase.operations) == len(group.operations())


def test_cell_has_the_symmetry_of_the_group() -> None:
    """Every rotation leaves the metric unchanged, for instance γ = 120° of all trigonal and hexagonal structures."""
    for phase in structures():
        axes = np.array(phase.unit_cell.orth.mat.tolist())
        metric = axes.T @ axes
        for rotation in phase.rotations:
            assert rotation.T @ metric @ rotation == pytest.approx(metric, abs=1e-6 * metric.max())


def test_systems_are_those_of_inorganic_crystals() -> None:
    found = {group_of(phase).crystal_system_str() for phase in structures()}
    assert found == {"triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"}


def test_cells_and_densities_are_plausible() -> None:
    """No axis is as short as 2 Å. Lithium has a density of 0.5 g/cm³ and osmium 22.6.

    Lead with 11 Å³ an atom can reach 24, hence the limit of 25. The median must be that of minerals.
    """
    density = np.array([phase.density for phase in structures()])
    assert density.min() > 0.8
    assert density.max() < 25
    assert 3 < np.median(density) < 7
    for phase in structures():
        assert min(phase.cell[:3]) > 2
        assert max(phase.cell[:3]) < 60
        assert all(70 < angle < 125 for angle in phase.cell[3:])


def test_mass_is_that_of_the_atoms() -> None:
    for phase in structures()[:60]:
        weights = [images(site, phase) * gemmi.Element(site.element).weight for site in phase.sites]
        assert phase.cell_mass == pytest.approx(sum(weights))


def test_volume_per_atom() -> None:
    """11 to 20 Å³, as in dense oxides and loose chlorides, with at most 120 atoms in a cell of at least 40 Å³."""
    for phase in structures():
        atoms = sum(images(site, phase) for site in phase.sites)
        assert atoms <= 120
        assert 11 <= phase.volume / atoms <= 20 or phase.volume == pytest.approx(40.0)


def test_patterns_are_finite_and_differ() -> None:
    grid, lines = Grid(10.0, 80.0, 0.05), emission("CuKa")
    crystals = reflections_in_range(structures()[:40], lines, grid)
    assert all(len(crystal) > 3 for crystal in crystals)
    patterns = render_phases(crystals, Instrument(lines), [Specimen(size=50)] * 40, grid)
    assert np.isfinite(patterns).all()
    assert patterns.max(axis=1) == pytest.approx(np.ones(40))
    similarity = np.corrcoef(patterns) - np.eye(40)
    assert similarity.max() < 0.9
