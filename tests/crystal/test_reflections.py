"""Reflections against gemmi and against direct enumeration, and lattice strains that keep the crystal system."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bragglens.crystal.lattice import cell_parameters, orthogonalization, strain_basis, strained_axes
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.reflections import Reflections, reflections
from bragglens.simulate import reference

CELLS = {  # one for each crystal system, without accidental equality
    "triclinic": (5.1, 6.3, 7.2, 81.0, 97.0, 104.0),
    "monoclinic": (5.1, 6.3, 7.2, 90.0, 104.0, 90.0),
    "orthorhombic": (5.1, 6.3, 7.2, 90.0, 90.0, 90.0),
    "tetragonal": (5.1, 5.1, 7.2, 90.0, 90.0, 90.0),
    "trigonal": (5.1, 5.1, 7.2, 90.0, 90.0, 120.0),
    "hexagonal": (5.1, 5.1, 7.2, 90.0, 90.0, 120.0),
    "cubic": (5.1, 5.1, 5.1, 90.0, 90.0, 90.0),
    "rhombohedral": (5.1, 5.1, 5.1, 72.0, 72.0, 72.0),
    "monoclinic a": (5.1, 6.3, 7.2, 104.0, 90.0, 90.0),
    "monoclinic c": (5.1, 6.3, 7.2, 90.0, 90.0, 104.0),
}
GENERAL = Site("Fe1", "Fe", (0.1234, 0.2917, 0.4133), 1.0, 0.005)
GROUPS = [
    "P 1",
    "P -1",
    "C -1",
    "P 1 21/c 1",
    "C 1 2/c 1",
    "I 1 2/a 1",
    "C 1 c 1",
    "P n m a",
    "C m c m",
    "F d d d:2",
    "P 4",
    "P 42/m n m",
    "I 41/a m d:1",
    "I 41/a m d:2",
    "I 41/a:2",
    "P 32 2 1",
    "P 3 1 m",
    "R -3 m:H",
    "R -3 m:R",
    "R 3 c:R",
    "P 63/m",
    "P 63/m m c",
    "P 62 2 2",
    "P 21 3",
    "P a -3",
    "I a -3 d",
    "I m -3 m",
    "F m -3 m",
    "F -4 3 m",
    "F d -3 m:1",
    "F d -3 m:2",
]


def system_of(group: gemmi.SpaceGroup) -> str:
    return "rhombohedral" if group.ext == "R" else group.crystal_system_str()


def crystal(
    group: gemmi.SpaceGroup | str, *, cell: tuple[float, ...] | None = None, sites: tuple[Site, ...] = ()
) -> Phase:
    """A phase of this group. By default its only atom is on the general position: extinctions are then the group's."""
    group = gemmi.SpaceGroup(group) if isinstance(group, str) else group
    return Phase(
        name=group.xhm(),
        formula="",
        space_group=group.xhm(),
        cell=cell or CELLS[system_of(group)],
        operations=tuple(op.triplet() for op in group.operations()),
        sites=sites or (GENERAL,),
        cell_mass=100.0,
    )


def every_hkl(phase: Phase, d_min: float) -> list[tuple[int, int, int]]:
    """All hkl in the sphere, from gemmi's d and many more indices than needed."""
    cell = phase.unit_cell
    reach = [range(-n, n + 1) for n in (int(1.6 * length / d_min) + 1 for length in phase.cell[:3])]
    return [hkl for hkl in itertools.product(*reach) if any(hkl) and cell.calculate_d(hkl) >= d_min]


# --- which reflections, and how many ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", GROUPS)
def test_reflections_and_multiplicities_agree_with_gemmi(name: str) -> None:
    """gemmi finds extinctions from the operations alone, and multiplicities from the order of the point group."""
    group = gemmi.SpaceGroup(name)
    phase = crystal(group)
    found = reflections(phase, 1.3)
    operations, asu = group.operations(), gemmi.ReciprocalAsu(group)
    ours = {
        tuple(asu.to_asu(hkl, operations)[0]): int(m)
        for hkl, m in zip(found.hkl.tolist(), found.multiplicity, strict=True)
    }
    theirs = {}
    for hkl in gemmi.make_miller_array(phase.unit_cell, group, 1.3).tolist():
        if not operations.is_systematically_absent(hkl):
            order = len(operations.sym_ops) // operations.epsilon_factor_without_centering(hkl)
            theirs[tuple(hkl)] = order * (1 if operations.is_reflection_centric(hkl) else 2)
    assert len(ours) == len(found)
    assert ours == theirs


@settings(max_examples=40)
@given(name=st.sampled_from(GROUPS), d_min=st.floats(1.3, 4.0))
def test_multiplicities_sum_to_all_reflections_that_are_not_extinct(name: str, d_min: float) -> None:
    phase = crystal(name)
    operations = gemmi.SpaceGroup(name).operations()
    brute = [hkl for hkl in every_hkl(phase, d_min) if not operations.is_systematically_absent(hkl)]
    assert reflections(phase, d_min).multiplicity.sum() == len(brute)


def test_special_position_adds_extinctions() -> None:
    """Diamond: 222 is allowed by F d -3 m, but extinct for an atom on 8a, with h + k + l = 4n + 2."""
    carbon = Site("C1", "C", (0.125, 0.125, 0.125), 1.0, 0.005)
    found = reflections(crystal("F d -3 m:2", cell=(3.567,) * 3 + (90.0,) * 3, sites=(carbon,)), 0.8)
    families = [tuple(sorted(np.abs(hkl).tolist())) for hkl in found.hkl]
    assert families == [(1, 1, 1), (0, 2, 2), (1, 1, 3), (0, 0, 4), (1, 3, 3)]
    assert found.multiplicity.tolist() == [8, 12, 24, 6, 24]


def test_equivalents_follow_the_laue_class_and_not_the_lattice() -> None:
    """In 4/m hkl and khl are two reflections, in 4/mmm one. The same holds for m-3 and m-3m."""
    for low, high in (("P 4", "P 4/m m m"), ("P m -3", "P m -3 m"), ("P -3", "P 3 1 m")):
        less, more = (reflections(crystal(name), 1.3).multiplicity for name in (low, high))
        assert less.sum() == more.sum()
        assert len(less) > len(more)
        assert less.max() * 2 == more.max()


@pytest.mark.parametrize("name", GROUPS)
def test_equivalents_are_the_reflection_and_its_images(name: str) -> None:
    found = reflections(crystal(name), 1.6)
    cell = crystal(name).unit_cell
    assert (np.diff(found.d) <= 0).all()
    assert (np.diff(found.first_equivalent) * 2 == found.multiplicity).all()
    for i, (hkl, d) in enumerate(zip(found.hkl.tolist(), found.d, strict=True)):
        family = found.equivalents[found.first_equivalent[i] : found.first_equivalent[i + 1]].tolist()
        assert hkl in family or [-n for n in hkl] in family
        assert len({tuple(h) for h in family} | {tuple(-n for n in h) for h in family}) == 2 * len(family)
        assert [cell.calculate_d(h) for h in family] == pytest.approx([d] * len(family))


# --- structure factors ------------------------------------------------------------------------------------------

SITES = (
    GENERAL,
    Site("O1", "O", (0.25, 0.4, 0.1), 0.7, 0.01),
    Site("O2", "O", (0.0, 0.0, 0.0), 1.0, 0.02),
    Site("Si1", "Si", (0.31, 0.05, 0.22), 1.0, 0.004, (0.004, 0.006, 0.009, 0.001, -0.001, 0.002)),
)


def squared(found: Reflections) -> np.ndarray:
    return reference.structure_factor_squared(found, found.d, 1.5405929)


def powder_sums(phase: Phase, d_min: float) -> tuple[np.ndarray, np.ndarray]:
    """The d values of a powder, and the sum of m |F|² at each."""
    found = reflections(phase, d_min)
    d, index = np.unique(np.round(found.d, 7), return_inverse=True)
    return d, np.bincount(index, found.multiplicity * squared(found))


def expanded(phase: Phase) -> Phase:
    """The same crystal in P 1, with all atoms generated by gemmi."""
    sites = []
    for site in phase.sites:
        seen: set[tuple[int, ...]] = set()
        for triplet in phase.operations:
            op = gemmi.Op(triplet)
            position = np.array(op.apply_to_xyz(list(site.position)))
            key = tuple(np.round(1e5 * position).astype(int) % 100000)
            if key in seen:
                continue
            seen.add(key)
            u_aniso = None
            if site.u_aniso is not None:
                cell = phase.unit_cell
                lengths = np.diag(cell.reciprocal().parameters[:3])
                u = np.array(gemmi.SMat33d(*site.u_aniso).as_mat33().tolist())
                rotation = np.array(op.rot) / gemmi.Op.DEN
                inverse = np.linalg.inv(lengths)
                turned = inverse @ rotation @ lengths @ u @ lengths @ rotation.T @ inverse
                u_aniso = tuple(turned[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
            sites.append(dataclasses.replace(site, position=tuple(position.tolist()), u_aniso=u_aniso))
    return dataclasses.replace(phase, operations=("x,y,z",), sites=tuple(sites))


@pytest.mark.parametrize("name", ["P -1", "C 1 2/c 1", "P n m a", "I 41/a m d:2", "R -3 m:H", "P 63/m m c", "P a -3"])
def test_powder_pattern_is_the_same_in_p1(name: str) -> None:
    """Tests multiplicities, site multiplicities, centring and rotated ellipsoids together: P 1 uses none of them."""
    phase = crystal(name, sites=SITES)
    d, strength = powder_sums(phase, 1.5)
    d_p1, strength_p1 = powder_sums(expanded(phase), 1.5)
    strong = strength_p1 > 1e-6 * strength_p1.max()
    assert d == pytest.approx(d_p1[strong], abs=1e-6)
    assert strength == pytest.approx(strength_p1[strong], rel=1e-6)


@pytest.mark.parametrize("name", ["P 1 21/c 1", "P 32 2 1", "F -4 3 m", "R 3 c:R"])
def test_all_equivalents_have_the_same_structure_factor(name: str) -> None:
    """|F| at each equivalent, from a crystal in P 1 without equivalents."""
    phase = crystal(name, sites=SITES)
    found = reflections(phase, 1.8)
    plain = reflections(expanded(phase), 1.8)
    strength = {tuple(h): s for h, s in zip(plain.hkl.tolist(), squared(plain), strict=True)}
    strength |= {tuple(-n for n in h): s for h, s in list(strength.items())}
    for i, value in enumerate(squared(found)):
        family = found.equivalents[found.first_equivalent[i] : found.first_equivalent[i + 1]].tolist()
        assert [strength[tuple(h)] for h in family] == pytest.approx([value] * len(family), rel=1e-6)


@pytest.mark.parametrize("name", ["C 1 2/c 1", "P 32 2 1", "R -3 m:R", "F d -3 m:2"])
def test_any_image_of_an_atom_gives_the_same_structure(name: str) -> None:
    """Also an image in another cell. The phase of G then differs, its modulus does not."""
    phase = crystal(name, sites=(GENERAL, Site("O", "O", (0.25, 0.4, 0.1), 1.0, 0.01)))
    op = gemmi.Op(phase.operations[-1])
    moved = tuple(a + b for a, b in zip(op.apply_to_xyz(list(GENERAL.position)), (3, -2, 1), strict=True))
    other = dataclasses.replace(phase, sites=(dataclasses.replace(GENERAL, position=moved), phase.sites[1]))
    assert squared(reflections(other, 1.5)) == pytest.approx(squared(reflections(phase, 1.5)), rel=1e-8)


@pytest.mark.parametrize("name", ["C 1 2/c 1", "I 41/a m d:2", "R -3 m:H"])
def test_geometry_does_not_change_with_the_lattice(name: str) -> None:
    """Strained at constant fractional coordinates: structure factors depend only on the new d, as for a new crystal."""
    phase = crystal(name, sites=tuple(dataclasses.replace(s, u_iso=0.0, u_aniso=None) for s in SITES))
    found = reflections(phase, 1.2)
    coefficients = np.linspace(0.02, -0.01, len(found.strain_basis))
    cell = tuple(cell_parameters(strained_axes(found.axes, found.strain_basis, coefficients)).tolist())
    anew = reflections(dataclasses.replace(phase, cell=cell), 1.2)
    fresh = {tuple(h): (d, s) for h, d, s in zip(anew.hkl.tolist(), anew.d, squared(anew), strict=True)}
    d = 1 / np.linalg.norm(
        found.hkl @ np.linalg.inv(strained_axes(found.axes, found.strain_basis, coefficients)), axis=1
    )
    kept = [i for i, h in enumerate(found.hkl.tolist()) if tuple(h) in fresh]
    assert len(kept) > 0.9 * len(anew)
    strained = reference.structure_factor_squared(found, d, 1.5405929)
    assert d[kept] == pytest.approx([fresh[tuple(found.hkl[i].tolist())][0] for i in kept], rel=1e-9)
    assert strained[kept] == pytest.approx([fresh[tuple(found.hkl[i].tolist())][1] for i in kept], rel=1e-7)


def test_range_of_extinct_reflections_only_is_empty() -> None:
    """d of 100 and 110 is above 3 Å. Their rounding errors were once taken for the strongest lines."""
    found = reflections(crystal("F m -3 m"), 3.0)
    assert len(found) == 0
    assert found.first_equivalent.tolist() == [0]


# --- strain -----------------------------------------------------------------------------------------------------

Rule = Callable[[float, float, float, float, float, float], list[tuple[float, float]]]
# group -> number of allowed strains, and the pairs of cell parameters that must stay equal
SYSTEMS: dict[str, tuple[int, Rule]] = {
    "P -1": (6, lambda a, b, c, al, be, ga: []),
    "P 1 2/m 1": (4, lambda a, b, c, al, be, ga: [(al, 90), (ga, 90)]),
    "C 1 2/m 1": (4, lambda a, b, c, al, be, ga: [(al, 90), (ga, 90)]),
    "P 2/m 1 1": (4, lambda a, b, c, al, be, ga: [(be, 90), (ga, 90)]),
    "P 1 1 2/m": (4, lambda a, b, c, al, be, ga: [(al, 90), (be, 90)]),
    "P m m m": (3, lambda a, b, c, al, be, ga: [(al, 90), (be, 90), (ga, 90)]),
    "F d d 2": (3, lambda a, b, c, al, be, ga: [(al, 90), (be, 90), (ga, 90)]),
    "P 4": (2, lambda a, b, c, al, be, ga: [(a, b), (al, 90), (be, 90), (ga, 90)]),
    "I 41/a m d:2": (2, lambda a, b, c, al, be, ga: [(a, b), (al, 90), (be, 90), (ga, 90)]),
    "P 3": (2, lambda a, b, c, al, be, ga: [(a, b), (al, 90), (be, 90), (ga, 120)]),
    "R -3 m:H": (2, lambda a, b, c, al, be, ga: [(a, b), (al, 90), (be, 90), (ga, 120)]),
    "R -3 m:R": (2, lambda a, b, c, al, be, ga: [(a, b), (b, c), (al, be), (be, ga)]),
    "P 6/m m m": (2, lambda a, b, c, al, be, ga: [(a, b), (al, 90), (be, 90), (ga, 120)]),
    "P 21 3": (1, lambda a, b, c, al, be, ga: [(a, b), (b, c), (al, 90), (be, 90), (ga, 90)]),
    "F m -3 m": (1, lambda a, b, c, al, be, ga: [(a, b), (b, c), (al, 90), (be, 90), (ga, 90)]),
}


def system_cell(name: str) -> tuple[float, ...]:
    unique = {"P 2/m 1 1": "monoclinic a", "P 1 1 2/m": "monoclinic c"}
    return CELLS[unique.get(name) or system_of(gemmi.SpaceGroup(name))]


@pytest.mark.parametrize("name", SYSTEMS)
def test_number_of_strains_is_that_of_the_crystal_system(name: str) -> None:
    """75 (P 4) was once treated as orthorhombic, with three."""
    basis = strain_basis(crystal(name, cell=system_cell(name)))
    assert len(basis) == SYSTEMS[name][0]
    assert np.abs(basis).max(axis=(1, 2)) == pytest.approx(1.0)
    assert basis == pytest.approx(np.swapaxes(basis, 1, 2))


@settings(max_examples=100)
@given(name=st.sampled_from(sorted(SYSTEMS)), drawn=st.lists(st.floats(-0.05, 0.05), min_size=6, max_size=6))
def test_strained_cell_keeps_its_system(name: str, drawn: list[float]) -> None:
    """A shear of the wrong angle once made bronze titania triclinic, with α from 85.5 to 94.7°."""
    phase = crystal(name, cell=system_cell(name))
    basis = strain_basis(phase)
    axes = strained_axes(orthogonalization(phase), basis, np.array(drawn[: len(basis)]))
    for left, right in SYSTEMS[name][1](*cell_parameters(axes)):
        assert left == pytest.approx(right, abs=1e-9)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_free_cell_parameter_is_used(name: str) -> None:
    """Each allowed strain changes a cell parameter, and all strains are independent."""
    phase = crystal(name, cell=system_cell(name))
    axes, basis = orthogonalization(phase), strain_basis(phase)
    before = cell_parameters(axes)
    moves = [cell_parameters(strained_axes(axes, basis, 1e-4 * row)) - before for row in np.eye(len(basis))]
    assert np.linalg.matrix_rank(np.array(moves), tol=1e-7) == len(basis)


@pytest.mark.parametrize("name", SYSTEMS)
def test_dilation_is_in_the_span_of_the_strains(name: str) -> None:
    basis = strain_basis(crystal(name, cell=system_cell(name))).reshape(-1, 9)
    found, *_ = np.linalg.lstsq(basis.T, np.eye(3).ravel(), rcond=None)
    assert basis.T @ found == pytest.approx(np.eye(3).ravel(), abs=1e-9)


@pytest.mark.parametrize("name", SYSTEMS)
def test_cell_parameters_are_recovered_from_the_axes(name: str) -> None:
    cell = system_cell(name)
    assert cell_parameters(orthogonalization(crystal(name, cell=cell))) == pytest.approx(cell)
