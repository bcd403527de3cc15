"""Choices of elements as somebody writes them."""

from __future__ import annotations

import pytest

from bragglens.crystal.choice import element_choice, named_elements


@pytest.mark.parametrize(
    ("written", "named", "left", "gone"),
    [
        (None, set(), {"Fe"}, None),
        ("Ti, O", {"Ti", "O"}, {"Ti", "O"}, {"Ti", "O", "H"}),
        ("ti,-FE", {"Ti"}, {"Ti"}, {"Ti", "Fe"}),
        ("-Fe,-Pb,", set(), {"O"}, {"Pb", "O"}),
    ],
)
def test_only_what_is_not_ruled_out_is_asked_for(
    written: str | None, named: set[str], left: set[str], gone: set[str] | None
) -> None:
    assert named_elements(written) == named
    assert element_choice(written)(left)
    assert gone is None or not element_choice(written)(gone)
