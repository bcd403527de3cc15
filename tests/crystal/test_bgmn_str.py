"""Structure files of BGMN and Profex, written here from papers, against the same structures as CIFs."""

from __future__ import annotations

from pathlib import Path

import gemmi
import pytest

import bragglens
from bragglens.crystal.bgmn_str import parse_str
from bragglens.crystal.cif import parse_cif
from bragglens.crystal.phase import Phase
from bragglens.crystal.wyckoff import letters_of, multiplicity, reference_setting, wyckoff_position
from bragglens.errors import StructureError

# Levien, Prewitt & Weidner 1980, Am. Mineral. 65, 920; Newnham & de Haan 1962, Z. Krist. 117, 235; Graf 1961,
# Am. Mineral. 46, 1283; Howard, Sabine & Dickson 1991, Acta Cryst. B47, 462
QUARTZ = """PHASE=Quartz MineralName=Quartz //
SpacegroupNo=152 HermannMauguin=P3_121 //
PARAM=A=0.4916_0.488^0.495 PARAM=C=0.54054_0.53^0.55 RP=4 k1=0 PARAM=B1=0_0^0.01 GEWICHT=SPHAR4 //
GOAL:quartz=GEWICHT*ifthenelse(ifdef(d),exp(my*d*3/4),1) GOAL=GrainSize(1,1,1)
E=SI+4 Wyckoff=a x=0.4697 TDS=0.005
E=O-2 Wyckoff=c x=0.4135 y=0.2669 z=0.1191 PARAM=TDS=0.01_0^0.02
"""
CORUNDUM = """PHASE=Corundum // from a paper
SpacegroupNo=167 HermannMauguin=R-32/c Setting=1 Lattice=Trigonal //
PARAM=A=0.47589 PARAM=C=1.2991 //
E=AL+3 Wyckoff=c z=0.3520 TDS=0.002
E=O-2 Wyckoff=e x=0.3060 TDS=0.002
"""
CALCITE = """PHASE=Calcite SpacegroupNo=167 HermannMauguin=R-32/c UNIT=ANGSTROEM
A=4.9900 C=17.002
E=(CA+2(1-p),MG+2(p)) p=0.02 Wyckoff=b TDS=0.5
E=C Wyckoff=a TDS=0.5
E=O-2 Wyckoff=e x = 0.2578
"""
ANATASE = """PHASE=Anatase SpacegroupNo=141 HermannMauguin=I4_1/a2/m2/d //
PARAM=A=0.37842_0.375^0.381 PARAM=C=0.95146_0.94^0.96
E=TI+4 Wyckoff=a
E=O-2 Wyckoff=e z=0.2081
"""
CIFS = {
    QUARTZ: ("P 31 2 1", (4.916, 4.916, 5.4054, 90, 90, 120), ["Si .4697 0 .33333", "O .4135 .2669 .1191"], 2.646),
    CORUNDUM: ("R -3 c", (4.7589, 4.7589, 12.991, 90, 90, 120), ["Al 0 0 .352", "O .306 0 .25"], 3.986),
    CALCITE: ("R -3 c", (4.99, 4.99, 17.002, 90, 90, 120), ["Ca 0 0 0", "C 0 0 .25", "O .2578 0 .25"], 2.712),
    ANATASE: ("I 41/a m d:2", (3.7842, 3.7842, 9.5146, 90, 90, 90), ["Ti 0 .25 .375", "O 0 .25 .1669"], 3.895),
}


def cif(symbol: str, cell: tuple[float, ...], atoms: list[str]) -> str:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = [f"_cell_{name} {value}" for name, value in zip(names, cell, strict=True)]
    tags = ["_atom_site_label", *(f"_atom_site_fract_{axis}" for axis in "xyz")]
    return "\n".join(["data_x", *lines, f"_space_group_name_H-M_alt '{symbol}'", "loop_", *tags, *atoms, ""])


def read(text: str) -> Phase:
    return parse_str(text, "phase", where="phase.str")


@pytest.mark.parametrize("text", list(CIFS), ids=["quartz", "corundum", "calcite", "anatase"])
def test_a_structure_file_gives_the_crystal_of_the_paper(text: str) -> None:
    symbol, cell, atoms, density = CIFS[text]
    phase, same = read(text), parse_cif(cif(symbol, cell, atoms), "same", where="same")
    assert phase.cell == pytest.approx(same.cell, abs=1e-6)
    assert phase.density == pytest.approx(density, rel=2e-3)
    ops, others = gemmi.GroupOps(list(map(gemmi.Op, phase.operations))), list(map(gemmi.Op, same.operations))
    assert len(phase.operations) == len(others)
    assert gemmi.find_spacegroup_by_ops(ops).number == gemmi.find_spacegroup_by_ops(gemmi.GroupOps(others)).number
    assert phase.notes == ()


def test_refinement_settings_are_ignored_and_units_are_used() -> None:
    quartz, calcite = read(QUARTZ), read(CALCITE)
    assert quartz.sites[0].u_iso == pytest.approx(0.5 / 78.957, rel=1e-3)  # TDS is B in nm²
    assert calcite.sites[0].u_iso == pytest.approx(0.5 / 78.957, rel=1e-3)  # or in Å² where UNIT says so
    assert [(site.element, site.occupancy) for site in calcite.sites[:2]] == [("Ca", 0.98), ("Mg", 0.02)]
    assert "Quartz" in quartz.source


def test_an_occupancy_that_is_not_stated_is_the_rest_of_the_site() -> None:
    text = CALCITE.replace("(CA+2(1-p),MG+2(p)) p=0.02", "(CA+2,MG+2(p)) PARAM=p=0.3_0^1")
    assert [round(site.occupancy, 3) for site in read(text).sites[:2]] == [0.7, 0.3]


def test_values_of_the_phase_hold_for_its_sites_and_comments_do_not_end_it() -> None:
    text = CORUNDUM.replace("C=1.2991 //", "C=1.2991 TDS=0.003 zal=0.35 //\n// ---- atoms, x=9 ----")
    text = text.replace(" TDS=0.002", "").replace("z=0.3520", "z=zal+0.002 // heavy")
    phase = read(text)
    assert [round(site.u_iso * 78.957, 2) for site in phase.sites] == [0.3, 0.3]
    assert phase.density == pytest.approx(3.986, rel=2e-3)


def test_only_coordinates_that_the_wyckoff_letter_leaves_free_are_used() -> None:
    text = CORUNDUM.replace("z=0.3520", "x=0.1 y=0.2 z=0.3520")
    phase = read(text)
    assert phase.density == pytest.approx(3.986, rel=2e-3)
    assert "1 sites do not have the multiplicity of their Wyckoff letter" in phase.notes[0]


def test_the_origin_is_chosen_by_coordinates_and_wyckoff_letters() -> None:
    second = ANATASE.replace("Wyckoff=a", "Wyckoff=a x=0 y=0.75 z=0.125")
    second = second.replace("Wyckoff=e z=0.2081", "Wyckoff=e x=0 y=0.25 z=0.1669")
    assert read(second).density == pytest.approx(3.895, rel=2e-3)
    assert read(second).notes == ()
    stated = ANATASE.replace(" //", " OriginChoice=2 //", 1).replace("z=0.2081", "z=0.1669")
    assert read(stated).density == pytest.approx(3.895, rel=2e-3)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("E=", "F=", "has no atoms"),
        ("A=0.47589", "", "states no lattice constant"),
        ("PARAM=C=1.2991", "", "states no C="),
        ("R-32/c", "R-32/q", "its space group (number 167 R-32/q) is not known"),
        ("Wyckoff=c", "Wyckoff=q", "has no Wyckoff position q"),
        (" z=0.3520", "", "Wyckoff position c of R -3 c:H has a free z, which is not stated"),
        ("z=0.3520", "z=X(1,2)", "'X(1,2)' cannot be evaluated: give a number"),
        ("z=0.3520", "z=z", "cannot be evaluated: give a number"),
        ("z=0.3520", "z=1/0", "cannot be evaluated: give a number"),
        ("AL+3", "QQ", "'QQ' is not an element"),
        ("Wyckoff=c z=0.3520", "", "states neither x=, y=, z= nor Wyckoff="),
    ],
)
def test_unreadable_files_are_refused_in_one_sentence(old: str, new: str, said: str) -> None:
    with pytest.raises(StructureError) as error:
        read(CORUNDUM.replace(old, new))
    assert str(error.value).startswith("phase.str: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("symbol", "letter", "position"),
    [
        ("P n m a", "c", (0.1, 0.25, 0.3)),
        ("P b n m", "c", (0.1, 0.2, 0.25)),
        ("P 1 21/a 1", "a", (0, 0, 0)),
        ("I 41/a m d:1", "a", (0, 0, 0)),
        ("I 41/a m d:1", "e", (0, 0, 0.3)),
        ("I 41/a m d:1", "f", (0.1, 0.25, 0.125)),
        ("F d -3 m:1", "f", (0.1, 0, 0)),
        ("F d -3 m:1", "d", (0.625, 0.625, 0.625)),
        ("C 1 2/c 1", "e", (0, 0.2, 0.25)),
    ],
)
def test_wyckoff_letters_are_those_of_the_tables_in_every_setting(symbol: str, letter: str, position) -> None:
    group = gemmi.SpaceGroup(symbol)
    found = wyckoff_position(group, letter, {"x": 0.1, "y": 0.2, "z": 0.3})
    images = [operation.apply_to_xyz(list(position)) for operation in group.operations()]
    assert any(all(abs(a - b - round(a - b)) < 1e-6 for a, b in zip(found, one, strict=True)) for one in images)


def test_every_group_has_its_general_position_last() -> None:
    for number in range(1, 231):
        group = reference_setting(number)
        assert multiplicity(group, letters_of(group)[-1]) == len(group.operations())


def test_a_folder_may_hold_both_kinds_of_file(tmp_path: Path) -> None:
    (tmp_path / "corundum.STR").write_text(CORUNDUM)
    (tmp_path / "quartz.str").write_text(QUARTZ)
    (tmp_path / "quartz.cif").write_text(cif(*CIFS[QUARTZ][:3]))
    (tmp_path / "glass.str").write_text("PHASE=glass\nSpacegroupNo=195 PARAM=A=0.4\n")
    library = bragglens.read_library(tmp_path)
    assert library.names == ("corundum", "quartz", "quartz_2")
    assert library.problems == (
        f"{tmp_path / 'glass.str'}: has no atoms (E=...): give a structure, not a phase of peaks alone",
    )
    assert bragglens.read_library(tmp_path / "quartz.str").names == ("quartz",)
