"""Displacement parameters of the atoms, checked: public files have Uij columns in wrong order."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Site

DEFAULT_U_ISO = 0.0063  # Å², B = 0.5 Å²: usual for inorganic solids at room temperature
LARGEST_U = 0.3  # Å²; an atom that swings wider than half a bond is a slip of the file
INDEFINITE = "are not positive definite"  # words of notes by which `minerals` knows entries with wrong Uij
ASYMMETRIC = "violate the symmetry"


def put_uij_in_order(small: gemmi.SmallStructure, notes: list[str]) -> None:
    """Reorder Uij that were written row by row (11 12 13 22 23 33) under a heading 11 22 33 12 13 23.

    Some exports of the American Mineralogist database have them. Done only if the stated order gives a tensor that is
    not positive definite, and the other order only positive definite ones.
    """
    moving = [site for site in small.sites if site.aniso.nonzero()]
    if all(_is_ellipsoid(site.aniso) for site in moving):
        return
    by_row = []
    for site in moving:
        u11, u12, u13, u22, u23, u33 = site.aniso.elements_pdb()
        by_row.append(gemmi.SMat33d(u11, u22, u33, u12, u13, u23))
    if not all(map(_is_ellipsoid, by_row)):
        return
    for site, aniso in zip(moving, by_row, strict=True):
        site.aniso = aniso
    notes.append("Uij were written in the order 11 12 13 22 23 33 under other headings, and were reordered")


def _is_ellipsoid(aniso: gemmi.SMat33d) -> bool:
    eigenvalues = np.linalg.eigvalsh(np.array(aniso.as_mat33().tolist()))
    return bool(eigenvalues.min() > 0 and eigenvalues.mean() <= LARGEST_U)


def isotropic(site: gemmi.SmallStructure.Site, u_aniso: tuple[float, ...] | None, notes: list[str]) -> float:
    """U in Å²: as stated, the mean of the Uij, or the usual value."""
    if 0 < site.u_iso <= LARGEST_U:
        return float(site.u_iso)
    if u_aniso is not None:
        return float(np.mean(u_aniso[:3]))
    if site.u_iso:
        notes.append(f"U_iso {site.u_iso:g} Å² of {site.label} is not possible, {DEFAULT_U_ISO} Å² taken")
    return DEFAULT_U_ISO


def anisotropic(
    site: gemmi.SmallStructure.Site, notes: list[str]
) -> tuple[float, float, float, float, float, float] | None:
    """The Uij if they are positive definite: public files have wrong column orders and negative values."""
    if not site.aniso.nonzero():
        return None
    if _is_ellipsoid(site.aniso):
        return tuple(site.aniso.elements_pdb())  # type: ignore[return-value]
    instead = "U_iso" if 0 < site.u_iso <= LARGEST_U else f"the usual {DEFAULT_U_ISO} Å²"
    notes.append(f"Uij of {site.label} {INDEFINITE}, {instead} is taken")
    return None


def all_ellipsoids_or_none(sites: list[Site], small: gemmi.SmallStructure, notes: list[str]) -> list[Site]:
    """Isotropic sites if any Uij of the file are invalid, since the column order is then wrong for all."""
    stated = {site.label for site in small.sites if site.aniso.nonzero()}
    kept = [site for site in sites if site.u_aniso is not None]
    if not kept or all(site.u_aniso is not None for site in sites if site.label in stated):
        return sites
    notes.append(f"Uij of {', '.join(site.label for site in kept)} are in the same table and are not used either")
    return [replace(site, u_aniso=None) for site in sites]


def u_matrix(u_aniso: tuple[float, ...], cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """U on the (not normalised) axes of the cell in units of cell lengths squared: exp(-2π² hᵀ U h) for integer h."""
    u11, u22, u33, u12, u13, u23 = u_aniso
    matrix = np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])
    reciprocal = np.array(cell.reciprocal().parameters[:3])
    return matrix * np.outer(reciprocal, reciprocal)
