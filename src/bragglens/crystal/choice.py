"""Which phases a choice of elements leaves."""

from __future__ import annotations

from collections.abc import Callable, Set

import gemmi

from bragglens.errors import BragglensError

Choice = Callable[[Set[str]], bool]


def element_choice(elements: str | None) -> Choice:
    """A test of the elements of a phase.

    Args:
        elements: symbols between commas: `Ti,O` leaves phases of titanium and oxygen alone, `-Fe,-Pb` those without
            iron and lead; None leaves all.

    Raises:
        BragglensError: a symbol is no element.
    """
    symbols = _symbols(elements)
    element = {s: gemmi.Element(s.removeprefix("-")) for s in symbols}
    wrong = [s for s in symbols if element[s].atomic_number == 0]
    if wrong:
        raise BragglensError(f"elements '{elements}': {wrong[0]} is no element: give symbols such as Ti,O or -Fe")
    only = named_elements(elements)
    never = {element[s].name for s in symbols if s.startswith("-")}
    return lambda has: not has & never and (not only or has <= only)


def named_elements(elements: str | None) -> frozenset[str]:
    """The elements that a choice asks for, `-Fe` not among them."""
    return frozenset(gemmi.Element(symbol).name for symbol in _symbols(elements) if not symbol.startswith("-"))


def _symbols(elements: str | None) -> list[str]:
    return [part.strip() for part in (elements or "").split(",") if part.strip()]
