"""Reflections: all that a crystal contributes to a powder pattern, before wavelength, strain and texture.

The structure factor is F(h) = Σ_e f_e(s) G_e(h), with one geometric sum for each element,
G_e(h) = Σ_atoms occupancy · exp(2πi h·x) · exp(-2π² hᵀβh).
G_e does not change when the lattice is strained at fixed fractional coordinates (and fixed fractional displacement
ellipsoids β), so structure factors stay exact under strain and at any wavelength at the cost of new f_e(s) only.
(Giacovazzo, Fundamentals of Crystallography, 3rd ed. 2011, chapter 3.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.cif import u_matrix
from bragglens.crystal.lattice import orthogonalization, strain_basis
from bragglens.crystal.phase import Phase, Site

EXTINCT = 1e-14  # |G|² below this share of |G(000)|² is zero by symmetry, blurred by rounding


@dataclass(frozen=True)
class Reflections:
    """The symmetry-independent reflections of a phase, largest d first.

    Attributes:
        phase: whose they are.
        hkl: one representative each, shape (n, 3).
        d: lattice spacing in Å of the unstrained cell, shape (n,).
        multiplicity: how many reflections coincide in a powder, shape (n,).
        elements: the elements of the geometric sums.
        geometry: G_e(hkl), shape (n, elements), complex.
        equivalents: the symmetry-equivalent hkl, one of each Friedel pair, shape (m, 3).
        first_equivalent: where each reflection's equivalents begin, shape (n + 1,).
        axes: cell axes as columns in Å, shape (3, 3).
        strain_basis: allowed strains, shape (k, 3, 3), see `lattice.strain_basis`.
    """

    phase: Phase
    hkl: NDArray[np.int32]
    d: NDArray[np.float64]
    multiplicity: NDArray[np.int32]
    elements: tuple[str, ...]
    geometry: NDArray[np.complex128]
    equivalents: NDArray[np.int32]
    first_equivalent: NDArray[np.int32]
    axes: NDArray[np.float64]
    strain_basis: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.hkl)

    def only(self, chosen: NDArray[np.bool_]) -> Reflections:
        """Those of a choice, shape (n,)."""
        count = np.diff(self.first_equivalent)
        return replace(
            self,
            hkl=self.hkl[chosen],
            d=self.d[chosen],
            multiplicity=self.multiplicity[chosen],
            geometry=self.geometry[chosen],
            equivalents=self.equivalents[np.repeat(chosen, count)],
            first_equivalent=np.concatenate([[0], np.cumsum(count[chosen])]).astype(np.int32),
        )


def reflections(phase: Phase, d_min: float) -> Reflections:
    """All reflections of a phase with a spacing of at least `d_min` Å that symmetry does not extinguish."""
    axes = orthogonalization(phase)
    rotations = phase.rotations
    hkl, multiplicity, equivalents = _independent(_hkl_within(axes, d_min), rotations)
    elements = tuple(dict.fromkeys(site.element for site in phase.sites))
    geometry = _geometry(phase, elements, hkl)
    d = 1 / np.linalg.norm(hkl @ np.linalg.inv(axes), axis=1)
    # of each element apart: their sum may vanish by accident, and not so at another wavelength or strain
    strength = (np.abs(geometry) ** 2).max(axis=1)
    whole = (np.abs(_geometry(phase, elements, np.zeros((1, 3), dtype=int))) ** 2).max()
    kept = np.flatnonzero(strength > EXTINCT * whole)
    kept = kept[np.argsort(-d[kept], kind="stable")]
    chosen = [equivalents[i] for i in kept]
    return Reflections(
        phase=phase,
        hkl=hkl[kept].astype(np.int32),
        d=d[kept],
        multiplicity=multiplicity[kept].astype(np.int32),
        elements=elements,
        geometry=geometry[kept],
        equivalents=np.concatenate([np.empty((0, 3), int), *chosen]).astype(np.int32),
        first_equivalent=np.cumsum([0, *map(len, chosen)]).astype(np.int32),
        axes=axes,
        strain_basis=strain_basis(phase),
    )


def _hkl_within(axes: NDArray[np.float64], d_min: float) -> NDArray[np.int64]:
    """All hkl with d >= d_min and h >= 0, without (000): at least one of each Friedel pair."""
    limits = np.floor(np.linalg.norm(axes, axis=0) / d_min).astype(int)  # |h| <= a/d, and so on
    h, k, l = (np.arange(-n, n + 1) for n in limits)  # noqa: E741
    grid = np.array(np.meshgrid(h[h >= 0], k, l, indexing="ij")).reshape(3, -1).T
    grid = grid[grid.any(axis=1)]
    inverse_d = np.linalg.norm(grid @ np.linalg.inv(axes), axis=1)
    return grid[inverse_d <= 1 / d_min]


def _independent(
    hkl: NDArray[np.int64], rotations: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[NDArray[np.int64]]]:
    """One of each set of Laue-equivalent reflections, its multiplicity, and its equivalents without Friedel mates."""
    images = np.einsum("nj,rjk->nrk", hkl, rotations)
    images = _positive_mate(images)
    width = 2 * np.abs(images).max(initial=0) + 1
    codes = (images[..., 0] * width + images[..., 1]) * width + images[..., 2]
    _, first = np.unique(codes.max(axis=1), return_index=True)
    equivalents = [images[i][np.unique(codes[i], return_index=True)[1]] for i in first]
    multiplicity = np.array([2 * len(e) for e in equivalents], dtype=np.int64)
    return hkl[first], multiplicity, equivalents


def _positive_mate(hkl: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each Friedel pair the mate whose first index that is not zero is positive."""
    h, k, l = hkl[..., 0], hkl[..., 1], hkl[..., 2]  # noqa: E741
    sign = np.sign(h)
    sign = np.where(sign == 0, np.sign(k), sign)
    sign = np.where(sign == 0, np.sign(l), sign)
    return hkl * sign[..., None]


def composition(phase: Phase) -> dict[str, float]:
    """How many atoms of each element the sites put into the cell."""
    content: dict[str, float] = {}
    for site in phase.sites:
        content[site.element] = content.get(site.element, 0.0) + site.occupancy * _multiplicity(site, phase)
    return content


def _geometry(phase: Phase, elements: tuple[str, ...], hkl: NDArray[np.int64]) -> NDArray[np.complex128]:
    """G_e(hkl) for each element."""
    operations = [gemmi.Op(triplet) for triplet in phase.operations]
    rotated = np.array([hkl @ (np.array(op.rot) // gemmi.Op.DEN) for op in operations])  # hᵀR
    shifts = np.array([hkl @ (np.array(op.tran) / gemmi.Op.DEN) for op in operations])  # h·t
    geometry = np.zeros((len(hkl), len(elements)), dtype=complex)
    for site in phase.sites:
        waves = np.exp(2j * np.pi * (rotated @ np.array(site.position) + shifts))
        damping = np.exp(-_displacement_exponent(site, phase, rotated))
        share = _multiplicity(site, phase) / len(operations)
        geometry[:, elements.index(site.element)] += site.occupancy * share * (waves * damping).sum(axis=0)
    return geometry


def _displacement_exponent(site: Site, phase: Phase, rotated: NDArray[np.int64]) -> NDArray[np.float64]:
    """2π² hᵀβh of every image of a site (Trueblood et al. 1996, Acta Cryst. A52, 770)."""
    cell = phase.unit_cell
    if site.u_aniso is not None:
        beta = u_matrix(site.u_aniso, cell)
    else:
        inverse = np.linalg.inv(orthogonalization(phase))
        beta = site.u_iso * inverse @ inverse.T
    return 2 * np.pi**2 * np.einsum("rni,ij,rnj->rn", rotated, beta, rotated)


def _multiplicity(site: Site, phase: Phase) -> int:
    """How many distinct images a site, which lies exactly on its special position, has in the cell."""
    images = [gemmi.Op(triplet).apply_to_xyz(list(site.position)) for triplet in phase.operations]
    offsets = np.array(images) - np.array(site.position)
    offsets -= np.round(offsets)
    stabiliser = int((np.abs(offsets).max(axis=1) < 1e-6).sum())
    return len(phase.operations) // stabiliser
