from hashlib import sha256
from importlib.resources import files

import pytest

from bragglens.errors import StructureError
from bragglens.match import builtin as module
from bragglens.match.builtin import SCOPES, builtin, entries
from bragglens.simulate.built import read_built

DATA = files("bragglens") / "data"


def test_the_origin_of_each_phase_is_stated() -> None:
    known = entries()
    assert set(known) == set(builtin().library.names)
    quartz = known["Quartz"]
    assert (quartz.source, quartz.number.isdigit(), "inorganic" in quartz.scopes) == ("AMCSD", True, True)
    assert quartz.papers > 10
    assert all(entry.reference and entry.formula and entry.space_group for entry in known.values())
    assert all(entry.papers >= 1 and "all" in entry.scopes for entry in known.values())


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_holds_its_phases_and_the_standards(scope: str) -> None:
    catalogue = builtin([scope])
    assert set(catalogue.library.names) == {name for name, entry in entries().items() if scope in entry.scopes}
    assert len(catalogue.lines) == len(catalogue) > 30
    assert {"Quartz", "Silicon", "Corundum"} <= set(catalogue.library.names)
    assert builtin([scope]) is catalogue


def test_scopes_add_up() -> None:
    metals, minerals = set(builtin(["metals"]).library.names), set(builtin(["minerals"]).library.names)
    assert set(builtin(["minerals", "metals"]).library.names) == metals | minerals
    assert len(builtin(["minerals", "all"])) == len(builtin())


@pytest.mark.parametrize("scopes", [["steel"], []])
def test_unknown_scopes_are_refused(scopes: list[str]) -> None:
    with pytest.raises(StructureError, match="give one or several of minerals"):
        builtin(scopes)


def test_the_checksum_of_the_file_is_right() -> None:
    """Its fields then need no second check. The content is the same with it."""
    assert sha256((DATA / "builtin.library").read_bytes()).hexdigest() == (DATA / "builtin.sha256").read_text().strip()
    trusted, checked = module._read(), read_built(str(DATA / "builtin.library"))
    assert trusted.library.phases == checked.library.phases
    assert (trusted.lines.d == checked.lines.d).all()
