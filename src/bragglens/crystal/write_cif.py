"""A phase as CIF again, for programs that go on where this one ends.

Item names are those of the CIF core dictionary (https://www.iucr.org/resources/cif/dictionaries/cif_core).
"""

from __future__ import annotations

from collections.abc import Sequence

import gemmi
from gemmi import cif

from bragglens.crystal.phase import Phase, Site

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
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
    _write_sites(block, phase.sites)
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


def _write_sites(block: cif.Block, sites: Sequence[Site]) -> None:
    items = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "adp_type"]
    loop = block.init_loop("_atom_site_", items)
    for site in sites:
        place = [f"{x:.6f}" for x in site.position]
        kind = "Uani" if site.u_aniso else "Uiso"
        loop.add_row([cif.quote(site.label), site.element, *place, f"{site.occupancy:.6g}", f"{site.u_iso:.5f}", kind])
    turned = [site for site in sites if site.u_aniso]
    if turned:
        loop = block.init_loop("_atom_site_aniso_", ["label", *(f"U_{pair}" for pair in _ELLIPSOID)])
        for site in turned:
            loop.add_row([cif.quote(site.label), *(f"{u:.5f}" for u in site.u_aniso or ())])
