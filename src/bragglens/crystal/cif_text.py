"""Phase to CIF. Other sources of structures become a CIF first, so that the reader's checks apply to all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import gemmi
import numpy as np

from bragglens.crystal.phase import Phase, Site
from bragglens.files import whole_file
from bragglens.plain import clean

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_SAME_PLACE = 1e-3  # of a cell edge
_ELLIPSOID = ("11", "22", "33", "12", "13", "23")


def write_cif(phase: Phase, path: str | Path) -> None:
    """Write a phase as a CIF that `read_cif` reads back; its name is the file's stem.

    Corrections made on reading are written. The file is written completely or not at all.

    Raises:
        BragglensError: it cannot be written there.
    """
    with whole_file(path) as file:
        file.write(phase_cif(phase).encode())


def phase_cif(phase: Phase) -> str:
    """The text of a phase's CIF."""
    document = gemmi.cif.Document()
    document.add_copied_block(structure_block(phase, re.sub(r"\W", "_", phase.name) or "phase"))
    return document.as_string()


def structure_block(phase: Phase, name: str) -> gemmi.cif.Block:
    """A data block of that name, without blanks; `crystal.cif.read_cif` gets the same phase from it."""
    block = gemmi.cif.Block(name)
    block.set_pair("_chemical_name_common", gemmi.cif.quote(clean(phase.name)))
    block.set_pair("_chemical_formula_sum", gemmi.cif.quote(phase.formula))
    for tag, value in cell_items([float(edge) for edge in phase.cell]).items():
        block.set_pair(tag, value)
    block.set_pair("_cell_volume", f"{phase.volume:.4f}")
    _write_symmetry(block, phase)
    _write_sites(block, phase)
    if phase.source:
        block.set_pair("_publ_section_references", gemmi.cif.quote(phase.source))
    return block


def _write_symmetry(block: gemmi.cif.Block, phase: Phase) -> None:
    """All operations (a symbol without its setting is ambiguous), and the symbol of the group."""
    operations = gemmi.GroupOps([gemmi.Op(xyz) for xyz in phase.operations])
    group = gemmi.find_spacegroup_by_ops(operations)
    named = gemmi.find_spacegroup_by_name(phase.space_group)
    plain = group is None or (named is not None and named.hall == group.hall)
    block.set_pair("_space_group_name_H-M_alt", gemmi.cif.quote(phase.space_group if plain else group.xhm()))
    if group:
        block.set_pair("_space_group_name_Hall", gemmi.cif.quote(group.hall))
        block.set_pair("_space_group_IT_number", str(group.number))
    loop = block.init_loop("_space_group_symop_", ["id", "operation_xyz"])
    for number, xyz in enumerate(phase.operations, 1):
        loop.add_row([str(number), gemmi.cif.quote(xyz)])


def _write_sites(block: gemmi.cif.Block, phase: Phase) -> None:
    items = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "adp_type"]
    loop = block.init_loop("_atom_site_", items)
    for site in phase.sites:
        numbers = [repr(float(x)) for x in (*site.position, site.occupancy, site.u_iso)]
        kind = "Uani" if site.u_aniso else "Uiso"
        loop.add_row([gemmi.cif.quote(site.label), site.element, *numbers, kind])
    turned = [(site, site.u_aniso) for site in phase.sites if site.u_aniso]
    if turned:
        loop = block.init_loop("_atom_site_aniso_", ["label", *(f"U_{pair}" for pair in _ELLIPSOID)])
        for site, u in turned:
            loop.add_row([gemmi.cif.quote(site.label), *(f"{value:.8f}" for value in _allowed(u, site, phase))])


def _allowed(u: Sequence[float], site: Site, phase: Phase) -> list[float]:
    """U11, U22, U33, U12, U13, U23 averaged over the site symmetry, in the same order.

    Rounded values of a file violate that symmetry, and refinement programs refuse them. On the reciprocal axes, U* =
    N U N with N their lengths, an operation of rotation R makes R U* R' of it (Grosse-Kunstleve & Adams 2002, J.
    Appl. Cryst. 35, 477).
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


def cell_items(cell: Sequence[float | str]) -> dict[str, str]:
    """The six tags of a cell, a, b, c in Å and α, β, γ in degrees."""
    return {f"_cell_{tag}": str(value) for tag, value in zip(_CELL, cell, strict=True)}


def cif_text(name: str, items: Mapping[str, str], loops: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """A CIF of one block.

    Args:
        name: of the block; blanks become underscores.
        items: tag and text; an empty text is left out.
        loops: prefix of a loop's tags, and its columns; an empty loop is left out, an empty text is `?`.
    """
    document = gemmi.cif.Document()
    block = document.add_new_block("_".join(name.split()) or "phase")
    for tag, text in items.items():
        if text:
            block.set_pair(tag, gemmi.cif.quote(text))
    for prefix, columns in loops.items():
        if columns:
            loop = block.init_loop(prefix, list(columns))
            for row in zip(*columns.values(), strict=True):
                loop.add_row([gemmi.cif.quote(text) if text else "?" for text in row])
    return document.as_string()
