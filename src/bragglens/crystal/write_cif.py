"""A phase as CIF again, for programs that go on where this one ends.

Item names are those of the CIF core dictionary (https://www.iucr.org/resources/cif/dictionaries/cif_core).
"""

from __future__ import annotations

from collections.abc import Sequence

import gemmi
import numpy as np
from gemmi import cif

from bragglens.crystal.phase import Phase, Site

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_SAME_PLACE = 1e-3  # of a cell edge
_ELLIPSOID = ("11", "22", "33", "12", "13", "23")


def structure_block(phase: Phase, name: str) -> cif.Block:
    """A data block of that name, without blanks; `crystal.cif.read_cif` gets the same phase from it."""
    block = cif.Block(name)
    block.set_pair("_chemical_name_common", cif.quote(phase.name))
    block.set_pair("_chemical_formula_sum", cif.quote(phase.formula))
    for item, value in zip(_CELL, phase.cell, strict=True):
        block.set_pair(f"_cell_{item}", f"{value:.6g}" if item.startswith("angle") else f"{value:.6f}")
    block.set_pair("_cell_volume", f"{phase.volume:.4f}")
    _write_symmetry(block, phase)
    _write_sites(block, phase)
    if phase.source:
        block.set_pair("_publ_section_references", cif.quote(phase.source))
    return block


def _write_symmetry(block: cif.Block, phase: Phase) -> None:
    """All operations, which no symbol without its setting tells, and the symbol of the group they are."""
    operations = gemmi.GroupOps([gemmi.Op(xyz) for xyz in phase.operations])
    group = gemmi.find_spacegroup_by_ops(operations)
    block.set_pair("_space_group_name_H-M_alt", cif.quote(group.xhm() if group else phase.space_group))
    if group:
        block.set_pair("_space_group_name_Hall", cif.quote(group.hall))
        block.set_pair("_space_group_IT_number", str(group.number))
    loop = block.init_loop("_space_group_symop_", ["id", "operation_xyz"])
    for number, xyz in enumerate(phase.operations, 1):
        loop.add_row([str(number), cif.quote(xyz)])


def _write_sites(block: cif.Block, phase: Phase) -> None:
    items = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "adp_type"]
    loop = block.init_loop("_atom_site_", items)
    for site in phase.sites:
        place = [f"{x:.8f}" for x in site.position]
        kind = "Uani" if site.u_aniso else "Uiso"
        loop.add_row([cif.quote(site.label), site.element, *place, f"{site.occupancy:.6g}", f"{site.u_iso:.8f}", kind])
    turned = [(site, site.u_aniso) for site in phase.sites if site.u_aniso]
    if turned:
        loop = block.init_loop("_atom_site_aniso_", ["label", *(f"U_{pair}" for pair in _ELLIPSOID)])
        for site, u in turned:
            loop.add_row([cif.quote(site.label), *(f"{value:.8f}" for value in _allowed(u, site, phase))])


def _allowed(u: Sequence[float], site: Site, phase: Phase) -> list[float]:
    """U11, U22, U33, U12, U13, U23 averaged over the operations that hold the site, in the same order.

    Rounded digits of a file break that symmetry, and refinement programs refuse it. On the reciprocal axes, U* = N U N
    with N their lengths, an operation of rotation R makes R U* R' of it (Grosse-Kunstleve & Adams 2002, J. Appl. Cryst.
    35, 477).
    """
    turned = phase.unit_cell.reciprocal()
    lengths = np.array([turned.a, turned.b, turned.c])
    scale = np.outer(lengths, lengths)
    star = np.array([[u[0], u[3], u[4]], [u[3], u[1], u[5]], [u[4], u[5], u[2]]]) * scale
    images = []
    for operation in map(gemmi.Op, phase.operations):
        away = np.array(operation.apply_to_xyz(list(site.position))) - site.position
        if np.abs(away - np.round(away)).max() < _SAME_PLACE:
            rotation = np.array(operation.rot) / gemmi.Op.DEN
            images.append(rotation @ star @ rotation.T)
    mean = np.mean(images, axis=0) / scale
    return [float(mean[i, j]) for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
