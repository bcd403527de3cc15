"""Symmetrised harmonics: as many as the Laue class has, orthogonal, and the same in equivalent directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import eval_legendre

from bragglens.crystal.harmonics import MOST_TERMS, harmonics, rotations, sphere
from bragglens.crystal.lattice import orthogonalization
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.standards import standard

# Numbers of symmetrised harmonics of orders 2, 4, 6 and 8 (Bunge 1982, Texture Analysis in Materials Science, ch. 4)
CLASSES = {
    "-1": (("x,y,z",), (5.0, 6.0, 7.0, 80.0, 95.0, 105.0), (5, 9, 13, 17)),
    "2/m": (("x,y,z", "-x,y,-z"), (5.0, 6.0, 7.0, 90.0, 95.0, 90.0), (3, 5, 7, 9)),
    "mmm": (("x,y,z", "-x,-y,z", "-x,y,-z", "x,-y,-z"), (5.0, 6.0, 7.0, 90.0, 90.0, 90.0), (2, 3, 4, 5)),
    "4/m": (("x,y,z", "-y,x,z", "-x,-y,z", "y,-x,z"), (5.0, 5.0, 7.0, 90.0, 90.0, 90.0), (1, 3, 3, 5)),
    "-3": (("x,y,z", "-y,x-y,z", "-x+y,-x,z"), (5.0, 5.0, 7.0, 90.0, 90.0, 120.0), (1, 3, 5, 5)),
}


def crystal(operations: tuple[str, ...], cell: tuple[float, ...]) -> Phase:
    return Phase("made up", "Si", "", cell, operations, (Site("Si", "Si", (0.1, 0.2, 0.3), 1.0, 0.006),), 28.0)


@pytest.mark.parametrize("laue", CLASSES)
def test_as_many_as_the_laue_class_has(laue: str) -> None:
    operations, cell, counts = CLASSES[laue]
    orders = harmonics(crystal(operations, cell)).orders
    highest = max(orders)
    assert [orders.count(order) for order in range(2, highest + 1, 2)] == list(counts[: highest // 2])
    assert len(orders) <= MOST_TERMS
    assert highest == 8 or len(orders) + counts[highest // 2] > MOST_TERMS


def test_cubic_crystals_have_one_of_order_four_and_none_of_order_two() -> None:
    assert harmonics(standard("Si")).orders == (4, 6, 8)


def test_orthogonal_with_smoother_ones_larger(titania: Library) -> None:
    directions = sphere(20_000)
    for phase in (*titania, standard("Si"), standard("corundum")):
        found = harmonics(phase)
        values = found.values(directions)
        assert values.mean(axis=0) == pytest.approx(0, abs=2e-3)
        lengths = np.diag([(2 / order) ** 2 for order in found.orders])
        assert values.T @ values / len(directions) == pytest.approx(lengths, abs=3e-3)


def test_the_zonal_one_is_a_legendre_polynomial() -> None:
    """Of a hexagonal or tetragonal crystal the first is √5 P2 of the cosine to c."""
    directions = sphere(50)
    values = harmonics(standard("corundum")).values(directions)[:, 0]
    assert np.abs(values) == pytest.approx(np.abs(np.sqrt(5) * eval_legendre(2, directions[:, 2])), abs=1e-9)


@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda one: sum(x * x for x in one) > 0.01))
def test_equivalent_directions_have_the_same_value(direction: tuple[float, float, float]) -> None:
    phase = standard("corundum")
    turned = np.array(direction) @ rotations(phase.operations, orthogonalization(phase))
    values = harmonics(phase).values(np.concatenate([turned, -turned]))
    assert values == pytest.approx(np.tile(values[0], (len(values), 1)), abs=1e-9)


def test_another_program_spans_the_same_functions(titania: Library) -> None:
    """rietx 1.10 has its own harmonics, frame and order of terms: each of ours is a sum of its functions."""
    from rietx.crystallography.spherical_harmonics import frame_matrix, texture_basis

    directions = sphere(400)
    for phase in (*titania, standard("corundum"), standard("Si")):
        ours = harmonics(phase)
        basis = texture_basis(phase.symbol, max(ours.orders), phase.cell)
        turned = directions @ np.asarray(frame_matrix(basis.rule, phase.cell)).T
        theirs = np.asarray(basis.evaluate(turned))
        assert sorted(ours.orders) == sorted(term.degree for term in basis.terms)
        values = ours.values(directions)
        left = values - theirs @ np.linalg.lstsq(theirs, values, rcond=None)[0]
        assert np.abs(left).max() < 1e-6
