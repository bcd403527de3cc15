"""Wyckoff positions: the coordinates of a letter, in any setting of a space group.

The table `data/wyckoff.txt` has the first position of each letter in the reference setting (International Tables for
Crystallography A: unique axis b, cell choice 1, hexagonal axes, origin 2) and for the first of two origins;
`library/wyckoff.py` of the repository makes it. In other settings the position of a letter is the image of that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.errors import StructureError

_SAME = 1e-3  # of a cell edge; files state thirds with three or four digits
_AXES = "xyz"

Map = tuple[NDArray[np.float64], NDArray[np.float64]]  # a matrix and a shift


def reference_setting(number: int) -> gemmi.SpaceGroup:
    """The setting of a space group that the table uses."""
    return next(g for g in gemmi.spacegroup_table() if g.number == number and g.is_reference_setting())


def letters_of(group: gemmi.SpaceGroup) -> tuple[str, ...]:
    """The Wyckoff letters of a group, from `a` on."""
    return tuple(_table()[str(group.number)])


def wyckoff_position(group: gemmi.SpaceGroup, letter: str, given: Mapping[str, float]) -> tuple[float, float, float]:
    """The first position of a letter, in fractional coordinates.

    Args:
        group: in the intended setting.
        letter: `a`, `b`, ...; the 27th of P m m m is `A`.
        given: the free parameters by axis, `x`, `y`, `z`; those that the letter fixes are not needed and not used.

    Raises:
        StructureError: the group has no such letter, or a free parameter is missing.
    """
    matrix, shift = _position(group.xhm(), letter)
    free = [axis for i, axis in enumerate(_AXES) if np.abs(matrix[:, i]).max() > _SAME]
    missing = [axis for axis in free if axis not in given]
    if missing:
        raise StructureError(f"Wyckoff position {letter} of {group.xhm()} has a free {missing[0]}, which is not stated")
    x, y, z = (matrix @ [given[axis] if axis in free else 0.0 for axis in _AXES] + shift).tolist()
    return x, y, z


def multiplicity(group: gemmi.SpaceGroup, letter: str) -> int:
    """The multiplicity of a letter in the cell.

    Raises:
        StructureError: the group has no such letter.
    """
    general = dict(zip(_AXES, (0.1234, 0.2718, 0.3827), strict=True))
    return images_of(wyckoff_position(group, letter, general), group)


def images_of(position: Sequence[float], group: gemmi.SpaceGroup) -> int:
    """Number of distinct images of a point in the cell."""
    turns, moves = _operations(group.xhm())
    images = turns @ np.array(position) + moves
    apart = images[:, None] - images
    same = np.abs(apart - np.round(apart)).max(axis=2) < _SAME
    return int((same.argmax(axis=1) == np.arange(len(images))).sum())


@lru_cache(maxsize=256)
def _operations(setting: str) -> Map:
    operations = [_map(operation) for operation in gemmi.SpaceGroup(setting).operations()]
    return np.array([turn for turn, _ in operations]), np.array([move for _, move in operations])


def position_map(group: gemmi.SpaceGroup, letter: str, *, reference: bool = False) -> Map:
    """A letter's first position as a matrix and a shift that act on x, y, z.

    Args:
        group: in the intended setting.
        letter: of the position.
        reference: whether to transform it from the reference setting even if the table has this one.

    Raises:
        StructureError: the group has no such letter.
    """
    own = f"{group.number}:{group.ext}"
    held = _table()[str(group.number) if reference or own not in _table() else own]
    if letter not in held:
        raise StructureError(f"{group.xhm()} has no Wyckoff position {letter}, its letters are {' '.join(held)}")
    matrix, shift = _map(gemmi.Op(held[letter]))
    if own in _table() and not reference:
        return matrix, shift
    to, origin = _map(group.basisop)  # coordinates of the reference setting to those of this one
    back = np.linalg.inv(to)
    return to @ matrix @ back, to @ (shift - matrix @ back @ origin) + origin


@lru_cache(maxsize=4096)
def _position(setting: str, letter: str) -> Map:
    return position_map(gemmi.SpaceGroup(setting), letter)


def _map(operation: gemmi.Op) -> Map:
    return np.array(operation.rot) / operation.DEN, np.array(operation.tran) / operation.DEN


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    """By number of the group, `227:1` for the first of two origins, of each letter the position."""
    table = {}
    for line in (files("bragglens") / "data" / "wyckoff.txt").read_text().splitlines():
        setting, *parts = line.split()
        table[setting] = dict(part.split("=") for part in parts)
    return table
