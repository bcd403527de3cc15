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
