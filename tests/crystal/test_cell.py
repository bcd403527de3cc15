"""The cell of a fit: crystal system and free lattice parameters."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import pytest

from bragglens.crystal.cell import Cell, crystal_system
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase

SYMBOLS = {
    "P -1": "triclinic",
    "C 1 2/c 1": "monoclinic",
    "P 1 1 21/b": "monoclinic",
    "P n m a": "orthorhombic",
    "P 41 21 2": "tetragonal",
    "I -4": "tetragonal",
    "R -3 c:H": "trigonal",
    "R -3 c:R": "trigonal",
    "P 3 2 1": "trigonal",
    "P -6 m 2": "hexagonal",
    "P 63/m": "hexagonal",
    "P 2 3": "cubic",
    "F d -3 m:1": "cubic",
}


@pytest.fixture
def rutile(titania: Library) -> Phase:
    return titania["rutile"]


@pytest.mark.parametrize(("symbol", "system"), SYMBOLS.items())
def test_the_crystal_system_follows_from_the_operations(rutile: Phase, symbol: str, system: str) -> None:
    operations = tuple(op.triplet() for op in gemmi.SpaceGroup(symbol).operations())
    assert crystal_system(replace(rutile, operations=operations, space_group="")) == system


def test_another_unique_axis_gives_the_same_system(rutile: Phase) -> None:
    """A tetragonal structure with a as its fourfold axis."""
    turn = gemmi.Op("z,x,y")
    turned = (turn * op * turn.inverse() for op in gemmi.SpaceGroup("P 42/m n m").operations())
    triplets = tuple(op.wrap().triplet() for op in turned)
    cell = Cell.of(replace(rutile, operations=triplets), (2.96, 4.59, 4.59, 90.0, 90.0, 90.0))
    assert cell.system == "tetragonal"
    assert cell.free == {"a": 2.96, "b": 4.59, "c": 4.59}


def test_it_is_a_sequence_of_six_numbers(rutile: Phase) -> None:
    cell = Cell.of(rutile, (4.6, 4.6, 2.96, 90.0, 90.0, 90.0))
    assert list(cell) == [4.6, 4.6, 2.96, 90.0, 90.0, 90.0]
    assert cell[:3] == (4.6, 4.6, 2.96)
    assert cell.free == {"a": 4.6, "c": 2.96}
