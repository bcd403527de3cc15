"""The symmetry stated in a CIF: a list of operations, a Hall or Hermann-Mauguin symbol, a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

MOST_OPERATIONS = 1536  # those of F m -3 m, 192, in a cell doubled along each axis; beyond that no crystal is described
IDENTITY = "x,y,z"


@dataclass(frozen=True)
class Symmetry:
    """A candidate set of operations: rotations (n, 3, 3), translations (n, 3), and their source.

    Attributes:
        symbol: Hermann-Mauguin symbol, `?` if unknown.
        triplets: the operations.
        origin: the statement of the file that gives them, as text, with the assumed setting.
        doubtful: whether it needs confirmation by the content of the cell.
    """

    symbol: str
    triplets: tuple[str, ...]
    origin: str
    doubtful: bool = False

    @property
    def statement(self) -> str:
        """The statement of the file, without the assumed setting."""
        return self.origin.partition(",")[0]

    @cached_property
    def rotations(self) -> NDArray[np.float64]:
        """Rotation parts, acting on fractional coordinates."""
        return _parts(self.triplets)[0]

    @cached_property
    def translations(self) -> NDArray[np.float64]:
        """Translation parts in fractions of the axes."""
        return _parts(self.triplets)[1]


@lru_cache(maxsize=512)
def _parts(triplets: tuple[str, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    operations = [gemmi.Op(triplet) for triplet in triplets]
    return tuple(np.array([getattr(op, part) for op in operations]) / gemmi.Op.DEN for part in ("rot", "tran"))  # type: ignore[return-value]


def symmetry_candidates(small: gemmi.SmallStructure, notes: list[str]) -> list[Symmetry]:
    """All statements of the file, the most explicit first, with a note on errors in its list of operations."""
    found: list[Symmetry] = []
    read = [_triplet(text) for text in small.symops]
    operations = list(dict.fromkeys(op for op in read if op is not None))
    named = named_groups(small)
    symbol = small.spacegroup_hm or (named[0][0].hm if named else "?")
    if None not in read and (len(operations) > 1 or (operations and not named)):
        group, note = group_operations(tuple(operations))
        notes.extend([note] if note else [])
        if group:
            found.append(Symmetry(symbol, group, "its list of operations"))
    for space_group, origin in named:
        found.append(Symmetry(space_group.hm, _triplets_of(space_group.xhm()), origin))
    if operations == [IDENTITY] and named and named[0][0].number != 1:
        found.append(Symmetry("P 1", (IDENTITY,), "its list of the identity alone", doubtful=True))
    return found


@lru_cache(maxsize=512)
def _triplets_of(symbol: str) -> tuple[str, ...]:
    return tuple(op.triplet() for op in gemmi.SpaceGroup(symbol).operations())


@lru_cache(maxsize=4096)
def _triplet(text: str) -> str | None:
    """The operation as gemmi writes it, None if the text is no crystallographic operation."""
    operation = _silent(gemmi.Op, text)
    if operation is None or abs(operation.det_rot()) != gemmi.Op.DEN**3:
        return None
    return str(operation.wrap().triplet())


@lru_cache(maxsize=512)
def group_operations(triplets: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """The operations of the group that a list generates, with missing ones added, empty if it is no group; a note."""
    if len(triplets) > MOST_OPERATIONS:
        return (), f"the list of {len(triplets)} operations is too long for a space group and is not used"
    stated = [gemmi.Op(t) for t in ([] if IDENTITY in triplets else [IDENTITY]) + list(triplets)]
    group, whole = gemmi.GroupOps(stated), gemmi.GroupOps(stated)
    try:
        whole.add_missing_elements()
    except RuntimeError:
        return (), "the list of operations is not a group and is not used"
    completed = tuple(op.triplet() for op in whole)
    if not _is_closed(whole) or not set(triplets) <= set(completed):
        return (), "the list of operations is not a group and is not used"
    if len(completed) == len(triplets):
        return tuple(op.triplet() for op in group), ""
    note = f"the list of operations is not a group: {len(triplets)} are stated, {len(completed)} were taken"
    return completed, note


def _is_closed(group: gemmi.GroupOps) -> bool:
    """Whether the product of any two operations is in the set; gemmi checks only the rotations."""
    den = gemmi.Op.DEN
    rotations = np.array([op.rot for op in group.sym_ops]) // den
    translations = np.array([op.tran for op in group.sym_ops])
    centring = np.array(group.cen_ops).reshape(-1, 3) % den
    known = np.zeros((den, den, den), dtype=bool)
    known[tuple(centring.T)] = True

    def all_known(shifts: NDArray[np.int64]) -> bool:
        return bool(known[tuple(np.moveaxis(shifts % den, -1, 0))].all())

    products = np.einsum("aij,bjk->abik", rotations, rotations)
    shifts = np.einsum("aij,bj->abi", rotations, translations) + translations[:, None]
    # to which operation each product belongs: rotation parts have elements of -1, 0 and 1
    digits = 3 ** np.arange(9)
    codes = (rotations.reshape(-1, 9) + 1) @ digits
    order = np.argsort(codes)
    wanted = (products.reshape(-1, 9) + 1) @ digits
    found = order[np.minimum(np.searchsorted(codes[order], wanted), len(order) - 1)]
    return (
        bool((codes[found] == wanted).all())
        and all_known(shifts.reshape(-1, 3) - translations[found])
        and all_known(centring[:, None] + centring)
        and all_known(np.einsum("aij,bj->abi", rotations, centring))
    )


def named_groups(small: gemmi.SmallStructure) -> list[tuple[gemmi.SpaceGroup, str]]:
    """Space groups by Hall symbol, Hermann-Mauguin symbol (all possible origins and axes), and number."""
    groups: list[tuple[gemmi.SpaceGroup, str]] = []
    if small.spacegroup_hall:
        ops = _silent(gemmi.symops_from_hall, small.spacegroup_hall)
        group = gemmi.find_spacegroup_by_ops(ops) if ops is not None else None
        if group:
            groups.append((group, "its Hall symbol"))
    symbol = small.spacegroup_hm
    if symbol:
        group = gemmi.find_spacegroup_by_name(symbol, small.cell.alpha, small.cell.gamma)
        if group:
            groups += [(g, f"its symbol, {_setting(g)}") for g in _settings(group)]
    number = small.spacegroup_number
    if not groups and 1 <= number <= 230:
        groups += [(g, f"its number, {_setting(g)}") for g in _settings(gemmi.find_spacegroup_by_number(number))]
    return groups


def contradiction(chosen: Symmetry, small: gemmi.SmallStructure) -> str:
    """How the file's symbol or number differs from the group used, '' if it does not."""
    named = named_groups(small)
    group = _group_of(chosen.triplets)
    number = small.spacegroup_number
    others = {g.number: f"the symbol {g.hm}" for g, origin in named if not origin.startswith("its number")}
    if 1 <= number <= 230:
        others.setdefault(number, f"the number {number}")
    if group is not None:
        wrong = [words for other, words in others.items() if other != group.number]
        found = group.short_name()
    else:  # an unusual origin or setting: the number of operations tells at least
        wrong = [f"the symbol {g.hm}" for g, _ in named[:1] if len(g.operations()) != len(chosen.triplets)]
        found = f"a group of {len(chosen.triplets)} operations"
    return f"{' and '.join(wrong)} and {chosen.statement} do not agree: {found} is used" if wrong else ""


@lru_cache(maxsize=512)
def _group_of(triplets: tuple[str, ...]) -> gemmi.SpaceGroup | None:
    return gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(triplet) for triplet in triplets]))


@lru_cache(maxsize=512)
def _settings_of(symbol: str, number: int) -> tuple[gemmi.SpaceGroup, ...]:
    return tuple(g for g in gemmi.spacegroup_table() if g.hm == symbol and g.number == number)


def _settings(group: gemmi.SpaceGroup) -> list[gemmi.SpaceGroup]:
    """The group and other settings of its symbol: other origin, or rhombohedral axes."""
    return [group, *(g for g in _settings_of(group.hm, group.number) if g.ext != group.ext)]


def _setting(group: gemmi.SpaceGroup) -> str:
    return {"1": "origin 1", "2": "origin 2", "H": "hexagonal axes", "R": "rhombohedral axes"}.get(
        group.ext, "standard setting"
    )


def _silent(function: Callable[[str], Any], text: str) -> Any:
    try:
        return function(text)
    except (ValueError, RuntimeError):
        return None
