"""Unusual CIFs: each is read with a note of the change, or refused with the reason, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bragglens.crystal.cif import read_cif
from bragglens.crystal.library import read_library
from bragglens.errors import StructureError

CELL = "\n".join(
    f"_cell_length_{axis} 5.64\n_cell_angle_{angle} 90"
    for axis, angle in zip("abc", ("alpha", "beta", "gamma"), strict=True)
)
CUBIC = "_space_group_name_H-M_alt 'F m -3 m'"
SITES = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z"
SALT = f"{SITES}\nNa1 0 0 0\nCl1 .5 .5 .5"
WHOLE = f"{CELL}\n{CUBIC}\n{SALT}"

READ = {
    "two structures": (f"data_one\n{WHOLE}\ndata_two\n{WHOLE}\n", "holds 2 structures, the first is used (data_one)"),
    "moments": (
        f"data_a\n{WHOLE}\nloop_\n_atom_site_moment.label\n_atom_site_moment.crystalaxis_x\nNa1 2\n",
        "is magnetic: its moments are ignored",
    ),
    "modulated": (
        f"data_a\n{WHOLE}\n_cell_modulation_dimension 1\n",
        "is modulated: its modulation is ignored",
    ),
    "deuterium": (f"data_a\n{CELL}\n{CUBIC}\n{SALT.replace('Cl1', 'D1')}\n", "deuterium is treated as hydrogen"),
    "hydrogen missing": (
        f"data_a\n_chemical_formula_sum 'Na Cl H2'\n{WHOLE}\n",
        "no sites for H: their mass is taken from the formula",
    ),
    "twice": (
        f"data_a\n{WHOLE}\nNa2 0 0 0\n",
        "1 symmetry-equivalent atoms are listed too and used once: Na2",
    ),
    "not occupied": (
        f"data_a\n{CELL}\n{CUBIC}\n{SITES}\n_atom_site_occupancy\nNa1 0 0 0 1\nCl1 .5 .5 .5 0\n",
        "site Cl1 of occupancy 0 left out",
    ),
}
REFUSED = {
    "no symmetry": (f"data_a\n{CELL}\n{SALT}\n", "states no known symmetry: "),
    "unknown group": (
        f"data_a\n{CELL}\n_space_group_name_H-M_alt 'X 7'\n{SALT}\n",
        "states no known symmetry: ",
    ),
    "magnetic only": (
        f"data_a\n{CELL}\n_space_group_magn.name_BNS 'F_s m -3 m'\n{SALT}\n",
        "states no known symmetry (it is magnetic): ",
    ),
    "macromolecule": ("data_1ABC\n_cell.length_a 50\n_cell.length_b 60\n", "is a CIF of a macromolecule"),
    "Cartesian": (
        f"data_a\n{CELL}\n{CUBIC}\n{SALT.replace('fract', 'Cartn')}\n",
        "has no atom sites with fractional",
    ),
    "two elements at one place": (f"data_a\n{WHOLE}\nK1 0 0 0\n", "two full atoms are 0.00 Å apart"),
    "disorder without occupancies": (f"data_a\n{WHOLE}\nCl2 .52 .5 .5\n", "the atoms do not fit the symmetry"),
    "uncertain cell": (f"data_a\n{WHOLE.replace('_a 5.64', '_a ?')}\n", "the unit cell [nan"),
    "impossible cell": (f"data_a\n{WHOLE.replace('5.64', '0.1')}\n", "the unit cell [0.1"),
    "web page": ("<html><body>404 Not Found</body></html>", "is damaged or no CIF"),
    "UTF-16": (f"data_a\n{WHOLE}\n".encode("utf-16"), "is damaged or no CIF"),
    "empty": ("", "has no unit cell"),
    "cut": (f"data_a\n{WHOLE}"[:-4], "is damaged or no CIF"),
    "control character": (
        f"data_a\n{WHOLE} 1\n".replace("site_label", "site_\x17label"),
        "loop of _atom_site_\ufffdlabel",
    ),
    "dummy atom": (f"data_a\n{WHOLE}\nQ1 .1 .1 .1\n", "atom 'Q1' has no known element"),
}


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", READ)
def test_read_with_a_note(tmp_path: Path, name: str) -> None:
    content, note = READ[name]
    assert note in read_cif(write(tmp_path / "odd.cif", content)).notes


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    content, reason = REFUSED[name]
    with pytest.raises(StructureError) as caught:
        read_cif(write(tmp_path / "odd.cif", content))
    assert str(caught.value).startswith(f"{tmp_path / 'odd.cif'}: ")
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_names_in_another_encoding_are_accepted(tmp_path: Path) -> None:
    text = f"data_a\n_chemical_name_mineral 'Grünä'\n{WHOLE}\n"
    assert len(read_cif(write(tmp_path / "odd.cif", text.encode("latin-1"))).sites) == 2


def test_a_folder_of_unusual_files_is_read_completely(tmp_path: Path) -> None:
    for number, (content, _) in enumerate([*READ.values(), *REFUSED.values()]):
        write(tmp_path / f"{number:02d}.cif", content)
    library = read_library(tmp_path)
    assert len(library) == len(READ) + 1  # one file has two structures
    assert len(library.problems) == len(REFUSED)


def test_every_problem_of_the_public_structures_is_one_line(shared: Path) -> None:
    for folder in ("tio2", "oxides", "minerals"):
        library = read_library(shared / "phases" / folder)
        said = [*library.problems, *(note for phase in library for note in phase.notes)]
        assert all(line.strip() and "\n" not in line and len(line) < 300 for line in said)
