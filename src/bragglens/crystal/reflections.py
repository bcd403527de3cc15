"""Reflections: the contribution of a crystal to a powder pattern, before wavelength, strain and texture.

The structure factor is F(h) = Σ_e f_e(s) G_e(h), with one geometric sum for each element,
G_e(h) = Σ_atoms occupancy · exp(2πi h·x) · exp(-2π² hᵀβh).
G_e does not change when the lattice is strained at fixed fractional coordinates (and fixed fractional displacement
ellipsoids β). So structure factors stay exact under strain and at any wavelength; only f_e(s) is computed again.
(Giacovazzo, Fundamentals of Crystallography, 3rd ed. 2011, chapter 3.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.displacements import u_matrix
from bragglens.crystal.lattice import orthogonalization, strain_basis
from bragglens.crystal.phase import Phase, Site

EXTINCT = 1e-14  # |G|² below this share of |G(000)|² is zero by symmetry, blurred by rounding


@dataclass(frozen=True)
class Reflections:
    """The symmetry-independent reflections of a phase, largest d first.

    Attributes:
        phase: to which they belong.
        hkl: one representative each, shape (n, 3).
        d: d-spacing in Å of the unstrained cell, shape (n,).
        multiplicity: number of symmetry-equivalent reflections, shape (n,).
        elements: the elements of the geometric sums.
        geometry: G_e(hkl), shape (n, elements), complex.
        equivalents: the symmetry-equivalent hkl, one of each Friedel pair, shape (m, 3).
        first_equivalent: index of each reflection's first equivalent, shape (n + 1,).
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
        """A selection of them, mask of shape (n,)."""
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
    """All reflections of a phase with d of at least `d_min` Å, without systematic extinctions."""
    axes = orthogonalization(phase)
    group = _Group.of(phase.operations)
    hkl, equivalents, count = _independent(_hkl_within(axes, d_min, group), group.rotations)
    elements = tuple(dict.fromkeys(site.element for site in phase.sites))
    atoms = [(site, _images(site, group), _weight(site, group)) for site in phase.sites]
    geometry = _geometry(phase, group, atoms, elements, hkl)
    d = 1 / np.linalg.norm(hkl @ np.linalg.inv(axes), axis=1)
    # of each element apart: their sum may vanish by accident, and not so at another wavelength or strain
    strength = (np.abs(geometry) ** 2).max(axis=1)
    whole = (np.abs(_geometry(phase, group, atoms, elements, np.zeros((1, 3), dtype=int))) ** 2).max()
    kept = np.flatnonzero(strength > EXTINCT * whole)
    kept = kept[np.argsort(-d[kept], kind="stable")]
    first = np.cumsum(np.r_[0, count])
    chosen = [equivalents[first[i] : first[i + 1]] for i in kept]
    return Reflections(
        phase=phase,
        hkl=hkl[kept].astype(np.int32),
        d=d[kept],
        multiplicity=(2 * count[kept]).astype(np.int32),
        elements=elements,
        geometry=geometry[kept],
        equivalents=np.concatenate([np.empty((0, 3), int), *chosen]).astype(np.int32),
        first_equivalent=np.cumsum(np.r_[0, count[kept]]).astype(np.int32),
        axes=axes,
        strain_basis=strain_basis(phase),
    )


def expected_reflections(volume: float, operations: tuple[str, ...], d_min: float) -> float:
    """Approximate number of independent reflections down to `d_min` Å of a cell volume in Å³."""
    group = _Group.of(operations)
    centric = (group.rotations == -np.eye(3)).all(axis=(1, 2)).any()
    laue = len(group.rotations) * (1 if centric else 2)
    return float(4 / 3 * np.pi * volume / d_min**3 / len(group.centring) / laue)


@dataclass(frozen=True)
class _Group:
    """Operations as arrays.

    Attributes:
        rotations: the distinct rotation parts, shape (n, 3, 3).
        operations: rotation and translation parts of one operation of each centring, shapes (m, 3, 3) and (m, 3).
        centring: the centring translations, with (0, 0, 0), shape (k, 3).
    """

    rotations: NDArray[np.int64]
    operations: tuple[NDArray[np.int64], NDArray[np.float64]]
    centring: NDArray[np.float64]

    @staticmethod
    @lru_cache(maxsize=512)
    def of(triplets: tuple[str, ...]) -> _Group:
        """The group of some operations."""
        operations = [gemmi.Op(triplet) for triplet in triplets]
        rotations = np.array([op.rot for op in operations], dtype=np.int64) // gemmi.Op.DEN
        translations = np.array([op.tran for op in operations]) / gemmi.Op.DEN
        distinct, first = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True)
        is_identity = (rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
        first = np.sort(first)
        return _Group(distinct.reshape(-1, 3, 3), (rotations[first], translations[first]), translations[is_identity])


def _hkl_within(axes: NDArray[np.float64], d_min: float, group: _Group) -> NDArray[np.int64]:
    """All hkl with d >= d_min and h >= 0 that the centring allows, without (000): at least one of each Friedel pair."""
    limits = np.floor(np.linalg.norm(axes, axis=0) / d_min).astype(int)  # |h| <= a/d, and so on
    reciprocal = np.linalg.inv(axes)
    k, l = (np.arange(-n, n + 1) for n in limits[1:])  # noqa: E741
    layer = np.array(np.meshgrid([0], k, l, indexing="ij")).reshape(3, -1).T
    layers = []
    for h in range(limits[0] + 1):  # one at a time, for the memory of large cells
        hkl = layer + np.array([h, 0, 0])
        hkl = hkl[np.linalg.norm(hkl @ reciprocal, axis=1) <= 1 / d_min]
        if len(group.centring) > 1:
            hkl = hkl[(np.abs((hkl @ group.centring.T + 0.5) % 1 - 0.5) < 0.01).all(axis=1)]
        layers.append(hkl)
    grid = np.concatenate(layers)
    return grid[grid.any(axis=1)]


def _independent(
    hkl: NDArray[np.int64], rotations: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """One of each set of Laue-equivalent reflections; their equivalents without Friedel mates, and their number."""
    most = int(np.abs(hkl).max(initial=0) * np.abs(rotations).sum(axis=1).max())  # of any index of an equivalent
    width = 2 * most + 1
    weights = np.array([width * width, width, 1])
    least = hkl @ weights
    own = least.copy()
    for rotated in rotations @ weights:  # of the equivalents with h >= 0 the first in the order of the grid
        code = np.abs(hkl @ rotated)  # of the positive mate
        # at h = 0, where no code is larger than this, the grid has both of a Friedel pair
        np.minimum(least, np.where(code <= most * (width + 1), -code, code), out=least)
    hkl = hkl[own == least]
    images = _positive_mate(np.einsum("nj,rjk->nrk", hkl, rotations))
    codes = images @ weights
    order = np.argsort(codes, axis=1)
    codes = np.take_along_axis(codes, order, axis=1)
    images = np.take_along_axis(images, order[..., None], axis=1)
    distinct = np.ones(codes.shape, dtype=bool)
    distinct[:, 1:] = codes[:, 1:] != codes[:, :-1]
    place = np.argsort(codes[:, -1], kind="stable") if len(hkl) else np.empty(0, int)
    return hkl[place], images[place][distinct[place]], distinct[place].sum(axis=1)


def _positive_mate(hkl: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each Friedel pair the mate whose first index that is not zero is positive."""
    h, k, l = hkl[..., 0], hkl[..., 1], hkl[..., 2]  # noqa: E741
    sign = np.sign(h)
    sign = np.where(sign == 0, np.sign(k), sign)
    sign = np.where(sign == 0, np.sign(l), sign)
    return hkl * sign[..., None]


def composition(phase: Phase) -> dict[str, float]:
    """Number of atoms of each element in the cell, from the sites."""
    content: dict[str, float] = {}
    for site, multiplicity in zip(phase.sites, multiplicities(phase), strict=True):
        content[site.element] = content.get(site.element, 0.0) + site.occupancy * multiplicity
    return content


def multiplicities(phase: Phase) -> list[int]:
    """Number of images of each site in the cell."""
    group = _Group.of(phase.operations)
    return [len(phase.operations) // _stabiliser(site, group) for site in phase.sites]


def _geometry(
    phase: Phase,
    group: _Group,
    atoms: Sequence[tuple[Site, NDArray[np.float64], float]],
    elements: tuple[str, ...],
    hkl: NDArray[np.int64],
) -> NDArray[np.complex128]:
    """G_e(hkl) for each element, of reflections that the centring allows; `atoms` are sites, their images and weights.

    Atoms with equal displacement parameters are summed first, each image once; ellipsoids rotate with the operations.
    """
    geometry = np.zeros((len(hkl), len(elements)), dtype=complex)
    inverse = np.linalg.inv(orthogonalization(phase))
    squares = ((hkl @ inverse) ** 2).sum(axis=1)  # 1/d²
    alike: dict[tuple[str, float], list[tuple[NDArray[np.float64], float]]] = {}
    for site, images, weight in atoms:
        if site.u_aniso is None:
            alike.setdefault((site.element, site.u_iso), []).append((images, weight))
        else:
            geometry[:, elements.index(site.element)] += weight * _turned(site, phase, group, hkl)
    layers = _layers(hkl) if alike else []
    for (element, u_iso), found in alike.items():
        places = np.concatenate([images for images, _ in found])
        weights = np.repeat([weight for _, weight in found], [len(images) for images, _ in found])
        damping = np.exp(-2 * np.pi**2 * u_iso * squares)
        geometry[:, elements.index(element)] += damping * _waves(places, weights, hkl, layers)
    return geometry


class _Layer(NamedTuple):
    """Reflections of one h.

    Attributes:
        here: their places among all.
        h: their index over the lowest.
        rows: the distinct k over the lowest.
        columns: the range of l over the lowest.
        place: row and column of each.
    """

    here: NDArray[np.intp]
    h: int
    rows: NDArray[np.int64]
    columns: slice
    place: tuple[NDArray[np.intp], NDArray[np.int64]]


def _layers(hkl: NDArray[np.int64]) -> list[_Layer]:
    """Reflections by h."""
    low, layers = _lowest(hkl), []
    for h in np.unique(hkl[:, 0]):
        here = np.flatnonzero(hkl[:, 0] == h)
        k, l = (hkl[here, 1:] - low[1:]).T  # noqa: E741
        rows, columns = np.unique(k), slice(l.min(), l.max() + 1)
        layers.append(_Layer(here, int(h - low[0]), rows, columns, (np.searchsorted(rows, k), l - columns.start)))
    return layers


def _waves(
    atoms: NDArray[np.float64], weights: NDArray[np.float64], hkl: NDArray[np.int64], layers: Sequence[_Layer]
) -> NDArray[np.complex128]:
    """Σ weight · exp(2πi h·x) over atoms, shape (reflections,).

    exp(2πi h·x) is a product of one factor for each axis, so that for each h the sum over all k and l is a product of
    two matrices: a thirtieth of the time of computing the exponentials.
    """
    low, high = _lowest(hkl), hkl.max(axis=0, initial=0)
    along = [np.exp(2j * np.pi * np.outer(np.arange(low[i], high[i] + 1), atoms[:, i])) for i in range(3)]
    total = np.zeros(len(hkl), dtype=complex)
    for layer in layers:
        left = along[0][layer.h] * weights
        total[layer.here] = ((along[1][layer.rows] * left) @ along[2][layer.columns].T)[layer.place]
    return total


def _lowest(hkl: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(hkl.min(axis=0, initial=0))


def _turned(site: Site, phase: Phase, group: _Group, hkl: NDArray[np.int64]) -> NDArray[np.complex128]:
    """The contribution of a site with an ellipsoid to its element's sum, of weight 1."""
    rotations, translations = group.operations
    assert site.u_aniso is not None
    beta = u_matrix(site.u_aniso, phase.unit_cell)
    total = np.zeros(len(hkl), dtype=complex)
    indices = hkl.astype(float)
    for rotation, translation in zip(rotations.astype(float), translations, strict=True):
        rotated = indices @ rotation  # hᵀR
        waves = np.exp(2j * np.pi * (rotated @ np.array(site.position) + indices @ translation))
        # 2π² hᵀβh (Trueblood et al. 1996, Acta Cryst. A52, 770)
        total += waves * np.exp(-2 * np.pi**2 * ((rotated @ beta) * rotated).sum(axis=1))
    return total


def _images(site: Site, group: _Group) -> NDArray[np.float64]:
    """The site's images by one operation of each centring, shape (n, 3)."""
    rotations, translations = group.operations
    return rotations @ np.array(site.position) + translations


def _weight(site: Site, group: _Group) -> float:
    """Weight of each image: those of a special position coincide and represent those of all centrings."""
    return site.occupancy * len(group.centring) / _stabiliser(site, group)


def _stabiliser(site: Site, group: _Group) -> int:
    """Order of the site symmetry of a site exactly on its special position."""
    offsets = (_images(site, group) - np.array(site.position))[:, None] + group.centring
    offsets -= np.round(offsets)
    return int((np.abs(offsets).max(axis=-1) < 1e-6).sum())
