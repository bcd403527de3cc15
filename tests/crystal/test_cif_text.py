"""Written CIFs give the same phases when read again, also with gemmi and pymatgen."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest

from bragglens.crystal.cif import read_cif
from bragglens.crystal.cif_text import write_cif
from bragglens.crystal.library import Library, read_library
from bragglens.crystal.phase import Phase
from bragglens.errors import BragglensError


def assert_same(one: Phase, other: Phase) -> None:
    """Equal except for corrections, rounding, and the spelling of the space group, which the operations determine."""
    plain = [replace(phase, notes=(), sites=(), cell_mass=0.0, space_group="") for phase in (one, other)]
    assert plain[0] == plain[1]
    assert one.cell_mass == pytest.approx(other.cell_mass, rel=1e-9)
    assert len(one.sites) == len(other.sites)
    for a, b in zip(one.sites, other.sites, strict=True):
        assert (a.label, a.element, a.occupancy, a.u_iso) == (b.label, b.element, b.occupancy, b.u_iso)
        assert np.allclose(a.position, b.position, atol=1e-9)
        assert (a.u_aniso is None) == (b.u_aniso is None)
        assert np.allclose(a.u_aniso or 0, b.u_aniso or 0, atol=1e-3)  # the reader restores the symmetry after rounding


def test_phases_of_the_package_are_read_back(titania: Library, tmp_path: Path) -> None:
    for phase in titania:
        write_cif(phase, tmp_path / f"{phase.name}.cif")
        assert_same(read_cif(tmp_path / f"{phase.name}.cif"), phase)


@pytest.mark.parametrize("library", ["oxides", "minerals"])
def test_public_structures_are_read_back(shared: Path, tmp_path: Path, library: str) -> None:
    """With partial and mixed occupancies, missing hydrogen and unusual settings."""
    for phase in read_library(shared / "phases" / library):
        write_cif(phase, tmp_path / f"{phase.name}.cif")
        assert_same(read_cif(tmp_path / f"{phase.name}.cif"), phase)


def test_gemmi_reads_the_same_crystal(titania: Library, tmp_path: Path) -> None:
    for phase in titania:
        write_cif(phase, tmp_path / f"{phase.name}.cif")
        small = gemmi.read_small_structure(str(tmp_path / f"{phase.name}.cif"))
        mass = sum(site.occ * site.element.weight for site in small.get_all_unit_cell_sites())
        assert mass == pytest.approx(phase.cell_mass, rel=1e-6)


def test_pymatgen_reads_the_same_density(titania: Library, tmp_path: Path) -> None:
    from pymatgen.core import Structure

    for phase in titania:
        write_cif(phase, tmp_path / f"{phase.name}.cif")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            density = Structure.from_file(tmp_path / f"{phase.name}.cif").density
        assert float(density) == pytest.approx(phase.density, rel=1e-3)


def test_text_that_needs_quotes_is_kept(titania: Library, tmp_path: Path) -> None:
    odd = replace(titania.phases[0], source="Ti 'O2' \"x\" # _loop ; data_\nβ", name="odd one")
    write_cif(odd, tmp_path / "odd one.cif")
    assert read_cif(tmp_path / "odd one.cif").source == "Ti 'O2' \"x\" # _loop ; data_ β"


def test_a_folder_that_cannot_be_written_is_one_sentence(titania: Library, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("here")
    with pytest.raises(BragglensError, match="cannot be written"):
        write_cif(titania.phases[0], tmp_path / "taken" / "a.cif")


def test_rounded_ellipsoids_keep_the_symmetry_of_their_site(tmp_path: Path) -> None:
    """A hexagonal site allows only U12 = U22/2. Other programs refuse a file that rounds 0.0325/2 to 0.0163."""
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
    write_cif(read_cif(tmp_path / "ZnO.cif"), tmp_path / "ZnO.cif")
    block = gemmi.cif.read(str(tmp_path / "ZnO.cif")).sole_block()
    u11, u22, u33, u12, u13, u23 = (
        float(block.find_loop(f"_atom_site_aniso_U_{p}")[0]) for p in (11, 22, 33, 12, 13, 23)
    )
    assert u11 == pytest.approx(u22, abs=2e-8)
    assert u12 == pytest.approx(u22 / 2, abs=2e-8)
    assert u11 == pytest.approx(0.0325, abs=1e-4)
    assert (u33, u13, u23) == (0.0071, 0.0, 0.0)
