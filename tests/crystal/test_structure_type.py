"""Structure types: the same for isostructural compounds, in any setting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.standards import standard
from bragglens.crystal.structure_type import structure_type
from bragglens.match.builtin import builtin


def test_rutile_is_of_its_own_type(titania: Library) -> None:
    assert structure_type(titania["rutile"]) == "136: 2 4"
    assert len({structure_type(phase) for phase in titania}) == len(titania)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Rutile", "Cassiterite"), ("Halite", "Bunsenite"), ("Calcite", "Siderite"), ("Forsterite", "Fayalite")],
)
def test_isostructural_minerals_are_of_one_type(one: str, other: str) -> None:
    library = builtin().library
    assert structure_type(library[one]) == structure_type(library[other])


def test_polymorphs_are_not() -> None:
    library = builtin().library
    assert structure_type(library["Calcite"]) != structure_type(library["Aragonite"])


def test_atoms_on_one_position_and_hydrogen_do_not_count() -> None:
    own = standard("Si")
    (site,) = own.sites
    half = replace(site, occupancy=0.5)
    mixed = replace(own, sites=(half, replace(half, label="Ge", element="Ge")))
    assert structure_type(mixed) == structure_type(own)
    hydrogen = Site("H", "H", (0.3, 0.3, 0.3), 1.0, 0.01)
    assert structure_type(replace(own, sites=(site, hydrogen))) == structure_type(own)


def test_a_primitive_cell_is_of_the_type_of_the_centred_one() -> None:
    """Copper in its primitive rhombohedral cell."""
    inverted = ("x,y,z", "-x,-y,-z")
    site = Site("Cu", "Cu", (0.0, 0.0, 0.0), 1.0, 0.01)
    primitive = Phase("Cu", "Cu", "P -1", (2.556, 2.556, 2.556, 60.0, 60.0, 60.0), inverted, (site,), 63.5)
    assert structure_type(primitive).endswith(": 1")


def test_mirror_images_are_of_one_type() -> None:
    quartz = builtin().library["Quartz"]
    mirrored = replace(quartz, space_group="?", operations=("x,y,z", "-y,x-y,z+1/3", "-x+y,-x,z+2/3", "y,x,-z", "x-y,-y,-z+2/3", "-x,-x+y,-z+1/3"))  # fmt: skip  # noqa: E501
    assert structure_type(mirrored).partition(":")[0] == structure_type(quartz).partition(":")[0]
