"""Minerals of AMCSD: from an artificial database of the same layout, and from the real one if larixite is installed."""

from __future__ import annotations

import base64
import csv
import importlib.metadata
import json
import sqlite3
from pathlib import Path

import gemmi
import numpy as np
import pytest
from typer.testing import CliRunner

from bragglens.cli.app import app
from bragglens.crystal import minerals
from bragglens.crystal.amcsd import Entry
from bragglens.crystal.cif import read_cif
from bragglens.crystal.conditions import conditions
from bragglens.crystal.lattice import lattice_spacings
from bragglens.crystal.library import read_library
from bragglens.crystal.minerals import gather_minerals
from bragglens.crystal.reflections import reflections
from bragglens.errors import StructureError


def stored(*values: float) -> str:
    return base64.b64encode(np.round(np.array(values) * 4e6).astype("<i4").tobytes()).decode()


def entry(code: int, mineral: str, formula: str, a: float, title: str, year: int, **changed: object) -> dict:
    """A crystal of the CsCl type, with one element of the formula on each site."""
    one, other = formula.split()
    return {
        "code": code,
        "mineral": mineral,
        "formula": formula,
        "a": f"{a}",
        "title": title,
        "year": year,
        "sites": json.dumps([one, other]),
        "x": stored(0, 0.5),
        "occupancy": "0",
        **changed,
    }


MADE = [
    entry(1, "Cesiumite", "Cs Cl", 4.12, "Old times", 1930),
    entry(2, "Cesiumite", "Cs Cl", 4.123, "A paper\n Note: T = 298 K", 1990),
    entry(3, "Cesiumite", "Cs Cl", 3.8, "A paper\n Note: P = 5 GPa", 2015),
    entry(4, "Cesiumite", "Cs Br", 4.29, "A bromide of its kind", 2001),
    entry(11, "Cesiumite", "Cs I", 4.56, "An old iodide", 1930),
    entry(12, "Cesiumite", "Cs Cl", 7.9, "An old guess", 1930),
    entry(5, "Cesiumite", "Cs Cl", 6.9, "A rare form", 2010),
    entry(6, "Brokenite", "Cs Cl", 4.1, "No atoms", 2000, x="!"),
    entry(7, "Brokenite", "Cs Cl", 0.1, "No cell", 2000),
    entry(8, "Deepite", "Fe O", 3.0, "From the mantle\n Sample: at T = 1900 K and P = 25 GPa", 2005),
    entry(9, "<missing>", "Ni Al", 2.88, "An alloy", 1999),
    entry(10, "Cesiumite", "Cs Cl", 4.13, "Half of it gone", 2012, occupancy=stored(1, 0.5)),
]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder for the minerals. They come from a database of the layout that larixite has."""
    database = tmp_path / "amcsd.db"
    fill(database, MADE)
    monkeypatch.setattr(minerals, "amcsd_database", lambda: (database, "larixite 0"))
    return tmp_path / "lib"


def fill(path: Path, entries: list[dict]) -> None:
    """A new database of these entries."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        uij = ", ".join(f"atoms_aniso_u{ij}" for ij in ("11", "22", "33", "12", "13", "23"))
        db.executescript(
            "CREATE TABLE minerals (id, name); CREATE TABLE spacegroups (id, hm_notation, symmetry_xyz);"
            "CREATE TABLE publications (id, journalname, volume, year, page_first);"
            "CREATE TABLE cif (id, mineral_id, spacegroup_id, publication_id, formula, compound, pub_title, a, b, c,"
            "alpha, beta, gamma, crystal_density, atoms_sites, atoms_x, atoms_y, atoms_z, atoms_occupancy, atoms_u_iso,"
            f"atoms_aniso_label, {uij})"
        )
        db.execute("INSERT INTO spacegroups VALUES (1, 'P -1 %var1%', ?)", [json.dumps(["x,y,z", "-x,-y,-z"])])
        for one in entries:
            code = one["code"]
            db.execute("INSERT INTO minerals VALUES (?, ?)", [code, one["mineral"]])
            db.execute("INSERT INTO publications VALUES (?, 'Journal', '1', ?, ?)", [code, one["year"], str(code)])
            xyz, cell = [one["x"]] * 3, [one["a"]] * 3
            row = [code, code, 1, code, one["formula"], "<missing>", one["title"], *cell, "90", "90", "90", None]
            row += [one["sites"], *xyz, one["occupancy"], one.get("u", "0"), one.get("moving", '"<missing>"')]
            row += [one.get("uii", "0")] * 3 + [one.get("uij", "0")] * 3
            db.execute(f"INSERT INTO cif VALUES ({','.join('?' * len(row))})", row)
    db.close()


def manifest(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as handle:
        return {row["file"]: row for row in csv.DictReader(handle)}


def test_one_structure_of_each_lattice_is_chosen_with_reasons(made: Path) -> None:
    gathered = gather_minerals(made)
    rows = manifest(made)
    assert sorted(rows) == ["Cesiumite.cif", "Cesiumite_CsBr.cif", "Cesiumite_CsI.cif", "Cesiumite_P-1.cif"]
    assert rows["Cesiumite.cif"]["id"] == "0000002"
    assert rows["Cesiumite.cif"]["others"].split() == ["0000001", "0000010"]
    chosen = "298 K; its sites give the formula; all sites fully occupied; the only such"
    assert rows["Cesiumite.cif"]["chosen"] == chosen
    assert rows["Cesiumite_P-1.cif"]["id"] == "0000005"
    assert read_cif(made / "Cesiumite.cif").cell[0] == 4.123
    assert len(gathered.problems) == 3
    assert "AMCSD 0000006 Brokenite: is damaged" in gathered.problems[0]
    assert "AMCSD 0000007 Brokenite: the unit cell" in gathered.problems[1]
    assert "Deepite: AMCSD has no structure at ambient conditions (1900 K, 25 GPa)" in gathered.problems[2]


def test_a_structure_with_invalid_displacements_comes_after_one_with_valid_ones(made: Path) -> None:
    moving = {"moving": json.dumps(["Cs", "Cl"]), "uij": stored(0, 0), "u": stored(0.01, 0.02)}
    valid = entry(1, "Cesiumite", "Cs Cl", 4.12, "A paper", 1990, **moving, uii=stored(0.01, 0.02))
    invalid = entry(2, "Cesiumite", "Cs Cl", 4.12, "A newer one", 1995, **moving, uii=stored(-0.01, -0.02))
    fill(made.with_name("amcsd.db"), [valid, invalid])
    assert not gather_minerals(made).problems
    assert manifest(made)["Cesiumite.cif"]["id"] == "0000001"


@pytest.mark.parametrize(
    ("selection", "files"),
    [
        ({"elements": "Cs,Cl"}, {"Cesiumite.cif", "Cesiumite_P-1.cif"}),
        ({"elements": "-Cl"}, {"Cesiumite_CsBr.cif", "Cesiumite_CsI.cif"}),
        ({"formula": "CsCl"}, {"Cesiumite.cif", "Cesiumite_P-1.cif"}),
        ({"formula": "AlNi", "compounds": True}, {"NiAl.cif"}),
        ({"names": ["CESIUMITE"], "formula": "CsBr"}, {"Cesiumite_CsBr.cif"}),
    ],
)
def test_selections_give_the_same_files_as_the_whole_database(made: Path, selection: dict, files: set[str]) -> None:
    gather_minerals(made, compounds=True)
    whole = {path.name: path.read_bytes() for path in made.glob("*.cif")}
    chosen = made.with_name("chosen")
    gather_minerals(chosen, **selection)
    assert {path.name: path.read_bytes() for path in chosen.glob("*.cif")} == {name: whole[name] for name in files}


SPELLED = [
    entry(20, "Cesiumite", "Cs Cl", 4.12, "A paper", 1990),
    entry(21, "Cesiumite", "Cs Cl", 4.13, "Another", 1991),
    entry(22, "Cesiummite", "Cs Cl", 4.14, "A third", 1992),
    entry(23, "Cesiummitte", "Cs Cl", 4.14, "A fourth", 1980),
    entry(24, "Cesiumitte", "Cs Br", 4.12, "Another mineral, of a name alike and of this lattice", 1993),
    entry(25, "Cesiumiter", "Cs Cl", 4.82, "Another mineral, of a name alike and of these elements", 1994),
]


@pytest.mark.parametrize("requested", [(), ("Cesiummite",), ("cesiumite", "CESIUMMITTE")])
def test_all_spellings_of_a_mineral_give_the_same_file(made: Path, requested: tuple[str, ...]) -> None:
    fill(made.with_name("amcsd.db"), SPELLED)
    assert not gather_minerals(made, requested).problems
    rows = manifest(made)
    assert set(rows) == {"Cesiumite.cif"} | (set() if requested else {"Cesiumitte.cif", "Cesiumiter.cif"})
    assert rows["Cesiumite.cif"]["id"] == "0000022"  # the newest, under the most frequent name
    assert rows["Cesiumite.cif"]["others"].split() == ["0000021", "0000020", "0000023"]


def test_unknown_names_are_reported_with_similar_ones(made: Path) -> None:
    gathered = gather_minerals(made, ["cesiumit", "cesiumite"])
    assert gathered.problems == ("cesiumit: is not a mineral of AMCSD: is it Cesiumite?",)
    assert len(gathered.files) == 4


def test_a_repeat_adds_missing_files_and_keeps_the_others(made: Path) -> None:
    gather_minerals(made)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in made.iterdir()}
    (made / "Cesiumite.cif").unlink()
    (made / "manifest.csv").unlink()  # as after an interruption
    gather_minerals(made)
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in made.iterdir()}
    assert {name: content for name, (content, _) in after.items()} == {n: c for n, (c, _) in before.items()}
    assert after["Cesiumite_CsBr.cif"] == before["Cesiumite_CsBr.cif"]


def test_a_users_file_of_that_name_is_not_overwritten(made: Path) -> None:
    made.mkdir()
    (made / "Cesiumite.cif").write_text("mine")
    gathered = gather_minerals(made, ["Cesiumite"])
    assert (made / "Cesiumite.cif").read_text() == "mine"
    assert any("was changed, so it is kept" in problem for problem in gathered.problems)
    assert "Cesiumite.cif" not in manifest(made)


def test_a_foreign_database_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.db").write_text("no database at all " * 100)
    monkeypatch.setattr(minerals, "amcsd_database", lambda: (tmp_path / "x.db", ""))
    with pytest.raises(StructureError, match=r"x\.db: is not the AMCSD database"):
        gather_minerals(tmp_path / "lib")


def test_without_larixite_the_message_states_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("bragglens.crystal.amcsd.distribution", none)
    done = CliRunner().invoke(app, ["library", "minerals", "quartz", "-o", str(tmp_path)])
    assert isinstance(done.exception, StructureError)
    assert "pip install --no-deps larixite" in str(done.exception)


@pytest.mark.parametrize(
    ("title", "distance", "words"),
    [
        ("The structure of quartz", 0, "usual conditions"),
        ("Quartz between 9 and 440 K\n Note: T = 9 K", 2, "9 K"),
        ("Quartz between 9 and 440 K\n Note: T = 298(2) K", 0, "298 K"),
        ("Quartz between 9 and 440 K", 1, "in a paper about other conditions"),
        ("Quartz at pressure\n P = 1 atm", 0, "1 atm"),
        ("Quartz\n Sample: at T = 25 C and P = 4.0GPa = 40 kbar", 2, "4.0 GPa, 40 kbar"),
        ("Quartz\n Note: sample is at T = 650 deg C", 2, "650 °C"),
        ("Quartz\n Sample: quenched from T = 1200 C", 0, "usual conditions"),
        ("A mineral\n Note: T = 100 K", 1, "100 K"),
        ("Wollastonite-2M, Fe3 C and 2 CO3", 0, "usual conditions"),
        ("Quartz by density-functional theory", 2, "computed, not measured"),
        ("High-pressure crystal chemistry of spinel", 1, "in a paper about other conditions"),
    ],
)
def test_conditions_are_read_from_titles(title: str, distance: int, words: str) -> None:
    found = conditions(title)
    assert (found.distance, found.words) == (distance, words)


def test_spacings_do_not_depend_on_the_cell_chosen(tmp_path: Path) -> None:
    def spacings(cell: str, symbol: str) -> np.ndarray:
        names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
        tags = "\n".join(f"_cell_{name} {value}" for name, value in zip(names, cell.split(), strict=True))
        atoms = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCu 0 0 0\n"
        (tmp_path / "a.cif").write_text(f"data_a\n{tags}\n_space_group_name_H-M_alt '{symbol}'\n{atoms}")
        return lattice_spacings(read_cif(tmp_path / "a.cif"))

    cubic = spacings("3.6 3.6 3.6 90 90 90", "F m -3 m")
    assert cubic[:7] == pytest.approx([3.6 / 3**0.5] * 4 + [1.8] * 3)
    side = str(3.6 / 2**0.5)
    assert spacings(f"{side} {side} {side} 60 60 60", "P -1") == pytest.approx(cubic)
    assert spacings(f"{side} {side} 3.6 90 90 90", "I 4/m m m") == pytest.approx(cubic)
    assert spacings("3 4 300 90 90 90", "P m m m")[0] == pytest.approx(300)


# --- the real database ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some well-known minerals from larixite's database."""
    try:
        importlib.metadata.distribution("larixite")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs larixite: python -m pip install --no-deps larixite")
    folder = tmp_path_factory.mktemp("minerals")
    gather_minerals(folder, WELL_KNOWN)
    return folder


# d of the three strongest lines in Å, from powder diffraction files and textbooks, the strongest first
WELL_KNOWN = {
    "Quartz": (3.342, 4.257, 1.818),
    "Calcite": (3.035, 2.095, 2.285),
    "Dolomite": (2.886, 2.193, 1.786),
    "Halite": (2.821, 1.994, 1.628),
    "Fluorite": (1.931, 3.153, 1.647),
    "Corundum": (2.085, 2.552, 1.601),
    "Hematite": (2.700, 2.519, 1.694),
    "Magnetite": (2.532, 1.485, 2.967),
    "Rutile": (3.247, 1.687, 2.487),
    "Anatase": (3.520, 1.892, 2.378),
    "Pyrite": (1.633, 2.709, 2.423),
    "Sphalerite": (3.123, 1.912, 1.633),
    "Galena": (2.969, 3.429, 2.099),
    "Periclase": (2.106, 1.489, 1.216),
    "Zincite": (2.476, 2.816, 2.602),
    "Spinel": (2.437, 2.020, 1.429),
    "Silicon": (3.135, 1.920, 1.637),
    "Barite": (3.445, 3.103, 2.121),
    "Gypsum": (7.63, 4.283, 3.065),
    "Baddeleyite": (3.164, 2.841, 2.622),
}


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_well_known_lines(real: Path, name: str) -> None:
    """Each of the three lines is found within 0.7%, among the eight strongest."""
    from bragglens.crystal.scattering import form_factor, form_factor_coefficients

    found = reflections(read_cif(real / f"{name}.cif"), 1.1)
    f = form_factor(form_factor_coefficients(found.elements), 1 / (2 * found.d) ** 2)
    theta = np.arcsin(1.5406 / (2 * found.d))
    lorentz = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    strength = found.multiplicity * np.abs((f * found.geometry).sum(axis=1)) ** 2 * lorentz
    strongest = found.d[np.argsort(-strength)[:8]]
    for d in WELL_KNOWN[name]:
        assert np.abs(strongest / d - 1).min() < 0.007, (name, d, strongest.round(3))


def test_densities_agree_with_amcsd(real: Path) -> None:
    for phase in read_library(real):
        block = gemmi.cif.read(str(real / f"{phase.name}.cif")).sole_block()
        stated = float(block.find_value("_exptl_crystal_density_diffrn"))
        assert phase.density == pytest.approx(stated, rel=0.01), phase.name


def test_command(real: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["library", "minerals", "quartz", "calcit", "-o", str(tmp_path / "lib")])
    assert done.exit_code == 1
    assert "is it Calcite or" in done.output
    assert "1 structures, 1 problems" in done.output
    assert (tmp_path / "lib" / "Quartz.cif").read_bytes() == (real / "Quartz.cif").read_bytes()


@pytest.mark.parametrize("uij", ["-0.01 0.01 0.01 0 0 0", "0.01 0.03 0.01 0 0 0"], ids=["negative", "not cubic"])
def test_of_two_entries_the_one_with_possible_uij_comes_first(uij: str) -> None:
    """The newer would come first otherwise."""

    def cesium_chloride(code: str, year: int, uij: str) -> Entry:
        cif = f"""data_{code}
_cell_length_a 4.12
_cell_length_b 4.12
_cell_length_c 4.12
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs 0 0 0
Cl 0.5 0.5 0.5
loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_12
_atom_site_aniso_U_13
_atom_site_aniso_U_23
Cs {uij}
Cl 0.01 0.01 0.01 0 0 0
"""
        return Entry(code, "Cesiumite", "Cs Cl", "Title", "", year, 0.0, cif)

    entries = [cesium_chloride("1", 1990, "0.01 0.01 0.01 0 0 0"), cesium_chloride("2", 2000, uij)]
    assert [one.entry.code for one in minerals._readable(entries)[0]] == ["1", "2"]
