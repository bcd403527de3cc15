"""Structures that no installable package contains: our own table of published data, `typed/phases.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gemmi
from record import Gathered, Record

from bragglens.crystal.cif_text import cell_items, cif_text

SOURCE = "typed"
TABLE = Path(__file__).parent / "typed" / "phases.json"
LEFT_OUT = Path(__file__).parent / "typed" / "left_out.json"
_SITE = ("element", "x", "y", "z", "occupancy", "u_iso")


def typed() -> Gathered:
    """The phases of the table; those without a known paper are left out."""
    found = Gathered([_record(row) for row in json.loads(TABLE.read_text())])
    for name, reason in json.loads(LEFT_OUT.read_text()).items():
        found.leave_out(name, SOURCE, reason)
    return found


def _record(row: Mapping[str, Any]) -> Record:
    return Record(
        name=row["name"],
        cif=_cif(row),
        source=SOURCE,
        number="",
        reference=row["paper"],
        papers=frozenset({row["paper"]}),
        mineral=row.get("mineral", False),
        doubts="; ".join(row.get("doubts", ())),
    )


def _cif(row: Mapping[str, Any]) -> str:
    """The row as a CIF; a formula is given only if it has hydrogen that the sites lack."""
    items = {
        "_chemical_formula_sum": row["formula"],
        **cell_items(row["cell"]),
        "_space_group_name_H-M_alt": row["space_group"],
        "_publ_section_references": row["paper"],
    }
    operations = [op.triplet() for op in gemmi.SpaceGroup(row["space_group"]).operations()]
    loops = {
        "_space_group_symop_": {"operation_xyz": operations},
        "_atom_site_": _columns([site.split() for site in row["sites"]]),
    }
    return cif_text(row["name"], items, loops)


def _columns(sites: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """The loop of sites; `-` is a displacement parameter that is not given."""
    cells = [dict(zip(_SITE, site, strict=True)) for site in sites]
    return {
        "label": [f"{cell['element']}{number}" for number, cell in enumerate(cells, 1)],
        "type_symbol": [cell["element"] for cell in cells],
        **{f"fract_{axis}": [cell[axis] for cell in cells] for axis in "xyz"},
        "occupancy": [cell["occupancy"] for cell in cells],
        "U_iso_or_equiv": ["." if cell["u_iso"] == "-" else cell["u_iso"] for cell in cells],
    }
