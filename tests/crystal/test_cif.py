"""Common errors of public CIFs, each in an artificial file, and files that are not CIFs."""

from __future__ import annotations

import dataclasses
import importlib.resources
import time
from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bragglens.crystal import cif as reader
from bragglens.crystal.cif import DEFAULT_U_ISO, read_cif
from bragglens.crystal.library import Library, read_library
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.placement import distinct_images, on_special_position
from bragglens.crystal.symmetry import Symmetry
from bragglens.errors import StructureError

SHIPPED = sorted(Path(str(importlib.resources.files("bragglens"))).glob("data/titania/*.cif"))
ROCK_SALT = (5.64, 5.64, 5.64, 90, 90, 90)
SALT = ["Na1 0 0 0", "Cl1 0.5 0.5 0.5"]
FM3M = "_space_group_name_H-M_alt 'F m -3 m'"

Write = Callable[..., Path]
Read = Callable[..., Phase]


def cif(cell: tuple[float, ...], symmetry: str, atoms: list[str], *, columns: str = "", extra: str = "") -> str:
    """A CIF of a cell, symmetry lines, and atoms given as `label x y z` and the values of further columns."""
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    tags = ["label", "fract_x", "fract_y", "fract_z", *columns.split()]
    return "\n".join(
        [
            "data_made_up",
            *(f"_cell_{name} {value}" for name, value in zip(names, cell, strict=True)),
            symmetry,
            extra,
            "loop_",
            *(f"_atom_site_{tag}" for tag in tags),
            *atoms,
            "",
        ]
    )


def operations(*triplets: str) -> str:
    return "\n".join(["loop_", "_space_group_symop_operation_xyz", *(f"'{t}'" for t in triplets)])


def uij(*rows: str) -> str:
    """The Uij table, its rows `label U11 U22 U33 U12 U13 U23`."""
    columns = [f"_atom_site_aniso_{c}" for c in ("label", "U_11", "U_22", "U_33", "U_12", "U_13", "U_23")]
    return "\n".join(["loop_", *columns, *rows])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "made_up.cif") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def read(write: Write) -> Read:
    return lambda *args, **kwargs: read_cif(write(cif(*args, **kwargs)))


def content(phase: Phase) -> dict[str, float]:
    """Atoms of each element in the cell, counted here and not by the reader."""
    counts: dict[str, float] = {}
    for site in phase.sites:
        images = [np.array(gemmi.Op(op).apply_to_xyz(list(site.position))) for op in phase.operations]
        images = {tuple(np.round(1e4 * image).astype(int) % 10000) for image in images}
        counts[site.element] = counts.get(site.element, 0.0) + site.occupancy * len(images)
    return counts


def mass(counts: dict[str, float]) -> float:
    return sum(n * gemmi.Element(element).weight for element, n in counts.items())


def refused(path: Path, read: Callable[[Path], object] = read_cif) -> str:
    """The message of the refusal. It must be one sentence that starts with the file."""
    with pytest.raises(StructureError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) - len(str(path)) < 250
    return message[len(str(path)) + 2 :]


# --- symmetry ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "symmetry",
    [
        FM3M,
        "_symmetry_space_group_name_H-M 'F m 3 m'",
        "_space_group_name_H-M_alt 'Fm-3m'",
        "_space_group_IT_number 225",
        "_symmetry_Int_Tables_number 225",
        "_space_group_name_Hall '-F 4 2 3'",
        operations(*(op.triplet() for op in gemmi.SpaceGroup("F m -3 m").operations())),
        FM3M + "\n_symmetry_Int_Tables_number ?",
    ],
    ids=["symbol", "old symbol", "no blanks", "number", "old number", "Hall", "operations", "number unknown"],
)
def test_any_one_statement_of_symmetry_is_enough(read: Read, symmetry: str) -> None:
    """gemmi alone reads a file with only the group number as P 1: one Na and one Cl."""
    phase = read(ROCK_SALT, symmetry, SALT)
    assert content(phase) == {"Na": 4, "Cl": 4}
    assert len(phase.operations) == 192
    assert phase.density == pytest.approx(2.164, abs=0.01)
    assert not phase.notes


ANATASE = (3.7845, 3.7845, 9.5143, 90, 90, 90)
ORIGINS = {"1": ["Ti1 0 0 0", "O1 0 0 0.2081"], "2": ["Ti1 0 0.75 0.125", "O1 0 0.75 0.3331"]}


@pytest.mark.parametrize("origin", ["1", "2"])
@pytest.mark.parametrize("symbol", ["'I 41/a m d'", "I41/amd"])
def test_symbol_without_origin_finds_the_origin_that_fits(read: Read, origin: str, symbol: str) -> None:
    phase = read(ANATASE, f"_space_group_name_H-M_alt {symbol}", ORIGINS[origin])
    assert content(phase) == {"Ti": 4, "O": 8}
    assert phase.density == pytest.approx(3.89, abs=0.01)


def test_a_change_of_origin_is_noted(read: Read) -> None:
    notes = {o: read(ANATASE, "_space_group_name_H-M_alt 'I 41/a m d'", ORIGINS[o]).notes for o in ORIGINS}
    (other,) = [o for o, n in notes.items() if n]
    (note,) = notes[other]
    assert f"origin {other}" in note
    assert "Å apart" in note


@pytest.mark.parametrize(("atoms", "setting"), [("1", "2"), ("2", "1")])
def test_wrong_origin_would_double_the_atoms(write: Write, atoms: str, setting: str) -> None:
    """Operations of the other origin are accepted until the stated density contradicts them."""
    group = operations(*(op.triplet() for op in gemmi.SpaceGroup(f"I 41/a m d:{setting}").operations()))
    assert content(read_cif(write(cif(ANATASE, group, ORIGINS[atoms])))) == {"Ti": 8, "O": 16}
    stated = cif(ANATASE, group, ORIGINS[atoms], extra="_exptl_crystal_density_diffrn 3.893")
    assert "density is 7.79" in refused(write(stated))


def test_density_decides_the_origin_if_distances_cannot(read: Read) -> None:
    """Oxygen of spinel has 32 atoms with either origin, but the metals would exchange their sites."""
    spinel = (8.08, 8.08, 8.08, 90, 90, 90)
    atoms = ["Mg1 0.125 0.125 0.125", "Al1 0.5 0.5 0.5", "O1 0.2624 0.2624 0.2624"]
    phase = read(spinel, "_space_group_name_H-M_alt 'F d -3 m'", atoms, extra="_exptl_crystal_density_diffrn 3.58")
    assert content(phase) == {"Mg": 8, "Al": 16, "O": 32}
    assert phase.density == pytest.approx(3.58, abs=0.02)


RHOMBOHEDRAL = (5.127, 5.127, 5.127, 55.28, 55.28, 55.28)  # corundum, two formula units


def test_rhombohedral_axes_are_recognised_by_the_cell(read: Read) -> None:
    atoms = ["Al1 0.3521 0.3521 0.3521", "O1 0.5563 0.9437 0.25"]
    phase = read(RHOMBOHEDRAL, "_space_group_name_H-M_alt 'R -3 c'", atoms)
    assert content(phase) == {"Al": 4, "O": 6}
    assert phase.density == pytest.approx(3.99, abs=0.02)


def test_hexagonal_axes_of_the_same_symbol(read: Read) -> None:
    atoms = ["Al1 0 0 0.3521", "O1 0.3063 0 0.25"]
    phase = read((4.759, 4.759, 12.99, 90, 90, 120), "_space_group_name_H-M_alt 'R -3 c'", atoms)
    assert content(phase) == {"Al": 12, "O": 18}


def test_operations_take_precedence_over_the_symbol(read: Read) -> None:
    """The operations give an unusual setting, while the symbol beside them is the standard one."""
    ops = operations(*(op.triplet() for op in gemmi.SpaceGroup("F m -3 m").operations()))
    assert content(read(ROCK_SALT, "_space_group_name_H-M_alt 'P 1'\n" + ops, SALT)) == {"Na": 4, "Cl": 4}


def test_a_list_with_one_missing_operation_is_completed(read: Read) -> None:
    group = [op.triplet() for op in gemmi.SpaceGroup("P 4/m m m").operations()]
    lost = operations(*(t for t in group if t != "-y,x,z"))
    phase = read((4, 4, 6, 90, 90, 90), lost, ["Ti1 0 0 0", "O1 0.21 0.37 0.29"])
    assert content(phase)["O"] == 16
    assert sorted(phase.operations) == sorted(group)
    assert "15 are stated, 16 were taken" in phase.notes[0]


def test_list_without_the_identity_is_completed(read: Read) -> None:
    phase = read((4, 5, 6, 80, 95, 100), operations("-x,-y,-z"), ["Ti1 0.2 0.3 0.4"])
    assert sorted(phase.operations) == ["-x,-y,-z", "x,y,z"]


@pytest.mark.parametrize("bad", ["x,y,foo", "x,x,x", "x+y,y,z", "0,y,z", "x,y", "x,y,z+0.29"])
def test_with_an_invalid_operation_the_symbol_is_used(read: Read, bad: str) -> None:
    phase = read(ROCK_SALT, FM3M + "\n" + operations("x,y,z", bad), SALT)
    assert content(phase) == {"Na": 4, "Cl": 4}


@pytest.mark.parametrize("bad", ["x,y,foo", "x,x,x", "x+y,y,z", "0,y,z"])
def test_an_invalid_operation_without_a_symbol_is_refused(write: Write, bad: str) -> None:
    assert "symmetry" in refused(write(cif(ROCK_SALT, operations("x,y,z", bad), SALT)))


@pytest.mark.parametrize("cell", [(5.6, 6.6, 5.6, 90, 90, 90), (5.6, 5.6, 5.6, 90, 95, 90)])
def test_cell_that_contradicts_the_symmetry_is_refused(write: Write, cell: tuple[float, ...]) -> None:
    """A cubic group in a cell with b = 6.6 Å would make every multiplicity wrong."""
    assert "symmetry" in refused(write(cif(cell, FM3M, SALT)))


def test_cell_refined_without_its_symmetry_is_accepted(read: Read) -> None:
    assert content(read((5.64, 5.645, 5.637, 90, 90.05, 90), FM3M, SALT)) == {"Na": 4, "Cl": 4}


# --- positions --------------------------------------------------------------------------------------------------

WURTZITE = (3.25, 3.25, 5.207, 90, 90, 120)
P63MC = "_space_group_name_H-M_alt 'P 63 m c'"


@pytest.mark.parametrize("third", ["0.33333", "0.3333", "0.333", "0.33", "0.3333(5)"])
def test_rounded_thirds_are_moved_to_the_special_position(read: Read, third: str) -> None:
    rest = {"0.33333": "0.66667", "0.33": "0.67"}.get(third, "0.6667")
    phase = read(WURTZITE, P63MC, [f"Zn1 {third} {rest} 0", f"O1 {third} {rest} 0.382"])
    assert content(phase) == {"Zn": 2, "O": 2}
    for site in phase.sites:
        assert site.position[:2] == pytest.approx((1 / 3, 2 / 3), abs=1e-9)
    assert phase.sites[1].position[2] == pytest.approx(0.382)


def test_general_position_is_not_changed(read: Read) -> None:
    phase = read((9, 9, 9, 90, 90, 120), P63MC, ["Zn1 0.12 0.43 0.1"])
    assert phase.sites[0].position == (0.12, 0.43, 0.1)
    assert content(phase) == {"Zn": 12}


@given(
    number=st.sampled_from([225, 227, 166, 194, 139, 62, 15, 176, 230, 221, 191]),
    special=st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 1 / 3, 2 / 3, 0.125])] * 3),
    step=st.tuples(*[st.floats(-0.015, 0.015)] * 3),
)
def test_moved_site_is_on_its_position_to_the_last_digit(
    number: int, special: tuple[float, ...], step: tuple[float, ...]
) -> None:
    """Reader and reflections count the images of a site with tolerances of 0.1 Å and 1e-6. The numbers must agree.

    One averaging over the near images was not enough. Sodium 0.06 Å from (0, 0, 0) in F m -3 m was left with 4 images
    here and 192 there, so that it scattered 48-fold.
    """
    group = gemmi.find_spacegroup_by_number(number)
    system = group.crystal_system_str()
    hexagonal = system in ("trigonal", "hexagonal")
    sizes = (5.0, 5.0, 5.0) if system == "cubic" else (5.0, 5.0, 7.0) if hexagonal or number == 139 else (5.0, 6.0, 7.0)
    cell = gemmi.UnitCell(*sizes, 90, 100 if system == "monoclinic" else 90, 120 if hexagonal else 90)
    symmetry = Symmetry(group.hm, tuple(op.triplet() for op in group.operations()), "a test")
    position = tuple(a + b for a, b in zip(special, step, strict=True))
    site = on_special_position(Site("A", "Na", position, 1.0, 0.01), symmetry, cell, [])
    offsets = symmetry.rotations @ np.array(site.position) + symmetry.translations - np.array(site.position)
    stabiliser = (np.abs(offsets - np.round(offsets)).max(axis=1) < 1e-6).sum()
    assert len(distinct_images(site, symmetry, cell)) == len(symmetry.triplets) // stabiliser


# --- displacements ----------------------------------------------------------------------------------------------

RUTILE = (4.594, 4.594, 2.959, 90, 90, 90)
P42MNM = "_space_group_name_H-M_alt 'P 42/m n m'"
TITANIA = ["Ti1 0 0 0", "O1 0.305 0.305 0"]


def test_scrambled_uij_are_dropped_with_a_note(read: Read) -> None:
    """COD 9015662: the columns are shifted, so that U22 is negative."""
    table = uij("Ti1 0.0068 -0.0004 0.0046 0.0068 0 0", "O1 0.0060 0.0060 0.0040 -0.0019 0 0")
    phase = read(RUTILE, P42MNM + "\n" + table, [f"{a} 0.005" for a in TITANIA], columns="U_iso_or_equiv")
    titanium, oxygen = phase.sites
    assert titanium.u_aniso is None
    assert titanium.u_iso == 0.005
    assert oxygen.u_aniso is None  # positive definite, but from the same shifted table
    assert phase.notes == (
        "Uij of Ti1 are not positive definite, U_iso is taken",
        "Uij of O1 are in the same table and are not used either",
    )


def test_uij_in_row_order_are_recognised(read: Read) -> None:
    """Uij of rutile in the order of the database, 11 12 13 22 23 33, under the usual heading 11 22 33 12 13 23."""
    by_row = uij("Ti1 0.0068 -0.0004 0 0.0068 0 0.0046", "O1 0.0052 -0.0020 0 0.0052 0 0.0035")
    phase = read(RUTILE, P42MNM + "\n" + by_row, TITANIA)
    assert phase.sites[0].u_aniso == (0.0068, 0.0068, 0.0046, -0.0004, 0, 0)
    assert phase.sites[1].u_iso == pytest.approx((2 * 0.0052 + 0.0035) / 3)
    assert phase.notes == ("Uij were written in the order 11 12 13 22 23 33 under other headings, and were reordered",)


def test_scrambled_uij_without_an_isotropic_value_leave_the_default(read: Read) -> None:
    phase = read(RUTILE, P42MNM + "\n" + uij("Ti1 0.0068 -0.0004 0.0046 0 0 0"), TITANIA)
    assert [s.u_iso for s in phase.sites] == [DEFAULT_U_ISO, DEFAULT_U_ISO]


def test_uij_against_the_site_symmetry_are_dropped_with_a_note(read: Read) -> None:
    """The mirror plane through titanium makes U11 and U22 equal. Scrambled columns may be positive and violate that."""
    phase = read(RUTILE, P42MNM + "\n" + uij("Ti1 0.0168 0.0046 0.0068 0 0 0"), TITANIA)
    assert phase.sites[0].u_aniso is None
    assert phase.notes == ("Uij of Ti1 violate the symmetry of its position, the isotropic value is used",)


def test_valid_uij_are_kept_and_give_the_isotropic_value(read: Read) -> None:
    phase = read(RUTILE, P42MNM + "\n" + uij("Ti1 0.0068 0.0068 0.0046 -0.0003 0 0"), TITANIA)
    assert phase.sites[0].u_aniso == (0.0068, 0.0068, 0.0046, -0.0003, 0, 0)
    assert phase.sites[0].u_iso == pytest.approx(0.00607, abs=1e-5)
    assert not phase.notes


@pytest.mark.parametrize(("stated", "noted"), [("2.0", True), ("-0.01", True), ("?", False), ("0", False)])
def test_impossible_u_iso_becomes_the_default(read: Read, stated: str, noted: bool) -> None:
    """U_iso of 2 Å² (a B in the wrong column) in Bi2O3 changed a fit from 60:40 to 8:92."""
    phase = read(RUTILE, P42MNM, [f"Ti1 0 0 0 {stated}", "O1 0.305 0.305 0 0.007"], columns="U_iso_or_equiv")
    assert [s.u_iso for s in phase.sites] == [DEFAULT_U_ISO, 0.007]
    assert any("Ti1" in note for note in phase.notes) == noted


def test_b_iso_is_converted(read: Read) -> None:
    phase = read(RUTILE, P42MNM, [f"{atom} 0.5" for atom in TITANIA], columns="B_iso_or_equiv")
    assert phase.sites[0].u_iso == pytest.approx(0.5 / (8 * np.pi**2))


# --- elements, occupancies and mass -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "kind", "element"),
    [
        ("Fe(tet)", None, "Fe"),
        ("T1", "Fe(tet)", "Fe"),
        ("M1", "Fe3+", "Fe"),
        ("Wat", None, "O"),
        ("WAT1", None, "O"),
        ("W1", None, "W"),
        ("D1", None, "H"),
        ("OH", None, "O"),
        ("Ow2", "O2-", "O"),
        ("FE1", None, "Fe"),
        ("ca2", None, "Ca"),
    ],
)
def test_element_of_a_site(read: Read, label: str, kind: str | None, element: str) -> None:
    atom = f"{label} 0.1 0.2 0.3" + (f" {kind}" if kind else "")
    phase = read((5, 6, 7, 90, 90, 90), "_space_group_IT_number 1", [atom], columns="type_symbol" if kind else "")
    assert phase.sites[0].element == element
    assert bool(phase.notes) == label.upper().startswith(("WAT", "D"))


def test_formula_decides_between_cobalt_and_carbon(read: Read) -> None:
    atoms = ["Ca1 0 0 0", "CO1 0.5 0.5 0.5"]
    cell, group = (5, 5, 5, 90, 90, 90), "_space_group_IT_number 1"
    assert read(cell, group, atoms, extra="_chemical_formula_sum 'Ca C O3'").sites[1].element == "C"
    assert read(cell, group, atoms, extra="_chemical_formula_sum 'Ca Co O3'").sites[1].element == "Co"


def test_mass_of_missing_hydrogen_comes_from_the_formula(read: Read) -> None:
    """Boehmite as in AMCSD: Al O2 H without the hydrogen site, 1.7% of the weight."""
    boehmite = (2.868, 12.234, 3.692, 90, 90, 90)
    atoms = ["Al 0 0.3172 0.25", "O1 0 0.7134 0.25", "O2 0 0.0820 0.25"]
    phase = read(boehmite, "_space_group_name_H-M_alt 'C m c m'", atoms, extra="_chemical_formula_sum 'Al O2 H'")
    assert phase.cell_mass == pytest.approx(mass({"Al": 4, "O": 8, "H": 4}))
    assert "no sites for H: their mass is taken from the formula" in phase.notes
    without = read(boehmite, "_space_group_name_H-M_alt 'C m c m'", atoms)
    assert without.cell_mass == pytest.approx(mass({"Al": 4, "O": 8}))


def test_mass_of_water_includes_its_hydrogen(read: Read) -> None:
    atoms = ["Na1 0 0 0", "Wat 0.5 0.5 0.5"]
    phase = read((4, 4, 4, 90, 90, 90), "_space_group_IT_number 1", atoms, extra="_chemical_formula_sum 'Na O H2'")
    assert phase.cell_mass == pytest.approx(mass({"Na": 1, "O": 1, "H": 2}))


def test_formula_of_something_else_adds_no_mass(read: Read) -> None:
    phase = read(ROCK_SALT, FM3M, SALT, extra="_chemical_formula_sum 'Na Cl Pb4'")
    assert phase.cell_mass == pytest.approx(mass({"Na": 4, "Cl": 4}))
    assert any("Pb" in note for note in phase.notes)


def test_partial_and_mixed_occupancies(read: Read) -> None:
    atoms = ["Mg1 0 0 0 0.7", "Fe1 0 0 0 0.3", "O1 0.5 0.5 0.5 0.9"]
    phase = read(ROCK_SALT, FM3M, atoms, columns="occupancy")
    assert content(phase) == pytest.approx({"Mg": 2.8, "Fe": 1.2, "O": 3.6})
    assert phase.cell_mass == pytest.approx(mass({"Mg": 2.8, "Fe": 1.2, "O": 3.6}))
    assert not phase.notes


def test_occupancy_above_one_is_taken_as_one(read: Read) -> None:
    phase = read(ROCK_SALT, FM3M, ["Na1 0 0 0 1.8", "Cl1 0.5 0.5 0.5 1"], columns="occupancy")
    assert phase.sites[0].occupancy == 1
    assert "Na1" in phase.notes[0]


def test_split_atoms_may_overlap_and_full_ones_may_not(write: Write) -> None:
    def split(share: float) -> str:
        atoms = ["Na1 0 0 0 1", f"Cl1 0.5 0.5 0.45 {share}", f"Cl2 0.5 0.5 0.55 {share}"]
        return cif((5, 5, 5, 90, 90, 90), "_space_group_IT_number 1", atoms, columns="occupancy")

    assert content(read_cif(write(split(0.5)))) == {"Na": 1, "Cl": 1}
    assert "0.50 Å apart" in refused(write(split(1.0)))


def test_formula_is_made_from_the_sites_if_none_is_stated(read: Read) -> None:
    assert read(ROCK_SALT, FM3M, SALT).formula == "Cl4 Na4"
    assert read(ROCK_SALT, FM3M, SALT, extra="_chemical_formula_sum 'Na Cl'").formula == "Na Cl"


def test_name_and_source(read: Read) -> None:
    extra = "_journal_name_full 'Made up'\n_journal_year 1999\n_cod_database_code 123"
    phase = read(ROCK_SALT, FM3M, SALT, extra=extra)
    assert (phase.name, phase.source) == ("made_up", "Made up (1999); COD 123")


# --- files that cannot be read ----------------------------------------------------------------------------------

GOOD = cif(ROCK_SALT, FM3M, SALT)
BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "no unit cell"),
    "blank": ("\n \n", "no unit cell"),
    "prose": ("This is not a CIF.\n", "damaged or no CIF"),
    "markup": ("<!DOCTYPE html><html><body>404</body></html>", "damaged or no CIF"),
    "binary": (bytes(range(256)) * 40, "damaged or no CIF"),
    "nul": (b"\0" * 1000, "damaged or no CIF"),
    "utf-16": (GOOD.encode("utf-16"), "damaged or no CIF"),
    "open quote": (GOOD.replace("'F m -3 m'", "'F m -3 m"), "damaged or no CIF"),
    "no cell": ("data_x\n_chemical_name_mineral Halite\n", "no unit cell"),
    "half a cell": (GOOD.replace("_cell_length_c 5.64\n", ""), "unit cell"),
    "no sites": (GOOD.partition("loop_")[0], "no atom sites"),
    "no symmetry": (GOOD.replace(FM3M, ""), "no known symmetry"),
    "no such group": (GOOD.replace("F m -3 m", "Q m -3 m"), "no known symmetry"),
    "number is a word": (GOOD.replace(FM3M, "_space_group_IT_number twelve"), "damaged"),
    "number is broken": (GOOD.replace(FM3M, "_space_group_IT_number 225.0"), "damaged"),
    "number too large": (GOOD.replace(FM3M, "_space_group_IT_number 999"), "no known symmetry"),
    "unknown element": (GOOD.replace("Na1", "Xx1"), "atom 'Xx1' has no known element"),
    "label without letters": (GOOD.replace("Na1", "123"), "atom '123' has no known element"),
    "coordinate unknown": (GOOD.replace("Na1 0 0 0", "Na1 ? 0 0"), "atom 'Na1' has no coordinates"),
    "coordinate a word": (GOOD.replace("Na1 0 0 0", "Na1 0 zero 0"), "atom 'Na1' has no coordinates"),
    "coordinate nan": (GOOD.replace("Na1 0 0 0", "Na1 0 0 nan"), "atom 'Na1' has no coordinates"),
    "coordinate infinite": (GOOD.replace("Na1 0 0 0", "Na1 0 0 1e999"), "atom 'Na1' has no coordinates"),
    "flat cell": (cif((5, 5, 5, 120, 120, 120), "_space_group_IT_number 1", SALT), "not possible"),
    "angles that do not close": (cif((5, 5, 5, 30, 30, 120), "_space_group_IT_number 1", SALT), "not possible"),
    "length zero": (cif((0, 5, 5, 90, 90, 90), "_space_group_IT_number 1", SALT), "not possible"),
    "length negative": (cif((-5, 5, 5, 90, 90, 90), "_space_group_IT_number 1", SALT), "not possible"),
    "length in pm": (cif((564, 564, 564, 90, 90, 90), FM3M, SALT), "not possible"),
    "angle of 180": (cif((5, 5, 5, 90, 180, 90), "_space_group_IT_number 1", SALT), "not possible"),
    "all atoms at one place": (GOOD.replace("0.5 0.5 0.5", "0 0 0"), "Å apart"),
    "density of a star": (cif((5, 5, 5, 90, 90, 90), FM3M, ["Pb1 0.25 0.25 0.25", "Pb2 0 0 0"]), "density"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file_is_refused_in_one_sentence(write: Write, case: str) -> None:
    text, reason = BAD[case]
    assert reason in refused(write(text))


def test_missing_file_and_folder_instead_of_a_file(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nowhere.cif")
    assert "is a folder, a device or a pipe" in refused(tmp_path)


def test_too_large_file_is_not_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_FILE_SIZE", 100)
    assert "too large" in refused(write(GOOD))


def test_latin_1_and_windows_lines_are_read(write: Write) -> None:
    text = GOOD.replace("data_made_up\n", "data_made_up\n_publ_author_name 'Groß'\n").replace("\n", "\r\n")
    assert content(read_cif(write(text.encode("latin-1")))) == {"Na": 4, "Cl": 4}


def test_first_block_with_atoms_is_taken(write: Write) -> None:
    without = cif((9, 9, 9, 90, 90, 90), FM3M, []).partition("loop_")[0].replace("made_up", "without")
    assert read_cif(write("data_global\n_journal_year 1999\n" + without + GOOD)).cell == ROCK_SALT


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_damaged_file_gives_a_phase_or_a_refusal(path: Path, tmp_path: Path) -> None:
    """Cut at 20 positions, and with 1 to 12 bytes changed 100 times: no other exception, and no hang."""
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    cases = [whole[:end] for end in np.linspace(0, len(whole), 21).astype(int)[:-1]]
    for _ in range(100):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), size=random.integers(1, 13)):
            damaged[place] ^= 1 << int(random.integers(8))
        cases.append(bytes(damaged))
    victim = tmp_path / "victim.cif"
    outcomes = set()
    for case in cases:
        victim.write_bytes(case)
        started = time.process_time()
        try:
            phase = read_cif(victim)
        except StructureError as error:
            outcomes.add("a refusal of one line" if "\n" not in str(error) else str(error))
        else:
            outcomes.add("a phase")
            assert phase.sites
            assert np.isfinite(phase.density)
            assert 0 < phase.density < 40
        assert time.process_time() - started < 5  # an intact file takes 0.01 s
    assert outcomes == {"a refusal of one line", "a phase"}


# --- libraries --------------------------------------------------------------------------------------------------


def test_library_reads_what_it_can_and_names_the_rest(write: Write, tmp_path: Path) -> None:
    write(GOOD, "salt.cif")
    write(GOOD, "Another.CIF")
    write("no structure", "broken.cif")
    write("not looked at", "notes.txt")
    library = read_library(tmp_path)
    assert library.names == ("Another", "salt")
    (problem,) = library.problems
    assert "broken.cif" in problem
    assert "\n" not in problem


def test_folders_that_hold_no_library(write: Write, tmp_path: Path) -> None:
    assert "is not a folder" in refused(tmp_path / "nowhere", read_library)
    assert "no .cif or .str file" in refused(tmp_path, read_library)
    bad = write("no structure", "broken.cif")
    assert "is damaged" in refused(bad, read_library)
    assert "none of its 1" in refused(tmp_path, read_library)


def test_library_as_json_is_unchanged_and_its_hash_depends_on_the_structures(write: Write, tmp_path: Path) -> None:
    write(GOOD, "salt.cif")
    library = read_library(tmp_path)
    assert Library.from_list(library.to_list()) == library
    (salt,) = library
    assert Library((dataclasses.replace(salt, notes=("read elsewhere",)),)).hash == library.hash
    assert Library((dataclasses.replace(salt, cell=(5.65, 5.65, 5.65, 90.0, 90.0, 90.0)),)).hash != library.hash
