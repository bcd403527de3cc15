"""Essential elements of a structure."""

from __future__ import annotations

import pytest

from bragglens.crystal.essential import essential_elements
from bragglens.crystal.phase import Phase, Site

ORIGIN, CENTRE = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5)


def phase(*atoms: tuple[str, tuple[float, float, float], float]) -> Phase:
    sites = tuple(Site(f"{e}{i}", e, position, share, 0.01) for i, (e, position, share) in enumerate(atoms))
    return Phase("made up", "", "P 1", (4.0, 4.0, 4.0, 90.0, 90.0, 90.0), ("x,y,z",), sites, 100.0)


@pytest.mark.parametrize(
    ("atoms", "essential"),
    [
        ([("Mg", ORIGIN, 1.0), ("O", CENTRE, 1.0)], "Mg O"),
        ([("Mg", ORIGIN, 0.78), ("Fe", ORIGIN, 0.22), ("O", CENTRE, 1.0)], "Mg O"),
        ([("Fe", (0.99, 0.0, 0.0), 0.22), ("Mg", (0.01, 0.0, 0.0), 0.78), ("O", CENTRE, 1.0)], "Mg O"),
        ([("Mg", ORIGIN, 0.5), ("Fe", ORIGIN, 0.5), ("O", CENTRE, 1.0)], "Fe Mg O"),
        ([("Y", ORIGIN, 0.4), ("Yb", ORIGIN, 0.35), ("Er", ORIGIN, 0.25), ("O", CENTRE, 1.0)], "O Y"),
        ([("Na", ORIGIN, 0.1), ("O", CENTRE, 1.0)], "Na O"),  # the only element on a mostly empty site
    ],
)
def test_a_minor_substitute_is_not_essential(
    atoms: list[tuple[str, tuple[float, float, float], float]], essential: str
) -> None:
    assert " ".join(sorted(essential_elements(phase(*atoms)))) == essential


def test_an_element_that_is_minor_on_one_site_and_major_on_another_is_essential() -> None:
    whole = phase(("Si", ORIGIN, 0.75), ("Al", ORIGIN, 0.25), ("Al", CENTRE, 1.0))
    assert essential_elements(whole) == {"Al", "Si"}
