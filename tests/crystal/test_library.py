"""The Python interface of a library."""

from __future__ import annotations

import pytest

from bragglens.crystal.library import Library
from bragglens.errors import StructureError


def test_a_phase_is_found_by_its_name(titania: Library) -> None:
    assert titania["anatase"] is titania.phases[0]
    assert "anatase" in titania
    assert titania.phases[0] in titania
    assert "quartz" not in titania
    with pytest.raises(StructureError, match="no phase 'anatas': ask for one of its 5, such as anatase"):
        titania["anatas"]
