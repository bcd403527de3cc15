"""The table of known compounds is that of the built-in library, and finds a structure by type, elements and lattice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.crystal.structure_type import structure_type
from bragglens.match.builtin import builtin, entries
from bragglens.match.compounds import compounds, table_of


def stretched(phase: Phase, by: float) -> Phase:
    a, b, c, *angles = phase.cell
    return replace(phase, cell=((1 + by) * a, (1 + by) * b, (1 + by) * c, *angles))


def test_the_table_is_of_the_built_in_library() -> None:
    known, library = compounds(), builtin().library
    assert known.names == library.names
    some = range(0, len(library), 97)
    made = table_of([library.phases[i] for i in some], [1] * len(some), [False] * len(some))
    assert [known.types[i] for i in some] == made["types"].tolist()
    np.testing.assert_allclose(known.spacings[list(some)], made["spacings"], rtol=1e-5)
    assert [known.papers[i] for i in some] == [entries()[library.names[i]].papers for i in some]


def test_the_package_s_own_structures_are_found(titania: Library) -> None:
    known = compounds()
    found = {name: known.entry(titania[name]) for name in ("anatase", "brookite", "rutile")}
    assert {name: known.names[row] for name, row in found.items() if row is not None} == {
        "anatase": "Anatase",
        "brookite": "Brookite",
        "rutile": "Rutile",
    }


def test_another_lattice_or_other_elements_are_another_compound(titania: Library) -> None:
    rutile = titania["rutile"]
    assert compounds().entry(stretched(rutile, 0.03)) is None
    assert compounds().entry(replace(rutile, sites=tuple(replace(s, element="U") for s in rutile.sites))) is None


def test_neighbours_are_other_compounds_of_the_type(titania: Library) -> None:
    rutile, known = titania["rutile"], compounds()
    away, rows = known.neighbours(rutile, rutile)
    assert {known.types[row] for row in rows} == {structure_type(rutile)}
    assert "Cassiterite" in {known.names[row] for row in rows}
    assert "Rutile" not in {known.names[row] for row in rows}
    nearest = known.spacings[rows[int(np.argmin(away))]]
    assert away.min() == pytest.approx(np.abs(nearest - known.spacings[known.names.index("Rutile")]).max(), abs=2e-3)
    _, fewer = known.neighbours(rutile, rutile, lambda elements: elements <= {"Sn", "O"})
    assert {known.names[row] for row in fewer} == {"Cassiterite"}


def test_what_is_left_out_is_not_known() -> None:
    known = compounds().without({"Rutile"})
    assert "Rutile" not in known.names
    assert known.spacings.shape[0] == len(known.types) == len(known.elements) == len(known.names)
