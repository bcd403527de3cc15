"""CIFs of programs and databases: syntax, symbols, copied atoms, and statements that contradict the atoms."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import gemmi
import numpy as np
import pytest

from bragglens.crystal.cif import parse_cif
from bragglens.crystal.elements import element_of
from bragglens.crystal.library import read_library
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition, expected_reflections, reflections
from bragglens.errors import StructureError
from bragglens.simulate.lines import lines_of

EDGE = 5.463
CELL = "\n".join(
    f"_cell_length_{axis} {EDGE}\n_cell_angle_{angle} 90"
    for axis, angle in zip("abc", ("alpha", "beta", "gamma"), strict=True)
)
SYMBOL = "_symmetry_space_group_name_H-M 'F m -3 m'"
GROUP = [op.triplet() for op in gemmi.SpaceGroup("F m -3 m").operations()]
CALCIUM = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
FLUORINE = list(itertools.product((0.25, 0.75), repeat=3))
FLUORITE = {"Ca": 4.0, "F": 8.0}


def loop(tags: str, rows: list[str]) -> str:
    return "\n".join(["loop_", *tags.split(), *rows])


def sites(columns: str, rows: list[str]) -> str:
    return loop(" ".join(f"_atom_site_{column}" for column in columns.split()), rows)


def operations(tag: str = "_symmetry_equiv_pos_as_xyz", group: list[str] = GROUP) -> str:
    return loop(tag, [f"'{op}'" for op in group])


ATOMS = sites("label fract_x fract_y fract_z", ["Ca1 0 0 0", "F1 .25 .25 .25"])
GOOD = f"data_x\n_chemical_formula_sum 'Ca F2'\n{CELL}\n{SYMBOL}\n{ATOMS}\n"
ALL = [f"Ca{i} Ca 1 {x} {y} {z} 1.0" for i, (x, y, z) in enumerate(CALCIUM)] + [
    f"F{i} F 1 {x} {y} {z} 1.0" for i, (x, y, z) in enumerate(FLUORINE)
]
PYMATGEN = "label type_symbol symmetry_multiplicity fract_x fract_y fract_z occupancy"


def read(*parts: str) -> Phase:
    return parse_cif("\n".join(parts) + "\n", "made_up", where="made_up.cif")


def refusal(*parts: str) -> str:
    with pytest.raises(StructureError) as caught:
        read(*parts)
    assert str(caught.value).startswith("made_up.cif: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- dialects ---------------------------------------------------------------------------------------------------

DIALECTS = {
    "pymatgen, P 1": [
        "# generated using pymatgen\ndata_CaF2\n_symmetry_space_group_name_H-M   'P 1'",
        f"{CELL}\n_symmetry_Int_Tables_number   1\n_chemical_formula_structural   CaF2",
        "_chemical_formula_sum   'Ca4 F8'\n_cell_volume   163.04\n_cell_formula_units_Z   4",
        loop("_symmetry_equiv_pos_site_id _symmetry_equiv_pos_as_xyz", [" 1 'x, y, z'"]),
        sites(PYMATGEN, ALL),
    ],
    "pymatgen, symmetry": [
        "# generated using pymatgen\ndata_CaF2\n_symmetry_space_group_name_H-M   Fm-3m",
        f"{CELL}\n_symmetry_Int_Tables_number   225\n_chemical_formula_sum   'Ca4 F8'\n_cell_formula_units_Z   4",
        operations(),
        sites(PYMATGEN, ["Ca0 Ca2+ 4 0 0 0 1", "F1 F- 8 .25 .25 .25 1"]),
    ],
    "VESTA": [
        "data_VESTA_phase_1\n_chemical_name_common 'fluorite  '",
        f"{CELL.replace('5.463', '5.463000(0)')}\n_cell_volume 163.040111",
        "_space_group_name_H-M_alt 'F m -3 m'\n_space_group_IT_number 225",
        operations("_space_group_symop_operation_xyz"),
        sites(
            "label occupancy fract_x fract_y fract_z adp_type B_iso_or_equiv type_symbol",
            ["Ca1 1.0 0 0 0 Biso 0.5 Ca", "F1 1.0 0.25 0.25 0.25 Biso 0.5 F"],
        ),
    ],
    "ASE": [
        f'data_image0\n_chemical_formula_structural Ca4F8\n_chemical_formula_sum "Ca4 F8"\n{CELL}',
        '_space_group_name_H-M_alt "P 1"\n_space_group_IT_number 1',
        operations("_space_group_symop_operation_xyz", ["x, y, z"]),
        sites(PYMATGEN, ALL),
    ],
    "GSAS-II": [
        "data_fluorite\n_pd_phase_name fluorite\n_symmetry_cell_setting cubic",
        f'{CELL}\n_exptl_crystal_density_diffrn 3.181\n_symmetry_space_group_name_H-M "F m -3 m"',
        loop("_space_group_symop_id _space_group_symop_operation_xyz", [f"{i} {op}" for i, op in enumerate(GROUP, 1)]),
        sites(
            "label type_symbol fract_x fract_y fract_z occupancy adp_type U_iso_or_equiv site_symmetry_multiplicity",
            ["Ca1 Ca 0 0 0 1.0 Uiso 0.006(1) 4", "F1 F 0.25 0.25 0.25 1.0 Uiso 0.007 8"],
        ),
        '_chemical_formula_sum "Ca F2"\n_cell_formula_units_Z 4',
    ],
    "FullProf": [
        f"data_\n_chemical_formula_sum 'Ca F2'\n{CELL}\n_cell_formula_units_Z ?",
        "_symmetry_space_group_name_H-M 'F m 3 m'\n_symmetry_space_group_name_Hall '-F 4 2 3'",
        operations(),
        sites(
            "label fract_x fract_y fract_z occupancy U_iso_or_equiv adp_type type_symbol",
            ["CA 0 0 0 1.0 0.006 Uiso CA", "F 0.25 0.25 0.25 1.0 0.007 Uiso F"],
        ),
    ],
    "SHELXL-97": [
        f"data_caf2\n_chemical_formula_sum 'Ca F2'\n_cell_formula_units_Z 4\n{CELL}\n{SYMBOL}",
        operations(),
        sites(
            "label type_symbol fract_x fract_y fract_z U_iso_or_equiv occupancy symmetry_multiplicity calc_flag",
            ["Ca1 Ca 0 0 0 0.006(1) 1 48 d", "F1 F 0.25 0.25 0.25 0.007 1 24 d"],
        ),
    ],
    "ICSD": [
        "data_1234-ICSD\n_chemical_formula_sum 'Ca1 F2'\n_cell_formula_units_Z 4\n_cell_volume 163.04",
        f"{CELL}\n_symmetry_Int_Tables_number 225\n{SYMBOL}",
        operations(),
        sites(
            "label type_symbol symmetry_multiplicity Wyckoff_symbol fract_x fract_y fract_z B_iso_or_equiv occupancy",
            ["Ca1 Ca2+ 4 a 0 0 0 . 1.", "F1 F1- 8 c 0.25 0.25 0.25 . 1."],
        ),
    ],
    "COD": [
        f"data_9009005\n_chemical_formula_sum 'Ca F2'\n{CELL}\n_exptl_crystal_density_diffrn 3.181\n{SYMBOL}",
        operations("_space_group_symop_operation_xyz"),
        sites("label fract_x fract_y fract_z U_iso_or_equiv", ["Ca 0 0 0 0.006", "F .25 .25 .25 0.007"]),
        "_cod_database_code 9009005",
    ],
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_read_without_a_note(name: str) -> None:
    phase = read(*DIALECTS[name])
    assert composition(phase) == FLUORITE
    assert phase.density == pytest.approx(3.18, abs=0.01)
    assert phase.notes == ()


# --- syntax -----------------------------------------------------------------------------------------------------


def before_cell(line: str) -> str:
    return GOOD.replace("_cell_length_a", f"{line}\n_cell_length_a", 1)


SLIPS = {
    "byte order mark": ("\ufeff" + GOOD, "byte order mark"),
    "blanks that are none": (before_cell("_chemical_name_common\u00a0fluorite"), "special blanks"),
    "not ASCII": (before_cell("_chemical_name_structure_type α−NaFeO2"), "'α−NaFeO2' is not quoted"),
    "no value": (before_cell("_cod_data_source_block"), "has no value"),
    "no value at the end": (GOOD + "_cod_data_source_block\n", "has no value"),
    "blanks": (before_cell("_pd_phase_name fluorite of a mine"), "has blanks and no quotes"),
    "given twice, once empty": (before_cell("_chemical_formula_sum ''"), "is given twice"),
    "given twice, first empty": (GOOD.replace("_chemical", "_chemical_formula_sum ?\n_chemical", 1), "is given twice"),
    "unquoted symbol": (GOOD.replace("'F m -3 m'", "F m -3 m"), "has blanks and no quotes"),
    "open quote in a title": (before_cell("_publ_section_title 'On fluorite"), "a quote is not closed"),
    "open text": (before_cell("_publ_section_title\n;\nOn fluorite"), "a text field is not closed"),
    "loop cut short": (before_cell("loop_\n_citation_id\n_citation_year\n1 1999\n2"), "and is left out"),
    "no header": (GOOD.replace("data_x\n", ""), "no data_ header"),
    "unit beside a length": (GOOD.replace(f"_a {EDGE}", f"_a {EDGE} Å"), "has more than a number"),
    "two blocks of one name": (GOOD + "data_x\n_journal_year 1999\n", "two blocks data_x"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_syntax_error_is_corrected_with_a_note(name: str) -> None:
    text, note = SLIPS[name]
    with pytest.raises((ValueError, RuntimeError)):
        gemmi.cif.read_string(text)
    phase = read(text)
    assert composition(phase) == FLUORITE
    assert phase.notes[0].startswith("syntax corrected: ")
    assert note in phase.notes[0]
    assert len(phase.notes) == 1


@pytest.mark.parametrize("numbered", [False, True])
def test_operations_without_quotes_are_joined(numbered: bool) -> None:
    """This is valid syntax, but each operation is read as three values."""
    tags = "_symmetry_equiv_pos_site_id " * numbered + "_symmetry_equiv_pos_as_xyz"
    rows = [f"{i if numbered else ''} {op.replace(',', ', ')}" for i, op in enumerate(GROUP, 1)]
    phase = read(GOOD.replace(SYMBOL, loop(tags, rows)))
    assert composition(phase) == FLUORITE
    assert "operations have blanks and no quotes" in phase.notes[0]


STRUCTURAL = {
    "two lengths": (before_cell("_cell_length_a 5.4"), "_cell_length_a is given twice"),
    "two symbols": (GOOD.replace(SYMBOL, f"{SYMBOL}\n{SYMBOL.replace('F m', 'P m')}"), "is given twice"),
    "a short row": (before_cell("_x").replace("0 0 0\n", "0 0\n"), "has 7 values for 4 tags"),
    "an open quote at the symbol": (GOOD.replace("-3 m'", "-3 m"), "a quote is not closed"),
    "two lists of sites": (before_cell("_x") + ATOMS + "\n", "gives a tag twice"),
}


@pytest.mark.parametrize("name", STRUCTURAL)
def test_an_error_in_the_structure_is_not_guessed(name: str) -> None:
    text, reason = STRUCTURAL[name]
    said = refusal(text)
    assert "is damaged or no CIF" in said
    assert reason in said


# --- symbols ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "label", "formula", "element", "note"),
    [
        ("Fe3+", "M1", "", "Fe", ""),
        ("FE", "FE1", "", "Fe", ""),
        ("Fe(tet)", "T1", "", "Fe", ""),
        ("O2-", "Ow", "", "O", ""),
        ("Co3+", "Co1", "C O", "Co", ""),
        ("CO", "CO1", "Ca C O", "C", "as in the formula"),
        ("CO", "CO1", "", "Co", ""),
        ("", "FeM2", "", "Fe", ""),
        ("", "OG1", "", "O", "no X-ray form factor"),
        ("", "CG1", "C H O", "C", ""),
        ("NH4", "NH4", "", "N", "without its hydrogen"),
        ("", "NH4", "", "N", "without its hydrogen"),
        ("OH", "O1", "", "O", "without its hydrogen"),
        ("SiVI", "T1", "", "Si", "taken as Si"),
        ("Vac", "Vac1", "", None, "vacancy"),
        ("", "Vac2", "Na Cl", None, "vacancy"),
        ("V", "Vac2", "Na Cl", None, "vacancy"),
        ("Va", "Va", "", None, "vacancy"),
        ("V5+", "V1", "", "V", ""),
        ("Cg", "Cg1", "Na Cl", None, "not an atom"),
        ("", "Cg1", "Na Cl", None, "not an atom"),
        ("Du", "Du1", "", None, "not an atom"),
        ("X", "X1", "", None, "not an atom"),
    ],
)
def test_element_of_a_symbol(kind: str, label: str, formula: str, element: str | None, note: str) -> None:
    notes: list[str] = []
    assert element_of(kind, label, set(formula.split()), notes) == element
    assert bool(notes) == bool(note)
    assert note in "".join(notes)


@pytest.mark.parametrize(
    "kind", ["Fe/Mg", "Fe,Mg", "FeMg", "Fe0.5Mg0.5", "Fe2+/Mg2+", "CO3", "SO4", "CN", "Og", "Nh", "Q"]
)
def test_symbols_of_no_element_are_refused(kind: str) -> None:
    said = r"atom 'M1' (is a |has no known element|is .., which has no X-ray form factor)"
    with pytest.raises(StructureError, match=said):
        element_of(kind, "M1", set(), [])


def test_hydrogen_without_coordinates_is_left_out_and_a_metal_refused() -> None:
    atoms = ATOMS + "\nH1 . . ."
    phase = read(f"data_x\n{CELL}\n{SYMBOL}\n{atoms}")
    assert composition(phase) == FLUORITE
    assert phase.notes == ("hydrogen H1 has no coordinates and is left out",)
    assert "has no coordinates" in refusal(f"data_x\n{CELL}\n{SYMBOL}\n{atoms.replace('H1', 'Na1')}")


def test_dummy_atoms_are_left_out() -> None:
    atoms = sites("label fract_x fract_y fract_z calc_flag", ["Ca1 0 0 0 d", "F1 .25 .25 .25 d", "C1 .5 .5 .5 dum"])
    assert composition(read(f"data_x\n{CELL}\n{SYMBOL}\n{atoms}")) == FLUORITE


# --- copies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stub", ["", operations(group=["x,y,z"]), operations()])
def test_symmetry_copies_in_the_list_of_atoms_are_removed(stub: str) -> None:
    phase = read(f"data_x\n_chemical_formula_sum 'Ca F2'\n{CELL}\n{SYMBOL}\n{stub}", sites(PYMATGEN, ALL))
    assert composition(phase) == FLUORITE
    assert len(phase.sites) == 2
    assert any("used once" in note for note in phase.notes)


def test_mixed_valence_on_one_site_is_not_a_copy() -> None:
    atoms = sites("label fract_x fract_y fract_z occupancy", ["Fe1 0 0 0 .5", "Fe2 0 0 0 .5", "O1 .5 .5 .5 1"])
    phase = read(f"data_x\n{CELL}\n{SYMBOL}\n{atoms}")
    assert composition(phase) == {"Fe": 4.0, "O": 4.0}
    assert phase.notes == ()


def test_half_occupied_copies_are_recognised_by_formula_and_z() -> None:
    half = [row.replace("1.0", ".5") if row.startswith("F") else row for row in ALL]
    stated = f"data_x\n_chemical_formula_sum 'Ca F'\n_cell_formula_units_Z 4\n{CELL}\n{SYMBOL}"
    assert composition(read(stated, sites(PYMATGEN, half))) == {"Ca": 4.0, "F": 4.0}


# --- statements -------------------------------------------------------------------------------------------------


def stating(line: str, *, symbol: str = SYMBOL, atoms: str = ATOMS) -> str:
    return f"data_x\n_chemical_formula_sum 'Ca F2'\n{line}\n{CELL}\n{symbol}\n{atoms}"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (stating("_cell_formula_units_Z 8"), "Z is 8"),
        (stating("_cell_formula_units_Z 4", symbol=SYMBOL.replace("F m", "P m")), "the sites give Ca1 F8"),
        (stating("_cell_volume 170"), "the cell has 163.0 Å³, 170 is stated"),
        (stating("_exptl_crystal_density_diffrn 2.7"), "the density is 3.18"),
        (stating("").replace("'Ca F2'", "'Ca F'"), "the formula is Ca F"),
        (stating("", symbol=f"{SYMBOL}\n_symmetry_Int_Tables_number 221"), "the number 221"),
    ],
)
def test_statements_that_disagree_with_the_sites_are_noted(text: str, note: str) -> None:
    notes = read(text).notes
    assert len(notes) == 1
    assert note in notes[0]


def test_a_symbol_that_gives_the_stated_content_replaces_the_operations() -> None:
    phase = read(stating("_cell_formula_units_Z 4\n" + operations(group=["x,y,z", "-x,-y,-z"])))
    assert composition(phase) == FLUORITE
    assert "symmetry taken from its symbol" in phase.notes[0]


def test_the_formula_decides_the_origin_if_distances_cannot() -> None:
    """In spinel only the metals exchange their sites with the origin."""
    atoms = sites("label fract_x fract_y fract_z", ["Mg1 .125 .125 .125", "Al1 .5 .5 .5", "O1 .2624 .2624 .2624"])
    text = stating("", symbol=SYMBOL.replace("F m", "F d"), atoms=atoms).replace("Ca F2", "Mg Al2 O4")
    assert composition(read(text.replace(str(EDGE), "8.08"))) == {"Mg": 8.0, "Al": 16.0, "O": 32.0}


def test_sites_against_formula_and_multiplicity_are_refused() -> None:
    """A column was lost, so that x y z and U are shifted by one."""
    atoms = sites("label symmetry_multiplicity fract_x fract_y fract_z", ["Ca1 4 0 0.2 0.006", "F1 8 .25 .25 .0071"])
    assert "the sites are inconsistent" in refusal(stating("", atoms=atoms))


def test_operations_that_do_not_form_a_group_are_not_used() -> None:
    """The rotations form a group, but with these translations the operations do not."""
    screws = ["x,y,z", "-x,-y,z+1/2", "-y,x,z", "y,-x,z"]
    assert "is not a group" in refusal(f"data_x\n{CELL}\n{operations(group=screws)}\n{ATOMS}")
    phase = read(f"data_x\n{CELL}\n{SYMBOL}\n{operations(group=screws)}\n{ATOMS}")
    assert composition(phase) == FLUORITE
    assert "is not a group" in phase.notes[0]


# --- size -------------------------------------------------------------------------------------------------------


def large(edge: float, group: str, atoms: list[tuple[float, ...]]) -> str:
    rows = [f"{('Zn', 'O', 'C')[i % 3]}{i} {x:.5f} {y:.5f} {z:.5f}" for i, (x, y, z) in enumerate(atoms)]
    return "\n".join(
        [
            f"data_x\n{CELL.replace(str(EDGE), str(edge))}\n_symmetry_space_group_name_H-M '{group}'",
            sites("label fract_x fract_y fract_z", rows),
        ]
    )


def test_a_framework_of_a_thousand_atoms_in_p1_is_fast() -> None:
    random = np.random.default_rng(1)
    atoms = (np.array(list(itertools.product(range(10), repeat=3))) + random.uniform(-0.02, 0.02, (1000, 3))) / 10
    started = time.process_time()
    phase = read(large(30.0, "P 1", [tuple(atom) for atom in atoms]))
    assert len(phase.sites) == 1000
    assert lines_of(phase).whole > 0
    assert time.process_time() - started < 5  # it takes 0.5 s


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (large(210.0, "P 1", [(0, 0, 0)]), "more than a powder pattern resolves"),
        (large(499.0, "F m -3 m", [(0, 0, 0)]), "not possible"),
        (large(5.0, "P 1", [(1e7, 0, 0)]), "far outside the cell"),
        (large(40.0, "F m -3 m", [(0.001 * i, 0.13, 0.24) for i in range(400)]), "the cell would have"),
        (large(55.0, "P 1", [(0.1, 0.1, 0.1)] * 4000), "0.00 Å apart"),
        (
            GOOD.replace(SYMBOL, operations(group=[f"x+{a}/24,y+{b}/24,z" for a in range(24) for b in range(24)] * 3)),
            "symmetry",
        ),
        (GOOD.replace("'Ca F2'", f"'Ca{'9' * 400} F2'").replace("Ca1 0", "Ca1 1e308"), "far outside the cell"),
    ],
    ids=["210 Å", "499 Å", "far", "crowded group", "one place", "translations", "digits"],
)
def test_structures_too_large_for_a_powder_pattern_are_refused_at_once(text: str, reason: str) -> None:
    started = time.process_time()
    assert reason in refusal(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("name", ["P 1", "P -1", "C 1 2/c 1", "R -3 m:H", "F d -3 m:2"])
def test_the_number_of_reflections_is_estimated_before(name: str) -> None:
    group = gemmi.SpaceGroup(name)
    edges = (20, 20, 20, 90, 90, 120 if "R" in name else 90)
    rows = sites("label fract_x fract_y fract_z", ["Zn1 .1234 .2917 .4133"])
    names = [tag for tag in CELL.split() if tag.startswith("_")]
    lengths = dict(zip("abc", edges[:3], strict=True)) | dict(zip(("alpha", "beta", "gamma"), edges[3:], strict=True))
    cell = "\n".join(f"{tag} {lengths[tag.rsplit('_', 1)[1]]}" for tag in names)
    phase = read(f"data_x\n{cell}\n{operations(group=[op.triplet() for op in group.operations()])}\n{rows}")
    found = len(reflections(phase, 0.8))
    assert expected_reflections(phase.volume, phase.operations, 0.8) == pytest.approx(found, rel=0.35)


def test_no_file_stops_the_reading_of_a_folder(tmp_path: Path) -> None:
    bad = [large(210.0, "P 1", [(0, 0, 0)]), GOOD.replace("Ca1", "Q1"), GOOD.replace("0 0 0", "1e308 0 0")]
    for number, text in enumerate([GOOD, *bad]):
        (tmp_path / f"{number}.cif").write_text(text)
    library = read_library(tmp_path)
    assert library.names == ("0",)
    assert len(library.problems) == len(bad)


# --- the shared cases -------------------------------------------------------------------------------------------

SALT = {"Na": 4.0, "Cl": 4.0}
LICOO2 = {"Li": 3.0, "Co": 3.0, "O": 6.0}
CASES: dict[str, tuple[dict[str, float] | None, str]] = {  # content, None where it is refused; what is said
    "atoms/centroid": (SALT, "not an atom"),
    "atoms/co3": (None, "group of atoms"),
    "atoms/icsd_no_coordinates": (SALT, "hydrogen H1"),
    "atoms/mixed_type": (None, "a mixture of elements"),
    "atoms/nh4": ({"N": 4.0, "Cl": 4.0}, "taken as N"),
    "atoms/vacancy": ({"Na": 3.6, "Cl": 4.0}, "vacancy"),
    "content/lost_column": (None, "the sites are inconsistent"),
    "content/no_group": (None, "is not a group"),
    "content/operations_against_symbol": (SALT, "symmetry taken from its symbol"),
    "content/p_for_f": ({"Na": 1.0, "Cl": 1.0}, "Z is 4"),
    "content/volume": (SALT, "160 is stated"),
    "content/z_8_for_4": (SALT, "Z is 8"),
    "copies/cell_and_symmetry": (SALT, "used once"),
    "copies/csd_molecule": ({"Fe": 1.0, "O": 2.0, "C": 2.0}, "used once"),
    "copies/identity_and_symbol": (SALT, "used once"),
    "syntax/bom": (LICOO2, "syntax corrected"),
    "syntax/duplicate_tag": (LICOO2, "syntax corrected"),
    "syntax/no_value": (LICOO2, "syntax corrected"),
    "syntax/nonascii_unquoted": (LICOO2, "syntax corrected"),
    "syntax/unquoted_blanks": (LICOO2, "syntax corrected"),
    "syntax/unquoted_symbol": (LICOO2, "syntax corrected"),
}


@pytest.mark.parametrize("name", CASES)
def test_case(shared: Path, name: str) -> None:
    path = shared.parent / "cases" / "cifs" / f"{name}.cif"
    if not path.is_file():
        pytest.skip("needs the shared cases")
    content, said = CASES[name]
    if content is None:
        assert said in refusal(path.read_text())
    else:
        phase = read(path.read_text())
        assert composition(phase) == pytest.approx(content)
        assert any(said in note for note in phase.notes)
