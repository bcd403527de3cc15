"""The sites of a CIF: element, position, occupancy and displacement of each real atom."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path

import gemmi
import numpy as np

from bragglens.crystal.displacements import anisotropic, isotropic, put_uij_in_order
from bragglens.crystal.elements import element_of
from bragglens.crystal.phase import Site
from bragglens.errors import StructureError

LARGEST_FRACTION = 1000.0  # of a coordinate; a fraction of the cell lies within a few, one in Å or a slip does not
MOST_SITES = 20_000  # of one file; frameworks written atom by atom have fewer


def read_sites(
    block: gemmi.cif.Block, small: gemmi.SmallStructure, composition: Set[str], notes: list[str], where: str | Path
) -> dict[int, Site]:
    """The sites by their row in the file, without dummies and unoccupied ones.

    Raises:
        StructureError: there are no sites, or one cannot be understood.
    """
    if not len(small.sites) or not len(block.find_values("_atom_site_fract_x")):
        raise StructureError(
            f"{where}: has no atom sites with fractional coordinates: use a CIF with the full structure"
        )
    if len(small.sites) > MOST_SITES:
        raise StructureError(
            f"{where}: lists {len(small.sites)} atoms, more than {MOST_SITES}: give its asymmetric unit and symmetry"
        )
    put_uij_in_order(small, notes)
    typed = len(block.find_values("_atom_site_type_symbol")) > 0  # gemmi takes the label where there is none
    sites: dict[int, Site] = {}
    for row, site in _atoms(block, small, notes):
        try:
            element = element_of(site.type_symbol if typed else "", site.label, composition, notes)
        except StructureError as error:
            raise StructureError(f"{where}: {error}") from error
        if element and _is_placed(site, element, notes, where):
            sites[row] = _site(site, element, notes)
    if not sites:
        raise StructureError(f"{where}: no site is occupied: give valid occupancies")
    return sites


def _atoms(
    block: gemmi.cif.Block, small: gemmi.SmallStructure, notes: list[str]
) -> Iterator[tuple[int, gemmi.SmallStructure.Site]]:
    """Rows and sites, without dummies (`_atom_site_calc_flag dum`) and unoccupied ones."""
    flags = [flag.lower() for flag in block.find_values("_atom_site_calc_flag")]
    for row, site in enumerate(small.sites):
        if len(flags) == len(small.sites) and flags[row] == "dum":
            notes.append(f"site {site.label} is a dummy and is left out")
        elif site.occ == 0:
            notes.append(f"site {site.label} of occupancy 0 left out")
        else:
            yield row, site


def _is_placed(site: gemmi.SmallStructure.Site, element: str, notes: list[str], where: str | Path) -> bool:
    """Whether a site has coordinates; hydrogen, which X-rays hardly see, may lack them."""
    position = site.fract.tolist()
    if np.isfinite(position).all():
        if np.abs(position).max() > LARGEST_FRACTION:
            raise StructureError(f"{where}: atom '{site.label}' is far outside the cell: give fractional coordinates")
        return True
    if element != "H" or not np.isnan(position).any():
        raise StructureError(f"{where}: atom '{site.label}' has no coordinates: give all three or remove it")
    notes.append(f"hydrogen {site.label} has no coordinates and is left out")
    return False


def _site(site: gemmi.SmallStructure.Site, element: str, notes: list[str]) -> Site:
    occupancy = site.occ
    if not 0 < occupancy <= 1.0001:
        notes.append(f"occupancy {site.occ:g} of {site.label} taken as 1")
        occupancy = 1.0
    u_aniso = anisotropic(site, notes)
    x, y, z = site.fract.tolist()
    return Site(site.label, element, (x, y, z), min(occupancy, 1.0), isotropic(site, u_aniso, notes), u_aniso)
