"""Lattice strain that keeps the crystal system."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase

_ELEMENTARY = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]


def strain_basis(phase: Phase) -> NDArray[np.float64]:
    """The independent strains that the point group allows, as symmetric Cartesian tensors, shape (k, 3, 3).

    Each elementary strain is averaged over the point group: the averages span exactly the strains that leave every
    symmetry operation a symmetry of the metric, in any setting and with any unique axis. k is 1 for cubic, 2 for
    tetragonal, trigonal and hexagonal, 3 for orthorhombic, 4 for monoclinic and 6 for triclinic crystals.
    The largest element of each tensor is 1, so a coefficient of 0.01 changes a length by about 1%.
    (Nye, Physical Properties of Crystals, 1985, chapter III: a property tensor is invariant under the point group.)
    """
    axes = orthogonalization(phase)
    inverse = np.linalg.inv(axes)
    rotations = axes @ phase.rotations @ inverse
    basis: list[NDArray[np.float64]] = []
    for i, j in _ELEMENTARY:
        tensor = np.zeros((3, 3))
        tensor[i, j] = tensor[j, i] = 1.0
        average = np.mean(rotations @ tensor @ np.swapaxes(rotations, 1, 2), axis=0)
        candidate = [*basis, average]
        flat = np.array(candidate).reshape(len(candidate), 9)
        if np.linalg.matrix_rank(flat, tol=1e-6) == len(candidate):
            basis.append(average / np.abs(average).max())
    return np.array(basis)


def orthogonalization(phase: Phase) -> NDArray[np.float64]:
    """The cell's axes as columns in Cartesian Å (a along x, b in the xy plane), shape (3, 3)."""
    return np.array(phase.unit_cell.orth.mat.tolist())


def lattice_spacings(phase: Phase, *, count: int = 20) -> NDArray[np.float64]:
    """The `count` largest d-spacings of the lattice in Å, one of each Friedel pair, also of extinct reflections.

    They are the same for every choice of cell, centred or primitive, and change continuously with the lattice; reduced
    cells may not.
    """
    inverse = np.linalg.inv(orthogonalization(phase))
    centring = np.array([op.tran for op in map(gemmi.Op, phase.operations) if op.rot == gemmi.Op().rot])
    points = len(centring) / phase.volume  # the volume of the primitive reciprocal cell is 1 / its reverse
    reach = (3 / (4 * np.pi) * 4 * count * points) ** (1 / 3)  # a sphere of some 4 · count points, in 1/Å
    while True:
        limits = np.ceil(reach * np.linalg.norm(np.linalg.inv(inverse), axis=0)).astype(int)
        hkl = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in limits), indexing="ij"), axis=-1).reshape(-1, 3)
        hkl = hkl[len(hkl) // 2 + 1 :]  # the second half; the middle is (000)
        hkl = hkl[((hkl @ centring.T) % gemmi.Op.DEN == 0).all(axis=1)]
        lengths = np.sort(np.linalg.norm(hkl @ inverse, axis=1))
        if (lengths <= reach).sum() >= count:
            return 1 / lengths[:count]
        reach *= 1.3


def strained_axes(
    axes: NDArray[np.float64], basis: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Cell axes after the strain Σ cᵢ Eᵢ, columns in Å."""
    return (np.eye(3) + np.tensordot(coefficients, basis, axes=1)) @ axes


def cell_parameters(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """a, b, c in Å and α, β, γ in degrees of axes given as columns."""
    lengths = np.linalg.norm(axes, axis=0)
    cosines = [axes[:, i] @ axes[:, j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    return np.array([*lengths, *np.degrees(np.arccos(cosines))])
