"""Random edits of valid JSON that keep it valid, from a seed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 10**9, -(10**9), 10**300, 0.5, -0.5, 1e-300, 1e300, float("nan"), float("inf"),
    "", "x", "NaN", "\x1b[31mred", "../../../escaped", "<script>alert(1)</script>", "Og", "x" * 20_000,
    [], {}, [[]], [None], [1, 2, 3], {"a": 1}, ["x,y,z"] * 3,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each value inside, the outermost first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def edited(value: Any, random: np.random.Generator) -> Any:
    """A copy with one value replaced, removed, repeated or renamed."""
    value = copy.deepcopy(value)
    depth = random.integers(1, 7)  # every level equally often, although the inner ones have far more values
    *way, key = next(p for p in random.permutation(np.array([*places(value)[1:], ()], object)) if 0 < len(p) <= depth)
    holder = value
    for step in way:
        holder = holder[step]
    kind = random.integers(0, 8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind == 1:
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder[key] = ODD[random.integers(len(ODD))]
    return value
