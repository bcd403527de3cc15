"""CIFs with several structures: each is a phase, and a bad one does not stop the others."""

from __future__ import annotations

from pathlib import Path

import pytest

import bragglens
from bragglens.crystal.cif import read_cif
from bragglens.crystal.structure_file import read_structures
from bragglens.errors import StructureError
from bragglens.simulate.build import build_library
from bragglens.simulate.built import read_built


def block(name: str, edge: float, metal: str = "Na") -> str:
    angles = "\n".join(f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma"))
    edges = "\n".join(f"_cell_length_{axis} {edge}" for axis in "abc")
    tags = "\n".join(f"_atom_site_{tag}" for tag in ("label", "fract_x", "fract_y", "fract_z"))
    atoms = f"{metal}1 0 0 0\nCl1 .5 .5 .5"
    return f"data_{name}\n{edges}\n{angles}\n_space_group_name_H-M_alt 'F m -3 m'\nloop_\n{tags}\n{atoms}\n"


SEVERAL = "data_global\n_journal_year 1999\n" + block("halite", 5.64) + block("bad", 0.1) + block("sylvite", 6.29, "K")


def test_every_block_with_atoms_is_a_phase(tmp_path: Path) -> None:
    path = tmp_path / "salts.cif"
    path.write_text(SEVERAL)
    library = bragglens.read_library(path)
    assert library.names == ("salts_halite", "salts_sylvite")
    assert len(library.problems) == 1
    assert library.problems[0].startswith(f"{path} (data_bad): the unit cell")
    (tmp_path / "more.cif").write_text(block("x", 5.64))
    assert bragglens.read_library(tmp_path).names == ("more", "salts_halite", "salts_sylvite")
    assert read_cif(path).notes[0] == "holds 3 structures, the first is used (data_halite)"


def test_blocks_of_one_name_get_different_names(tmp_path: Path) -> None:
    path = tmp_path / "salts.cif"
    path.write_text(block("salts", 5.64) + block("I", 5.7).replace("data_I", "data_i_1") + block("J", 6.29, "K"))
    assert read_structures(path).blocks == ("salts", "i_1", "J")
    assert [phase.name for phase in read_structures(path).phases] == ["salts", "salts_i_1", "salts_J"]


def test_a_file_of_bad_blocks_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bad.cif"
    path.write_text(block("one", 0.1) + block("two", 0.2))
    with pytest.raises(
        StructureError, match=r"none of its 2 structures can be read; the first: .*data_one\): the unit"
    ):
        read_structures(path)


def test_a_build_includes_all_blocks_and_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "cifs"
    (folder / "zoo").mkdir(parents=True)
    (folder / "salts.cif").write_text(SEVERAL)
    (folder / "zoo" / "salts.cif").write_text(block("halite", 5.5, "Ag") + block("sylvite", 6.6, "Rb"))
    (folder / "corundum.str").write_text(
        "PHASE=x SpacegroupNo=167 HermannMauguin=R-32/c //\nA=0.47589 C=1.2991\n"
        "E=AL+3 Wyckoff=c z=0.3520\nE=O-2 Wyckoff=e x=0.3060\n"
    )
    built = build_library(folder, tmp_path / "salts.library")
    first = (tmp_path / "salts.library").read_bytes()
    assert sorted(built.library.names) == [
        "corundum", "salts_halite", "salts_sylvite", "zoo_salts_halite", "zoo_salts_sylvite"
    ]  # fmt: skip
    assert [problem.partition(":")[0] for problem in built.library.problems] == ["salts.cif (data_bad)"]
    members = {member["name"]: member for member in read_built(tmp_path / "salts.library").members}
    assert members["salts_sylvite"]["block"] == "sylvite"
    assert "block" not in members["corundum"]
    build_library(folder, tmp_path / "salts.library")
    assert (tmp_path / "salts.library").read_bytes() == first
