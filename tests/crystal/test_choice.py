"""Choices of elements as users write them."""

from __future__ import annotations

import pytest

from bragglens.crystal.choice import element_choice, named_elements, read_choice
from bragglens.errors import BragglensError


@pytest.mark.parametrize(
    ("written", "named", "left", "gone"),
    [
        (None, set(), {"Fe"}, None),
        ("Ti, O", {"Ti", "O"}, {"Ti", "O"}, {"Ti", "O", "H"}),
        ("ti,-FE", {"Ti"}, {"Ti"}, {"Ti", "Fe"}),
        ("-Fe,-Pb,", set(), {"O"}, {"Pb", "O"}),
    ],
)
def test_the_choice_admits_only_phases_that_are_not_excluded(
    written: str | None, named: set[str], left: set[str], gone: set[str] | None
) -> None:
    assert named_elements(written) == named
    assert element_choice(written)(left)
    assert gone is None or not element_choice(written)(gone)


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        *(
            (text, "Ti,O")
            for text in ("Ti,O", "Ti O", "Ti;O", " Ti / O ", "ti,o", "ti o", "TI,o", "TiO2", "Ti O2", "TiO₂")
        ),
        *((text, "Ti,Zn,O") for text in ("Ti-Zn-O", "Ti–Zn–O", "ti-zn-o", "Ti Zn O", "Ti, Zn; O", "[Ti, 'Zn', \"O\"]")),
        (["Ti", "O"], "Ti,O"),
        (("Ti", "O", "-Fe"), "Ti,O,-Fe"),
        ({"O", "Ti"}, "O,Ti"),
        ("Ti,O,Ti", "Ti,O"),
        ("Ti-O", "Ti,O"),
        ("Ti,-O", "Ti,-O"),
        ("Ti O -Fe −Pb", "Ti,O,-Fe,-Pb"),
        ("-Fe -Pb", "-Fe,-Pb"),
        ("Co", "Co"),
        ("CO", "C,O"),
        ("co", "Co"),
        ("co,o", "Co,O"),
        ("Ca,CO", "Ca,C,O"),
        ("MG,O", "Mg,O"),
        ("D2O", "H,O"),
        ("Ca(OH)2", "Ca,O,H"),
        ("(Mg,Fe)2SiO4", "Mg,Fe,Si,O"),
        ("CaSO4·2H2O", "Ca,S,O,H"),
        ("Mg1.8Fe.2SiO4", "Mg,Fe,Si,O"),
        ("Li2O-Al2O3-SiO2", "Li,O,Al,Si"),
        ("Ti4+, O2-", "Ti,O"),
        ("Ti4+-O2-", "Ti,O"),
        ("Fe(III), O", "Fe,O"),
        ("", ""),
        ([], ""),
    ],
)
def test_spellings_of_users_are_understood(written: object, understood: str) -> None:
    assert str(read_choice(written)) == understood  # type: ignore[arg-type]
    assert str(read_choice(understood)) == understood


@pytest.mark.parametrize(
    ("written", "both"),
    [
        ("Ti,O-Fe", ("'Ti,O,Fe'", "'Ti,O,-Fe'")),
        ("Ti - O", ("'Ti,O'", "'Ti,-O'")),
        ("Ti- O", ("'Ti,O'", "'Ti,-O'")),
        ("-Fe-Pb", ("'-Fe,Pb'", "'-Fe,-Pb'")),
        ("co2", ("Co2", "CO2")),
        ("sno2", ("SnO2", "SNO2")),
        ("MG,SI,O", ("Si", "S,I")),
        ("CU,O", ("Cu", "C,U")),
        ("-CO", ("'-C,-O'", "'-Co'")),
        ("-TiO2", ("'-Ti,-O'", "the phase alone")),
        ("no Fe", ("nobelium", "a word")),
        ("Cu(I)", ("a charge", "iodine")),
    ],
)
def test_ambiguous_choices_are_refused_with_both_meanings(written: str, both: tuple[str, str]) -> None:
    with pytest.raises(BragglensError) as refused:
        read_choice(written)
    assert all(reading in str(refused.value) for reading in both), refused.value


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("Ti,Zz", "Zz is no element: give symbols"),
        ("tio2", r"is TiO2 meant\?"),
        ("Tio2", r"is TiO2 meant\?"),
        ("Li1-xCoO2", "xCoO2 is no element"),
        ("Ti and O", "and is no element"),
        ("CuKa", "CuKa is no element"),
        ([22, 8], "22 is no element"),
        (22, "are not symbols"),
        ("Ti,-Ti", "both required and excluded"),
        (",", "has no element"),
        ("-", "has no element"),
    ],
)
def test_unknown_elements_are_refused_in_one_sentence(written: object, says: str) -> None:
    with pytest.raises(BragglensError, match=says):
        read_choice(written)  # type: ignore[arg-type]
