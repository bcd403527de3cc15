"""Phases written as CIFs come back as they were, and gemmi and pymatgen read them alike."""

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
    """Equal but for what was mended, and for rounding."""
    plain = [replace(phase, notes=(), sites=(), cell_mass=0.0) for phase in (one, other)]
    assert plain[0] == plain[1]
    assert one.cell_mass == pytest.approx(other.cell_mass, rel=1e-9)
    assert len(one.sites) == len(other.sites)
    for a, b in zip(one.sites, other.sites, strict=True):
        assert (a.label, a.element, a.occupancy, a.u_iso, a.u_aniso) == (
            b.label,
            b.element,
            b.occupancy,
            b.u_iso,
            b.u_aniso,
        )
        assert np.allclose(a.position, b.position, atol=1e-9)


def test_shipped_phases_come_back(titania: Library, tmp_path: Path) -> None:
    for phase in titania:
        write_cif(phase, tmp_path / f"{phase.name}.cif")
        assert_same(read_cif(tmp_path / f"{phase.name}.cif"), phase)


@pytest.mark.parametrize("library", ["oxides", "minerals"])
def test_public_structures_come_back(shared: Path, tmp_path: Path, library: str) -> None:
    """Partly filled, mixed, with missing hydrogen, in odd settings."""
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


def test_text_that_needs_quotes_survives(titania: Library, tmp_path: Path) -> None:
    odd = replace(titania.phases[0], source="Ti 'O2' \"x\" # _loop ; data_\nβ", name="odd one")
    write_cif(odd, tmp_path / "odd one.cif")
    assert read_cif(tmp_path / "odd one.cif").source == "Ti 'O2' \"x\" # _loop ; data_ β"


def test_a_folder_that_cannot_be_written_is_one_sentence(titania: Library, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("here")
    with pytest.raises(BragglensError, match="cannot be written"):
        write_cif(titania.phases[0], tmp_path / "taken" / "a.cif")
