"""Schemas: values that pass, and the field that is named if a value does not."""

from __future__ import annotations

from typing import Any

import pytest

from bragglens.schema import (
    MisfitError,
    either,
    fit,
    listing,
    maybe,
    number,
    printable,
    record,
    row,
    table,
    text,
    whole,
)

POINT = record(
    {
        "x": number(0, 1),
        "count": whole(0, 5),
        "label": maybe(text(longest=5)),
        "pairs": listing(row(text(), number(0, 9)), least=1),
        "more": table(either(text(), number(0, 1))),
    },
    optional=("more",),
)
GOOD: dict[str, Any] = {"x": 1, "count": 5, "label": None, "pairs": [["a", 0.5], ("b", 1)], "more": {"y": "z", "w": 0}}


def test_valid_values_pass() -> None:
    fit("point", GOOD, POINT)
    fit("point", {name: GOOD[name] for name in ("x", "count", "label", "pairs")}, POINT)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": float("nan")}, "point.x is NaN: a number from 0 to 1 is expected"),
        ({"x": float("inf")}, "point.x is Infinity"),
        ({"x": True}, "point.x is true"),
        ({"x": 10**400}, "point.x is 1000"),
        ({"count": 1.0}, "point.count is 1.0: a whole number"),
        ({"label": "too long"}, 'point.label is "too long": a text of 0 to 5 characters'),
        ({"label": "\x1b[1m"}, r'point.label is "\\u001b\[1m"'),
        ({"label": "\udc80"}, "point.label"),
        ({"pairs": []}, r"point.pairs is \[\]: a list of 1 to"),
        ({"pairs": [["a", 1], ["b"]]}, r'point.pairs\[1\] is \["b"\]: a list of 2 entries'),
        ({"pairs": [["a", 1], ["b", -1]]}, r"point.pairs\[1\]\[1\] is -1"),
        ({"more": {"y": []}}, r"point.more.y is \[\]: a number"),
        ({"z": 1}, 'point is "z": one of the fields x, count'),
    ],
)
def test_the_field_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(MisfitError, match=f"^{says}"):
        fit("point", GOOD | change, POINT)


def test_a_field_that_is_missing() -> None:
    with pytest.raises(MisfitError, match=r"^point\.x is missing$"):
        fit("point", {name: value for name, value in GOOD.items() if name != "x"}, POINT)
    with pytest.raises(MisfitError, match=r"^point is null: a record of x, count"):
        fit("point", None, POINT)


def test_printable() -> None:
    given = {"a": ["x\x1b[1m\n", "naïve\u00a0x", "a\u202eb", 1, None]}
    assert printable(given) == {"a": ["x\ufffd[1m\ufffd", "naïve\u00a0x", "a\ufffdb", 1, None]}
