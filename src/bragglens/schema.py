"""Schema: checks of values read from JSON; if a value is wrong, its field is named.

A schema consists of small checks, functions that raise on a wrong value:

    POINT = record({"x": number(0, 1), "label": text(), "tags": listing(text())})
    fit("point", {"x": 2, "label": "a", "tags": []}, POINT)
    # MisfitError: point.x is 2: a number from 0 to 1 is expected

These checks are our own. A refusal shows the field and its value, a text must be printable, and some values must be
names from the same file. msgspec and pydantic would need as many lines for that.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

Check = Callable[[Any], None]

_LONGEST = 10_000  # characters of a text; the formula of a large cell has hundreds
_SHOWN = 60  # characters of a value in a sentence
_MOST = 1_000_000  # entries of a list
# characters that reverse the order of text, so that a name looks like another (Unicode Technical Report 36, 2.5)
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


class MisfitError(ValueError):
    """A value does not match its schema.

    Attributes:
        said: what is wrong with it.
        field: its path from the start of the check.
    """

    def __init__(self, said: str, field: str = "") -> None:
        super().__init__(f"{field} {said}".strip())
        self.said, self.field = said, field

    def within(self, outer: str) -> MisfitError:
        """The same, with its path from the field that contains this one."""
        return MisfitError(self.said, outer + self.field)


def fit(name: str, value: Any, check: Check) -> None:
    """Check a value.

    Raises:
        MisfitError: it does not match; the message begins with the name and the path inside.
    """
    try:
        check(value)
    except MisfitError as error:
        raise error.within(name) from None


def refuse(value: Any, expected: str) -> NoReturn:
    """Raise an error with a value and what it should be.

    Raises:
        MisfitError: always.
    """
    shown = json.dumps(value, default=repr)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} ..."
    raise MisfitError(f"is {shown}: {expected} is expected")


def anything(value: Any) -> None:
    """Any value; it is checked elsewhere."""


def number(least: float, most: float) -> Check:
    """A number in a range, both ends included; neither NaN nor true."""

    def check(value: Any) -> None:
        if not ((isinstance(value, float) or type(value) is int) and least <= value <= most):
            refuse(value, f"a number from {least:g} to {most:g}")

    return check


def whole(least: int, most: int) -> Check:
    """A whole number in a range, both ends included."""

    def check(value: Any) -> None:
        if not (type(value) is int and least <= value <= most):
            refuse(value, f"a whole number from {least} to {most}")

    return check


def text(*, least: int = 0, longest: int = _LONGEST) -> Check:
    """A printable text: without control characters, which a terminal would execute."""

    def check(value: Any) -> None:
        if not (isinstance(value, str) and least <= len(value) <= longest and printable(value) == value):
            refuse(value, f"a text of {least} to {longest} characters that can be printed")

    return check


def printable(value: Any) -> Any:
    """A text, or all texts of lists and records, with control characters replaced."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_shown, value))
    if isinstance(value, list | tuple):
        return [printable(entry) for entry in value]
    return {name: printable(entry) for name, entry in value.items()} if isinstance(value, dict) else value


def _shown(letter: str) -> str:
    turns = unicodedata.bidirectional(letter) in _TURNS
    return "\ufffd" if turns or unicodedata.category(letter) in ("Cc", "Cs") else letter


def one_of(choices: Collection[str], expected: str) -> Check:
    """One of some texts."""

    def check(value: Any) -> None:
        if not (isinstance(value, str) and value in choices):
            refuse(value, expected)

    return check


def maybe(inner: Check) -> Check:
    """Null, or a value that passes another check."""

    def check(value: Any) -> None:
        if value is not None:
            inner(value)

    return check


def listing(inner: Check, *, least: int = 0, most: int = _MOST) -> Check:
    """A list whose entries pass the same check."""

    def check(value: Any) -> None:
        if not (isinstance(value, list | tuple) and least <= len(value) <= most):
            refuse(value, f"a list of {least} to {most} entries")
        for place, entry in enumerate(value):
            try:
                inner(entry)
            except MisfitError as error:
                raise error.within(f"[{place}]") from None

    return check


def row(*inner: Check) -> Check:
    """A list of fixed length with a check for each entry."""

    def check(value: Any) -> None:
        if not (isinstance(value, list | tuple) and len(value) == len(inner)):
            refuse(value, f"a list of {len(inner)} entries")
        for place, one in enumerate(inner):
            try:
                one(value[place])
            except MisfitError as error:
                raise error.within(f"[{place}]") from None

    return check


def record(fields: Mapping[str, Check], *, optional: Collection[str] = ()) -> Check:
    """Exactly these named fields; `optional` ones may be left out."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            refuse(value, f"a record of {', '.join(fields)}")
        if missing := [name for name in fields if name not in value and name not in optional]:
            raise MisfitError("is missing", f".{missing[0]}")
        for name, entry in value.items():
            if name not in fields:
                refuse(name, f"one of the fields {', '.join(fields)}")
            try:
                fields[name](entry)
            except MisfitError as error:
                raise error.within(f".{name}") from None

    return check


def table(inner: Check, *, most: int = 1000) -> Check:
    """Entries under free names."""
    named = text(longest=200)

    def check(value: Any) -> None:
        if not (isinstance(value, dict) and len(value) <= most):
            refuse(value, f"a table of up to {most} entries")
        for name, entry in value.items():
            fit("a name", name, named)
            fit(f".{name}", entry, inner)

    return check


def either(one: Check, other: Check) -> Check:
    """A value that passes one of two checks; the message is that of the second."""

    def check(value: Any) -> None:
        try:
            one(value)
        except MisfitError:
            other(value)

    return check
