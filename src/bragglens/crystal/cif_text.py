"""Phase to CIF, and whatever else becomes a Phase by way of a CIF: the reader's checks are the same for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import gemmi

from bragglens.crystal.phase import Phase
from bragglens.files import whole_file

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_UIJ = ("U_11", "U_22", "U_33", "U_12", "U_13", "U_23")


def write_cif(phase: Phase, path: str | Path) -> None:
    """Write a phase as a CIF that `read_cif` gives back; its name is the file's stem.

    What was mended on reading is written as mended. The file appears whole or not at all.

    Raises:
        BragglensError: it cannot be written there.
    """
    with whole_file(path) as file:
        file.write(phase_cif(phase).encode())


def phase_cif(phase: Phase) -> str:
    """The text of a phase's CIF."""
    sites = phase.sites
    curved = [site for site in sites if site.u_aniso is not None]
    items = {
        "_chemical_formula_sum": phase.formula,
        "_publ_section_references": phase.source,
        **cell_items(phase.cell),
        "_space_group_name_H-M_alt": phase.space_group,
    }
    atoms = {
        "label": [site.label for site in sites],
        "type_symbol": [site.element for site in sites],
        **{f"fract_{axis}": [repr(float(site.position[i])) for site in sites] for i, axis in enumerate("xyz")},
        "occupancy": [repr(float(site.occupancy)) for site in sites],
        "U_iso_or_equiv": [repr(float(site.u_iso)) for site in sites],
    }
    ellipsoids = {
        "label": [site.label for site in curved],
        **{tag: [repr(float(site.u_aniso[i])) for site in curved if site.u_aniso] for i, tag in enumerate(_UIJ)},
    }
    return cif_text(
        phase.name,
        items,
        {
            "_space_group_symop_": {"operation_xyz": phase.operations},
            "_atom_site_": atoms,
            "_atom_site_aniso_": ellipsoids if curved else {},
        },
    )


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
