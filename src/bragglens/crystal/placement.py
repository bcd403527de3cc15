"""Atoms in the cell: sites on special positions, their images, duplicates, and checks of what is impossible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.displacements import ASYMMETRIC, u_matrix
from bragglens.crystal.phase import Site
from bragglens.crystal.symmetry import Symmetry

SNAP = 0.1  # Å; coordinates typed as 0.3333 lie this near to the special position they mean
SHORTEST_CONTACT = 0.7  # Å between two atoms other than hydrogen; H-H in H2 is 0.74
METRIC_TOLERANCE = 0.02  # relative; axes that symmetry makes equal may differ by 1% of their length
TOGETHER = 1.05  # sum of occupancies; atoms of less are alternatives, rounding included
SAME_OCCUPANCY = 0.01  # of an atom and its copy
MOST_PAIRS = 5_000_000  # of atoms within a few Å of each other; crystals of 100,000 atoms have fewer

Images = list[NDArray[np.float64]]


def _images(position: NDArray[np.float64], symmetry: Symmetry) -> NDArray[np.float64]:
    """All images of a position, not reduced to one cell, shape (operations, 3)."""
    return symmetry.rotations @ position + symmetry.translations


def on_special_position(site: Site, symmetry: Symmetry, cell: gemmi.UnitCell, notes: list[str]) -> Site:
    """Moves a site within SNAP of a special position onto it, and drops Uij that its symmetry forbids."""
    if len(symmetry.triplets) == 1:
        return site
    orthogonal = orthogonal_axes(cell)
    centred, near = np.array(site.position), np.zeros(len(symmetry.triplets), dtype=bool)
    for _ in range(20):  # images that lay just beyond SNAP come within it as the site moves
        offsets = _images(centred, symmetry) - centred
        offsets -= np.round(offsets)
        before, near = near, np.linalg.norm(offsets @ orthogonal.T, axis=1) < SNAP
        shift = offsets[near].mean(axis=0)
        if (near == before).all() and np.abs(shift).max() < 1e-9:
            break
        centred = centred + shift
    placed = replace(site, position=tuple(centred))
    if site.u_aniso is None:
        return placed
    beta = u_matrix(site.u_aniso, cell)
    images = np.array([r @ beta @ r.T for r in symmetry.rotations[near]])
    spread = np.abs(images - images.mean(axis=0)).max()
    if spread > 0.25 * np.abs(beta).max():
        notes.append(f"Uij of {site.label} {ASYMMETRIC} of its position, the isotropic value is used")
        return replace(placed, u_aniso=None)
    return placed


def orthogonal_axes(cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """Matrix that takes fractional coordinates to Å."""
    return np.array(cell.orth.mat.tolist())


def distinct_images(site: Site, symmetry: Symmetry, cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """The distinct images of a site in one cell, shape (multiplicity, 3)."""
    images = _images(np.array(site.position), symmetry) % 1.0
    orthogonal = orthogonal_axes(cell)
    kept: list[NDArray[np.float64]] = []
    while len(images):
        offsets = images - images[0]
        offsets -= np.round(offsets)
        apart = np.square(offsets @ orthogonal.T).sum(axis=1) >= SNAP**2
        if not kept and apart[1:].all():
            return images  # a general position: no operation but the identity leaves the site where it is
        kept.append(images[0])
        images = images[apart]
    return np.array(kept)


def without_copies(sites: Sequence[Site], images: Images, cell: gemmi.UnitCell) -> list[int]:
    """Indices of the sites that are not copies, that is images of an earlier site of the same element and occupancy."""
    positions = np.array([site.position for site in sites])
    tree, widths = _periodic_tree(positions, cell)
    orthogonal = orthogonal_axes(cell)
    copied = np.zeros(len(sites), dtype=bool)
    for i, (site, atoms) in enumerate(zip(sites, images, strict=True)):
        if copied[i]:
            continue
        lying = tree.query_ball_point(_in_box(atoms, widths), SNAP, p=np.inf)
        for j in {j for found in lying for j in found if j > i and not copied[j]}:
            if sites[j].element != site.element or abs(sites[j].occupancy - site.occupancy) > SAME_OCCUPANCY:
                continue
            offsets = atoms - positions[j]
            offsets -= np.round(offsets)
            copied[j] = np.linalg.norm(offsets @ orthogonal.T, axis=1).min() < SNAP
    return np.flatnonzero(~copied).tolist()


def fault_of_lattice(symmetry: Symmetry, cell: gemmi.UnitCell) -> str | None:
    """How the cell contradicts the operations, or None."""
    axes = orthogonal_axes(cell)
    metric = axes.T @ axes
    turned = np.swapaxes(symmetry.rotations, 1, 2) @ metric @ symmetry.rotations
    if np.abs(turned - metric).max() > METRIC_TOLERANCE * metric.max():
        return "the cell's lengths and angles do not have the symmetry"
    return None


def contact_and_fault(
    sites: Sequence[Site], images: Images, symmetry: Symmetry, cell: gemmi.UnitCell
) -> tuple[float, str | None]:
    """Shortest distance in Å of two atoms (of hydrogen only if there is no other), and why this crystal is impossible
    or None.
    """
    for site, atoms in zip(sites, images, strict=True):
        if (len(symmetry.triplets) % len(atoms)) != 0:
            return 0.0, f"atom {site.label} has {len(atoms)} images under {len(symmetry.triplets)} operations"
    # X-rays hardly see hydrogen, and refinements by X-rays put it anywhere
    seen = [i for i, site in enumerate(sites) if site.element != "H"] or list(range(len(sites)))
    occupancies = np.repeat([sites[i].occupancy for i in seen], [len(images[i]) for i in seen])
    contact = shortest_contact(np.concatenate([images[i] for i in seen]), occupancies, cell)
    return contact, f"two full atoms are {contact:.2f} Å apart" if contact < SHORTEST_CONTACT else None


def shortest_contact(atoms: NDArray[np.float64], occupancies: NDArray[np.float64], cell: gemmi.UnitCell) -> float:
    """Shortest distance in Å of two atoms that are present together; infinite if there are no two, 0 if there are
    impossibly many.
    """
    tree, widths = _periodic_tree(atoms, cell)
    orthogonal = orthogonal_axes(cell)
    reach = 1.0
    while True:
        if len(atoms) ** 2 > MOST_PAIRS and tree.count_neighbors(tree, reach, p=np.inf) > 2 * MOST_PAIRS:
            return 0.0
        pairs = tree.query_pairs(reach, p=np.inf, output_type="ndarray")
        pairs = pairs[occupancies[pairs].sum(axis=1) > TOGETHER]
        offsets = atoms[pairs[:, 0]] - atoms[pairs[:, 1]]
        offsets -= np.round(offsets)
        shortest = float(np.linalg.norm(offsets @ orthogonal.T, axis=1).min(initial=np.inf))
        if shortest <= reach or reach > widths.max():
            return shortest
        reach *= 2


def _periodic_tree(positions: NDArray[np.float64], cell: gemmi.UnitCell) -> tuple[Any, NDArray[np.float64]]:
    """A search tree of fractional positions in a box whose edges are the spacings of the cell's faces in Å.

    Two atoms are no nearer in Å than by any of their coordinates in this box, so that a search there by the largest
    coordinate finds all that are within reach.
    """
    from scipy.spatial import cKDTree  # whoever reads no structure file needs none of it

    widths = 1 / np.linalg.norm(np.linalg.inv(orthogonal_axes(cell)), axis=1)
    return cKDTree(_in_box(positions, widths), boxsize=widths), widths


def _in_box(positions: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = positions % 1.0
    return np.where(inside < 1.0, inside, 0.0) * widths  # -1e-17 % 1 is 1
