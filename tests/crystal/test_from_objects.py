"""Objects of pymatgen and ASE give the same phases as their CIFs."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from bragglens.crystal.cif_text import phase_cif
from bragglens.crystal.from_objects import phase_of
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition, reflections
from bragglens.crystal.scattering import form_factor, form_factor_coefficients
from bragglens.errors import StructureError


def lines(phase: Phase) -> np.ndarray:
    """d and multiplicity · |F|² / V² of the strong lines down to 1 Å, atoms at rest, lines of equal d merged."""
    found = reflections(phase, 1.0)
    f = form_factor(form_factor_coefficients(found.elements), 1 / (2 * found.d) ** 2)
    strength = found.multiplicity * np.abs((f * found.geometry).sum(axis=1)) ** 2 / phase.volume**2
    summed: dict[float, float] = {}
    for d, s in zip(found.d, strength, strict=True):
        near = next((key for key in summed if abs(key - d) < 1e-4), d)
        summed[near] = summed.get(near, 0.0) + s
    return np.array([(d, s) for d, s in sorted(summed.items()) if s > 1e-4 * max(summed.values())])


def at_rest(phase: Phase) -> Phase:
    """With the default displacements, as objects have none."""
    from dataclasses import replace

    from bragglens.crystal.cif import DEFAULT_U_ISO

    return replace(phase, sites=tuple(replace(s, u_aniso=None, u_iso=DEFAULT_U_ISO) for s in phase.sites))


def structure_of(phase: Phase, *, primitive: bool = False):
    """The same crystal as a pymatgen Structure, read from the CIF by pymatgen."""
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CifParser.from_str(phase_cif(phase)).parse_structures(primitive=primitive)[0]


@pytest.mark.parametrize("primitive", [False, True])
def test_pymatgen_gives_the_lines_of_the_cif(titania: Library, primitive: bool) -> None:
    for phase in titania:
        made = phase_of(structure_of(phase, primitive=primitive), name=phase.name)
        assert len(made.operations) == len(phase.operations)
        assert made.density == pytest.approx(phase.density, rel=1e-3)
        assert lines(made) == pytest.approx(lines(at_rest(phase)), rel=2e-3)


def test_mixed_and_partly_filled_positions_are_kept() -> None:
    from pymatgen.core import Lattice, Structure

    mixed = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.3), [{"Fe2+": 0.9, "Mg": 0.06}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    phase = phase_of(mixed, name="wustite")
    assert composition(phase) == pytest.approx({"Fe": 3.6, "Mg": 0.24, "O": 4})
    assert phase.space_group == "F m -3 m"
    assert len(phase.sites) == 3


def test_ase_gives_the_lines_of_the_cif(titania: Library) -> None:
    from pymatgen.io.ase import AseAtomsAdaptor

    for phase in titania:
        made = phase_of(AseAtomsAdaptor.get_atoms(structure_of(phase)), name=phase.name)
        assert lines(made) == pytest.approx(lines(at_rest(phase)), rel=2e-3)


def test_occupancies_that_ase_read_from_a_cif_are_kept(tmp_path: Path) -> None:
    import ase.io
    from pymatgen.core import Lattice, Structure

    mixed = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.3), [{"Fe": 0.9, "Mg": 0.1}, {"O": 0.95}], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    mixed.to(filename=str(tmp_path / "mixed.cif"), symprec=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        atoms = ase.io.read(tmp_path / "mixed.cif")
    assert composition(phase_of(atoms, name="mixed")) == pytest.approx({"Fe": 3.6, "Mg": 0.4, "O": 3.8})


def test_without_spglib_a_structure_stays_in_p1_with_a_note(titania: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    structure = structure_of(titania.phases[2])
    monkeypatch.setitem(sys.modules, "spglib", None)
    made = phase_of(structure, name="rutile")
    assert made.space_group == "P 1"
    assert "install spglib" in made.notes[0]
    assert lines(made) == pytest.approx(lines(at_rest(titania.phases[2])), rel=2e-3)


def test_objects_that_are_no_crystals_are_refused() -> None:
    from ase import Atoms
    from ase.build import molecule

    with pytest.raises(StructureError, match="water: is not periodic"):
        phase_of(molecule("H2O"), name="water")
    with pytest.raises(StructureError, match="x: a str is not a supported structure"):
        phase_of("rutile.cif", name="x")
    with pytest.raises(StructureError, match="on: "):
        phase_of(Atoms("Ti2", [[0, 0, 0], [0, 0, 0.1]], cell=[4, 4, 4], pbc=True), name="on")


def test_pymatgen_and_ase_are_not_imported() -> None:
    import subprocess

    code = "import bragglens, sys; print([m for m in ('pymatgen', 'ase', 'spglib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
