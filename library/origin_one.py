"""Wyckoff positions of the 24 space groups with two origins, for origin choice 1.

The orbits are those of origin choice 2, shifted. Their letters are taken from spglib, because a shift of the origin may
exchange letters. Of the positions of an orbit the one with x, y, z as free coordinates and the smallest fixed
coordinates is used, as in International Tables for Crystallography A.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import gemmi
import numpy as np
import spglib
from numpy.typing import NDArray

from bragglens.crystal.wyckoff import letters_of, position_map, reference_setting

AXES = np.diag([9.1, 10.3, 11.7])  # Å, for spglib; axes that are equal by symmetry are made equal
SAME = 1e-4  # in units of an axis


def first_origins() -> list[str]:
    """A line of the table for each of these groups: `227:1 a=0,0,0 b=...`."""
    groups = {g.number: g for g in reversed(list(gemmi.spacegroup_table())) if g.ext == "1"}
    return [_line(groups[number]) for number in sorted(groups) if reference_setting(number).ext == "2"]


def _line(group: gemmi.SpaceGroup) -> str:
    found = {}
    for letter in letters_of(group):
        matrix, shift = position_map(group, letter, reference=True)
        found[_letter_here(group, matrix, shift)] = _written(matrix, _smallest(group, matrix, shift))
    if set(found) != set(letters_of(group)):
        raise SystemExit(f"{group.xhm()}: spglib has other letters than the table")
    return f"{group.number}:1 " + " ".join(f"{letter}={found[letter]}" for letter in sorted(found))


def _operations(group: gemmi.SpaceGroup) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    return [(np.array(op.rot) / op.DEN, np.array(op.tran) / op.DEN) for op in group.operations()]


def _letter_here(group: gemmi.SpaceGroup, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> str:
    """The letter of a position, from a crystal with two more atoms in general positions."""
    random = np.random.default_rng(3)
    points, kinds = [], []
    for kind, point in enumerate((matrix @ random.random(3) + shift, random.random(3), random.random(3))):
        orbit: list[NDArray[np.float64]] = []
        for turn, move in _operations(group):
            image = (turn @ point + move) % 1
            if not any(np.abs((image - one + 0.5) % 1 - 0.5).max() < SAME for one in orbit):
                orbit.append(image)
        points += orbit
        kinds += [kind + 1] * len(orbit)
    axes = AXES.copy()
    if group.number >= 75:
        axes[1, 1] = axes[0, 0]
    if group.number >= 195:
        axes[2, 2] = axes[0, 0]
    crystal = (axes, np.array(points), kinds)
    found = spglib.get_symmetry_dataset(crystal, symprec=SAME, hall_number=_hall_number(group.number))
    moved = np.abs((found.origin_shift + 0.5) % 1 - 0.5).max() > SAME
    if moved or np.abs(found.transformation_matrix - np.eye(3)).max() > SAME:
        raise SystemExit(f"{group.xhm()}: spglib takes another origin")
    return str(found.wyckoffs[0])


@lru_cache(maxsize=256)
def _hall_number(number: int) -> int:
    """Hall number in spglib of origin choice 1."""
    kinds = ((hall, spglib.get_spacegroup_type(hall)) for hall in range(1, 531))
    return next(hall for hall, kind in kinds if kind.number == number and kind.choice.startswith("1"))


def _smallest(group: gemmi.SpaceGroup, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> list[float]:
    """The fixed coordinates of the listed position."""
    free = [axis for axis in range(3) if np.abs(matrix[:, axis]).max() > SAME]
    found = []
    for turn, move in _operations(group):
        image, fixed = turn @ matrix, turn @ shift + move
        if free:
            inner = image[np.ix_(free, free)]
            if abs(np.linalg.det(inner)) < SAME:
                continue
            image[:, free] = image[:, free] @ np.linalg.inv(inner)
            fixed = fixed - image[:, free] @ fixed[free]
        if np.abs(image - matrix).max() < SAME:
            fixed = np.round((fixed + 1e-9) % 1, 6)
            fixed[free] = 0
            found.append(fixed.tolist())
    return min(found)


def _written(matrix: NDArray[np.float64], fixed: list[float]) -> str:
    parts = []
    for row, constant in zip(matrix, fixed, strict=True):
        text = "".join(
            ("+" if factor > 0 else "-") + ("" if abs(abs(factor) - 1) < SAME else f"{abs(factor):g}*") + axis
            for factor, axis in zip(row, "xyz", strict=True)
            if abs(factor) > SAME
        )
        number = Fraction(constant).limit_denominator(24)
        parts.append((text + (f"+{number}" if number and text else "") or str(number)).removeprefix("+"))
    return ",".join(parts)
