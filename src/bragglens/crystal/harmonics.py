"""Harmonics: smooth functions of a direction in a crystal that have the symmetry of its Laue class.

An orientation distribution of crystallites about the normal of a flat specimen is a function of the direction of that
normal in the crystal. It has the crystal's symmetry and is the same for a direction and its opposite, so that it is a
sum of symmetrised spherical harmonics of even order (Bunge 1982, Texture Analysis in Materials Science, chapter 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
from numpy.polynomial.legendre import legder, legval
from numpy.typing import NDArray

from bragglens.crystal.lattice import orthogonalization
from bragglens.crystal.phase import Phase

Array = NDArray[np.float64]

MOST_TERMS = 8  # of a phase: order 2 of a triclinic, 4 of a monoclinic, 8 of a cubic crystal
_HIGHEST = 8  # order; lines of a powder pattern do not determine more
_INDEPENDENT = 1e-6  # length of a symmetrised harmonic from which on it is not zero by symmetry


@dataclass(frozen=True)
class Harmonics:
    """Symmetrised real harmonics of even order, smoother ones first.

    Attributes:
        orders: order of each, (terms,).
        parts: for each its coefficients among the real spherical harmonics of its order, (2 order + 1,).
    """

    orders: tuple[int, ...]
    parts: tuple[Array, ...]

    def values(self, directions: Array) -> Array:
        """Values in Cartesian directions of any length, (directions, terms).

        The mean square over the sphere is (2/order)²: a smooth distribution has small coefficients of high order.
        """
        out = np.empty((len(directions), len(self.orders)))
        for order in sorted(set(self.orders)):
            real = _real_harmonics(directions, order)
            for term in (i for i, one in enumerate(self.orders) if one == order):
                out[:, term] = real @ self.parts[term] * 2 / order
        return out


def harmonics(phase: Phase) -> Harmonics:
    """The harmonics of a phase up to the highest order, at most 8, with no more than MOST_TERMS terms in all."""
    axes = orthogonalization(phase)
    return _of_group(phase.operations, tuple(axes.ravel().tolist()))


def sphere(points: int) -> Array:
    """Directions that cover the sphere evenly, (points, 3) (Fibonacci lattice, González 2010, Math. Geosci. 42, 49)."""
    z = 1 - (2 * np.arange(points) + 1) / points
    turn = np.arange(points) * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - z**2)
    return np.column_stack([across * np.cos(turn), across * np.sin(turn), z])


def rotations(operations: tuple[str, ...], axes: Array) -> Array:
    """Rotations of a point group for Cartesian row vectors, (m, 3, 3)."""
    whole = np.array([gemmi.Op(xyz).rot for xyz in operations]) / gemmi.Op.DEN
    turned = axes @ np.unique(np.round(whole), axis=0) @ np.linalg.inv(axes)
    return np.asarray(turned, dtype=np.float64)


@lru_cache(maxsize=4096)
def _of_group(operations: tuple[str, ...], axes: tuple[float, ...]) -> Harmonics:
    turns = rotations(operations, np.array(axes).reshape(3, 3))
    orders: list[int] = []
    parts: list[Array] = []
    for order in range(2, _HIGHEST + 1, 2):
        found = _invariant(turns, order)
        if parts and len(parts) + len(found) > MOST_TERMS:
            break
        orders += [order] * len(found)
        parts += found
    return Harmonics(tuple(orders), tuple(parts))


def _invariant(turns: Array, order: int) -> list[Array]:
    """Coefficients of the harmonics of an order that all rotations leave as they are, orthonormal."""
    directions = sphere(8 * (2 * order + 1))
    plain = _real_harmonics(directions, order)
    everywhere = _real_harmonics((directions @ turns).reshape(-1, 3), order)
    turned = everywhere.reshape(len(turns), len(directions), -1).mean(axis=0)
    projector = np.linalg.lstsq(plain, turned, rcond=None)[0]
    found: list[Array] = []
    for column in projector.T:
        for one in found:
            column = column - (column @ one) * one
        length = float(np.linalg.norm(column))
        if length > _INDEPENDENT:
            found.append(column / length)
    return found


def _real_harmonics(directions: Array, order: int) -> Array:
    """Real spherical harmonics of an order with mean square 1 over the sphere, (directions, 2 order + 1)."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    z, turn = unit[:, 2], unit[:, 0] + 1j * unit[:, 1]  # (sin θ)^m exp(imφ) is the m-th power of `turn`
    columns = []
    for m in range(order + 1):
        slope = legval(z, legder([0.0] * order + [1.0], m))  # m-th derivative of the Legendre polynomial
        length = math.sqrt((2 * order + 1) * math.factorial(order - m) / math.factorial(order + m) * (2 if m else 1))
        whole = length * slope * turn**m
        columns += [whole.real, whole.imag] if m else [whole.real]
    return np.column_stack(columns)
