"""A phase written as CIF is read back as the same phase."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from gemmi import cif

from bragglens.crystal.cif import read_cif
from bragglens.crystal.library import Library, read_library
from bragglens.crystal.phase import Phase
from bragglens.crystal.write_cif import structure_block


def again(phase: Phase, folder: Path) -> Phase:
    document = cif.Document()
    document.add_copied_block(structure_block(phase, "x"))
    (folder / f"{phase.name}.cif").write_text(document.as_string())
    return read_cif(folder / f"{phase.name}.cif")


def assert_same(phase: Phase, folder: Path) -> None:
    read = again(phase, folder)
    assert all("their mass is taken from the formula" in note for note in read.notes)
    assert set(read.operations) == set(phase.operations)
    np.testing.assert_allclose(read.cell, phase.cell, rtol=1e-5)
    assert read.cell_mass == pytest.approx(phase.cell_mass, rel=1e-3)
    assert [site.label for site in read.sites] == [site.label for site in phase.sites]
    for one, other in zip(read.sites, phase.sites, strict=True):
        np.testing.assert_allclose(one.position, other.position, atol=2e-6)
        assert one.element == other.element
        assert one.occupancy == pytest.approx(other.occupancy)
        assert one.u_iso == pytest.approx(other.u_iso, abs=1e-5)
        assert (one.u_aniso is None) == (other.u_aniso is None)


def test_titania(titania: Library, tmp_path: Path) -> None:
    for phase in titania:
        assert_same(phase, tmp_path)


@pytest.mark.parametrize("library", ["oxides", "minerals"])
def test_libraries_with_all_their_oddities(library: str, shared: Path, tmp_path: Path) -> None:
    for phase in read_library(shared / "phases" / library).phases[::4]:
        assert_same(phase, tmp_path)


def test_gemmi_finds_the_group_and_the_density(titania: Library, tmp_path: Path) -> None:
    again(titania.phases[0], tmp_path)
    structure = gemmi.read_small_structure(str(tmp_path / "anatase.cif"))
    assert structure.spacegroup.number == 141
    assert len([site for site in structure.get_all_unit_cell_sites() if site.element.name == "Ti"]) == 4


def test_rounded_ellipsoids_keep_the_symmetry_of_their_site(tmp_path: Path, titania: Library) -> None:
    """A hexagonal site allows U12 = U22/2 alone; a file that rounds 0.0325/2 to 0.0163 is refused by other programs."""
    wurtzite = """data_x
_cell_length_a 3.25
_cell_length_b 3.25
_cell_length_c 5.207
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_space_group_name_H-M_alt 'P 63 m c'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Zn Zn 0.3333 0.6667 0
O O 0.3333 0.6667 0.382
loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_12
_atom_site_aniso_U_13
_atom_site_aniso_U_23
Zn 0.0325 0.0325 0.0071 0.0163 0 0
O 0.0325 0.0325 0.0071 0.0163 0 0
"""
    (tmp_path / "ZnO.cif").write_text(wurtzite)
    again(read_cif(tmp_path / "ZnO.cif"), tmp_path)
    block = cif.read(str(tmp_path / "ZnO.cif")).sole_block()
    u11, u22, u33, u12, u13, u23 = (
        float(block.find_loop(f"_atom_site_aniso_U_{p}")[0]) for p in (11, 22, 33, 12, 13, 23)
    )
    assert u11 == pytest.approx(u22, abs=2e-8)
    assert u12 == pytest.approx(u22 / 2, abs=2e-8)
    assert u11 == pytest.approx(0.0325, abs=1e-4)
    assert (u33, u13, u23) == (0.0071, 0.0, 0.0)
