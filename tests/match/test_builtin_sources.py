"""Sources of the built-in library in library/build.py, and coverage of the list of common phases."""

import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from bragglens.crystal.cif import parse_cif
from bragglens.crystal.library import read_library
from bragglens.match.builtin import builtin, entries
from bragglens.simulate.lines import lines_of_phases

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "library"))
from aflow import unlike_title  # noqa: E402
from amcsd import _of_title  # noqa: E402
from larch import larch  # noqa: E402
from listed import Coverage, Row, counts, read_rows, shares, strongest_lines, unlike  # noqa: E402
from record import Record  # noqa: E402
from scopes import _list, is_metallic, is_of_batteries, is_organic  # noqa: E402
from structure import shortest_contact  # noqa: E402
from typed import typed  # noqa: E402

ROWS = read_rows(Path(__file__).parent / "coverage.csv")
HELD = 450  # rows of the list that the library holds


def test_the_list_is_complete() -> None:
    assert len(ROWS) == 527
    assert sum(row.cell is None for row in ROWS) == 82


def test_number_of_common_phases_in_the_library() -> None:
    catalogue = builtin()
    coverage = Coverage(catalogue.library, catalogue.lines)
    missing = [row.name for row in ROWS if not coverage.holding(row)[0]]
    assert len(ROWS) - len(missing) >= HELD, missing


RUTILE = Row("", "rutile", "TiO2", "136", (4.594, 4.594, 2.959, 90.0, 90.0, 90.0), 4.25, (3.248, 1.687, 2.487))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (RUTILE, ""),
        (replace(RUTILE, cell=(2.959, 4.594, 4.594, 90.0, 90.0, 90.0), space_group="P 1"), ""),  # another setting
        (replace(RUTILE, cell=None, density=None, strongest=()), ""),
        (replace(RUTILE, cell=None, space_group="14"), "no phase of space group 14"),
        (replace(RUTILE, formula="SnO2"), "no phase of this composition"),
        (replace(RUTILE, cell=(4.63, 4.63, 2.98, 90.0, 90.0, 90.0)), "cell: that of rutile differs by 0.8%"),
        (replace(RUTILE, density=4.1), "density: 4.1 is stated"),
        (replace(RUTILE, strongest=(3.248, 1.687, 2.05)), "strongest lines differ: rutile"),
    ],
)
def test_a_row_counts_with_its_cell_density_and_lines(row: Row, why: str) -> None:
    library = read_library(str(files("bragglens") / "data" / "titania"))
    holding, reason = Coverage(library, lines_of_phases(library)).holding(row)
    assert reason.startswith(why)
    assert holding == ([] if why else ["rutile"])


def test_formulas_of_the_list_are_counted() -> None:
    assert counts("Li1.3333Ti1.6667O4") == {"Li": 1.3333, "Ti": 1.6667, "O": 4.0}
    assert counts("Ca8 Si12 O44 (cell content)") == {"Ca": 8.0, "Si": 12.0, "O": 44.0}
    assert unlike(shares({"Na": 1.0, "Cl": 1.0}), shares({"K": 1.0, "Cl": 1.0})) == 0.5
    assert unlike(shares(counts("AlO2H")), shares(counts("AlO2"))) == 0.0


@pytest.mark.parametrize(
    ("formula", "organic"),
    [
        ("CO1N2H4", True),  # urea
        ("C6H12O6", True),
        ("C2H2CaO4", True),  # formate
        ("CaCO3", False),
        ("Cu2CO5H2", False),  # malachite
        ("CaC2O5H2", False),  # whewellite, an oxalate
        ("Mg5C4O18H10", False),
        ("SiC", False),
    ],
)
def test_organic_molecules_are_recognised_by_their_hydrogen(formula: str, organic: bool) -> None:
    assert is_organic(counts(formula)) == organic


@pytest.mark.parametrize(
    ("formula", "metallic", "battery"),
    [
        ("Cu3Au", True, False),
        ("Fe3C", True, False),
        ("Mg2Si", True, False),
        ("Si", False, False),
        ("FeS2", False, False),
        ("LiFePO4", False, True),
        ("Na3V2P3O12", False, True),
        ("Li6PS5Cl", False, True),
        ("NaCl", False, False),
        ("LiOH", False, False),
    ],
)
def test_rules_of_scopes(formula: str, metallic: bool, battery: bool) -> None:
    assert (is_metallic(counts(formula)), is_of_batteries(counts(formula))) == (metallic, battery)


@pytest.mark.parametrize("record", typed().records, ids=lambda record: record.name)
def test_typed_structures_are_possible(record: Record) -> None:
    """Their sites give their formula, no two atoms are too close, and each has a reference."""
    phase = parse_cif(record.cif, record.name, where=record.name)
    assert record.reference
    assert not [note for note in phase.notes if "mass is taken" not in note], phase.notes
    assert 0.5 < phase.density < 20
    if len(phase.sites) < 100:
        assert shortest_contact(phase) > 1.15  # Å; C-O and C-N bonds are the shortest


@pytest.mark.parametrize("file", ["cement.csv", "battery.csv", "pharma.csv"])
def test_lists_of_scopes_name_phases_of_the_library(file: str) -> None:
    held = {name.casefold() for name in entries()}
    assert [name for name, _, _ in _list(file) if name.casefold() not in held] == []


@pytest.mark.parametrize(
    ("name", "kept"), [("Apatite-(CaF)", "Fluorapatite"), ("Sylvine", "Sylvite"), ("Wolfsbergite", "Chalcostibite")]
)
def test_a_structure_has_one_name(name: str, kept: str) -> None:
    known = entries()
    assert name not in known
    assert known[kept].papers > 3


def test_the_more_symmetric_of_two_space_groups_is_used() -> None:
    """AMCSD also has litharge in a subgroup, and soluble anhydrite in C222."""
    known = entries()
    groups = {name: known[name].space_group for name in known if name.startswith(("Litharge", "Anhydrite"))}
    assert groups["Litharge"] == "P 4/n m m"
    assert "P 62 2 2" in groups.values()
    assert "C 2 2 2" not in groups.values()


def test_members_of_a_solid_solution_are_kept() -> None:
    assert {"Forsterite", "Fayalite", "andesine", "labradorite", "Magnetite", "Maghemite"} <= set(entries())


def test_lines_broadened_by_stacking_faults_are_strong_lines_of_the_structure() -> None:
    """(101) of LaNi5, 2.94 Å, is among its strongest lines, but the search does not use it."""
    assert abs(strongest_lines(builtin().library["LaNi5"]) - 2.9365).min() < 0.002


@pytest.mark.parametrize(
    ("title", "distance"),
    [
        ("Refinement of the structure of NaCl at 32 kbar", 2),
        ("Structure of Ta3N5 at 16 K by neutron diffraction", 2),
        ("Structure of Al2TiO5 at room temperature and at 600 C", 0),
        ("Structure of 'Orange' 18O2 at 9.6 GPa and 297 K", 0),
        ("A new 42 K superconductor", 0),
    ],
)
def test_conditions_are_read_from_titles(title: str, distance: int) -> None:
    assert _of_title(title).distance == distance


def test_typed_phases_are_in_the_library_with_paper_and_doubts() -> None:
    known = entries()
    for record in typed().records:
        assert known[record.name].source == "typed"
        assert known[record.name].reference == record.reference
        assert known[record.name].doubts == record.doubts


ALBITE = """data_global
_chemical_name_mineral 'Albite'
_journal_name_full 'American Mineralogist'
_journal_year 1969
_publ_section_title
;
 A feldspar at 25 C
 _cod_database_code 1
;
_database_code_amcsd 0000099
_chemical_formula_sum 'Na (Al Si3) O8'
"""


def test_entries_of_the_older_database_have_the_fields_for_the_choice(tmp_path: Path) -> None:
    path = tmp_path / "amcsd_cif.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE ciftbl (amcsd_id INTEGER, cif BLOB)")
        connection.execute("INSERT INTO ciftbl VALUES (99, ?)", (ALBITE.encode(),))
    (entry,) = larch(path)
    assert (entry.code, entry.mineral, entry.formula, entry.year) == ("0000099", "Albite", "Na (Al Si3) O8", 1969)
    assert entry.title.startswith("A feldspar at 25 C")
    assert (entry.specimen, entry.density, entry.cif) == ("", 0.0, ALBITE)


@pytest.mark.parametrize(
    ("title", "content", "wrong"),
    [
        ("Andalusite (Al$_{2}$SiO$_{5}$, $S0_{2}$) Structure", {"Al": 8, "O": 20, "S": 4}, "has Si"),
        ("Andalusite (Al$_{2}$SiO$_{5}$, $S0_{2}$) Structure", {"Al": 8, "O": 20, "Si": 4}, ""),
        ("Low-Temperature GaMo$_{4}$S$_{8}$ Structure", {"Ga": 1, "Mo": 4, "Si": 8}, "has S,"),
        ("$\\gamma$-Ga$_{2}$O$_{3}$ Structure", {"Ga": 88, "O": 32}, "other ratios"),
        ("Gypsum (CaSO$_{4}$$\\cdot$2H$_{2}$O, $H4_{6}$) Structure", {"Ca": 4, "S": 4, "O": 24}, ""),
        ("Chrysotile (Mg$_{3}$Si$_{2}$O$_{5}$(OH)$_{4}$) Structure", {"Mg": 12, "Si": 8, "O": 36}, ""),
        ("FCC C$_{60}$ Buckminsterfullerene Structure", {"C": 240}, ""),
        ("Diamond ($A4$) Structure", {"C": 8}, ""),
    ],
)
def test_atoms_that_disagree_with_the_title_are_found(title: str, content: dict[str, float], wrong: str) -> None:
    found = unlike_title(content, title)
    assert wrong in found if wrong else not found
