"""Space group symbols in the names of phases."""

from __future__ import annotations

import gemmi
import pytest

from bragglens.crystal.phase import Phase
from bragglens.crystal.symbol import plain_symbol

CELL = (5.0, 6.0, 7.0, 90.0, 90.0, 90.0)


@pytest.mark.parametrize(
    ("stated", "group", "symbol"),
    [
        ("P 21/n 21/m 21/a", "P n m a", "Pnma"),
        ("C 1 2/c 1", "C 1 2/c 1", "C2c"),
        ("P 1 21/n 1", "P 1 21/n 1", "P21n"),
        ("P 63/m m c", "P 63/m m c", "P63mmc"),
        ("R -3 m :H", "R -3 m:H", "R-3m"),
        ("P 4/n 2/n 2/c (origin choice 2)", "P 4/n n c:2", "P4nnc"),
        ("P -1", "P -1", "P-1"),
        ("P 3 2 1", "P 3 2 1", "P321"),
    ],
)
def test_the_symbol_is_the_short_one_for_the_operations(stated: str, group: str, symbol: str) -> None:
    operations = tuple(op.triplet() for op in gemmi.SpaceGroup(group).operations())
    assert plain_symbol(Phase("x", "", stated, CELL, operations, (), 1.0)) == symbol


def test_an_unknown_group_keeps_its_stated_symbol() -> None:
    operations = ("x,y,z", "x+1/3,y,z")
    assert plain_symbol(Phase("x", "", "A b 3/c", CELL, operations, (), 1.0)) == "Ab3c"
