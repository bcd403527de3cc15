"""Phases from objects of pymatgen and ASE. Neither is imported: their attributes are read.

The atoms become a CIF and pass the reader's checks. Both libraries list every atom of the cell. spglib, which pymatgen
installs, finds the symmetry; the allowed strains, the texture and the speed of a fit depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.cif import parse_cif
from bragglens.crystal.cif_text import cell_items, cif_text
from bragglens.crystal.lattice import cell_parameters
from bragglens.crystal.phase import Phase
from bragglens.errors import StructureError

SYMPREC = 0.01  # Å, spglib's tolerance for relaxed and measured structures

Atoms = Sequence[Mapping[str, float]]  # of each position the elements and their occupancies


def phase_of(structure: Any, *, name: str) -> Phase:
    """A phase from a pymatgen Structure or an ASE Atoms.

    Mixed and partly occupied sites are kept. For ASE they are read from `info["occupancy"]`, which ASE fills when it
    reads a CIF; without it they are lost. Displacement parameters get a default, since neither library provides
    reliable ones. The cell becomes the conventional one of the space group, or stays in P 1 if spglib is missing.

    Args:
        structure: `pymatgen.core.Structure` or `ase.Atoms`, periodic in all directions.
        name: of the phase.

    Raises:
        StructureError: it is neither of the two, not periodic, or physically impossible.
    """
    if hasattr(structure, "lattice") and hasattr(structure, "species_and_occu"):
        lattice = np.array(structure.lattice.matrix)
        atoms = [_pymatgen_elements(species) for species in structure.species_and_occu]
        return phase_of_atoms(lattice, np.array(structure.frac_coords), atoms, name=name, source="pymatgen")
    if hasattr(structure, "get_scaled_positions") and hasattr(structure, "cell"):
        if not np.all(structure.pbc):
            raise StructureError(f"{name}: is not periodic in all directions: give a crystal, with pbc=True")
        lattice, positions = np.array(structure.cell), structure.get_scaled_positions()
        return phase_of_atoms(lattice, positions, _ase_elements(structure), name=name, source="ASE")
    raise StructureError(
        f"{name}: a {type(structure).__name__} is not a supported structure: give a pymatgen Structure or an ASE Atoms"
    )


def _pymatgen_elements(species: Any) -> dict[str, float]:
    elements: dict[str, float] = {}
    for one, occupancy in species.items():
        symbol = str(getattr(one, "symbol", one))
        elements[symbol] = elements.get(symbol, 0.0) + float(occupancy)
    return elements


def _ase_elements(atoms: Any) -> list[dict[str, float]]:
    """The elements of each site, mixed if ASE kept the occupancies of its CIF."""
    stated = atoms.info.get("occupancy") or {}
    kinds = atoms.arrays.get("spacegroup_kinds", range(len(atoms)))
    shares = [stated.get(str(kind), stated.get(kind)) for kind in kinds]
    return [
        {element: float(share) for element, share in mixed.items()} if mixed else {symbol: 1.0}
        for mixed, symbol in zip(shares, atoms.get_chemical_symbols(), strict=True)
    ]


def phase_of_atoms(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], atoms: Atoms, *, name: str, source: str
) -> Phase:
    """The phase of a cell (rows a, b, c in Å) and of all its atoms in fractional coordinates, through a CIF.

    Raises:
        StructureError: the crystal is physically impossible.
    """
    volume = abs(float(np.linalg.det(lattice)))
    content: dict[str, float] = {}
    for mixed in atoms:
        for element, share in mixed.items():
            content[element] = content.get(element, 0.0) + share
    found = _conventional(lattice, positions, atoms, name)
    notes: tuple[str, ...] = ()
    if found is None:
        operations, symbol = ["x,y,z"], "P 1"
        notes = (
            "symmetry not determined, P 1 is used: install spglib, since strains and texture depend on the symmetry",
        )
    else:
        lattice, positions, atoms, operations, symbol = found
    rows = [
        (element, share, xyz) for mixed, xyz in zip(atoms, positions, strict=True) for element, share in mixed.items()
    ]
    columns = {
        "label": [f"{element}{number + 1}" for number, (element, _, _) in enumerate(rows)],
        "type_symbol": [element for element, _, _ in rows],
        **{f"fract_{axis}": [f"{xyz[i]:.8f}" for _, _, xyz in rows] for i, axis in enumerate("xyz")},
        "occupancy": [f"{share:.6f}" for _, share, _ in rows],
    }
    text = cif_text(
        name,
        {
            **cell_items([f"{value:.8f}" for value in cell_parameters(lattice.T)]),
            "_space_group_name_H-M_alt": symbol,
            "_publ_section_references": source,
        },
        {"_space_group_symop_": {"operation_xyz": operations}, "_atom_site_": columns},
    )
    phase = parse_cif(text, name, where=name)
    mass = sum(share * gemmi.Element(element).weight for element, share in content.items())
    if abs(phase.cell_mass / phase.volume * volume / mass - 1) > 0.01:
        raise StructureError(f"{name}: atoms coincide or nearly coincide: remove duplicates")
    return replace(phase, notes=(*notes, *phase.notes))


def _conventional(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], atoms: Atoms, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], Atoms, list[str], str] | None:
    """Conventional cell, its asymmetric unit, operations and symbol by spglib; None if spglib is missing.

    (Togo, Shinohara & Tanaka, Science and Technology of Advanced Materials: Methods 4 (2024) 2384822.)
    """
    try:
        spglib = import_module("spglib")
    except ImportError:
        return None
    kinds = list(dict.fromkeys(tuple(sorted(mixed.items())) for mixed in atoms))
    numbers = [kinds.index(tuple(sorted(mixed.items()))) + 1 for mixed in atoms]
    try:
        data = spglib.get_symmetry_dataset((lattice, positions, numbers), symprec=SYMPREC)
    except getattr(spglib, "SpglibError", ()):  # older releases give None
        data = None
    if data is None:
        raise StructureError(f"{name}: spglib finds no symmetry: check cell and atoms, which may coincide")
    group = spglib.get_symmetry_from_database(data.hall_number)
    operations = [_triplet(r, t) for r, t in zip(group["rotations"], group["translations"], strict=True)]
    kept = _asymmetric_unit(data.std_positions, data.std_types, group)
    mixed = [dict(kinds[data.std_types[i] - 1]) for i in kept]
    named = gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(one) for one in operations]))
    symbol = named.hm if named else str(data.international)
    return data.std_lattice, data.std_positions[kept], mixed, operations, symbol


def _triplet(rotation: NDArray[np.int64], translation: NDArray[np.float64]) -> str:
    operation = gemmi.Op()
    operation.rot = (np.array(rotation) * gemmi.Op.DEN).tolist()
    operation.tran = np.round(np.array(translation) * gemmi.Op.DEN).astype(int).tolist()
    return str(operation.triplet())


def _asymmetric_unit(positions: NDArray[np.float64], kinds: Sequence[int], group: Mapping[str, Any]) -> list[int]:
    """The first atom of each set of symmetry-equivalent ones."""
    kept: list[int] = []
    for i, position in enumerate(positions):
        images = group["rotations"] @ position + group["translations"]
        offsets = images[:, None] - positions[kept]
        offsets -= np.round(offsets)
        near = (np.abs(offsets).max(axis=2) < 1e-4).any(axis=0)
        if not any(near[n] and kinds[k] == kinds[i] for n, k in enumerate(kept)):
            kept.append(i)
    return kept
