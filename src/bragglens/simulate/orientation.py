"""Orientation: how the crystallites of a phase are oriented about the normal of a flat specimen.

The density of crystallites whose plane normal h is along that normal is

    W(h) = M(h) exp(Σ c_k k(h)) / Z

with the March-Dollase function M of one axis and its equivalents, symmetrised harmonics k (`crystal.harmonics`) and
their coefficients c_k, and Z the mean over the sphere of what stands above it. W is positive and its mean is 1, so that
a scale still means grams. Without coefficients it is the March-Dollase function. With those of order 2 alone it is a
Bingham distribution (Bingham 1974, Ann. Statist. 2, 1201).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.harmonics import MOST_TERMS, harmonics, rotations, sphere
from bragglens.crystal.lattice import orthogonalization
from bragglens.crystal.phase import Phase
from bragglens.simulate import formulas
from bragglens.simulate.kernel import PackedPhases
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

POINTS = 500  # on the sphere; the mean of a March-Dollase function of r = 0.3 is exact to 1%


def density(phase: Phase, specimen: Specimen) -> Array:
    """W in directions that cover the sphere evenly, (directions,)."""
    above = _above(phase, specimen.texture_axis, np.array([specimen.march]), np.array([specimen.harmonics]))[0]
    return np.asarray(above / above.mean())


def texture_index(phase: Phase, specimen: Specimen) -> float:
    """Mean square of W over the sphere: 1 without texture (Bunge 1982, section 4.2.2)."""
    if specimen.march == 1.0 and not any(specimen.harmonics):
        return 1.0
    return float((density(phase, specimen) ** 2).mean())


def norms(phase: Phase, axis: tuple[int, int, int], march: Array, coefficients: Array) -> Array:
    """Z for several r, (rows,), and coefficients, (rows, terms); near 1 without coefficients."""
    return np.asarray(_above(phase, axis, march, coefficients).mean(axis=1))


def harmonic_factor(phase: Phase, normals: Array, specimen: Specimen) -> Array:
    """exp(Σ c k) / Z of plane normals of the unstrained lattice, (normals,)."""
    if not any(specimen.harmonics):
        return np.ones(len(normals))
    coefficients, values = np.array(specimen.harmonics), harmonics(phase).values(normals)
    terms = min(values.shape[1], len(coefficients))
    exponent = values[:, :terms] @ coefficients[:terms]
    z = norms(phase, specimen.texture_axis, np.array([specimen.march]), coefficients[None])
    return np.asarray(np.exp(exponent) / z)


def with_harmonics(packed: PackedPhases, phases: tuple[Phase, ...], only: Collection[int]) -> PackedPhases:
    """The same with the harmonics of the reflections of some phases, given by their places.

    Lines that stacking faults broaden follow those of all phases.
    """
    owners = [*range(len(phases)), *np.flatnonzero(packed.blurred[: len(phases)] >= 0)]
    out = np.zeros((len(packed.hkl), MOST_TERMS))
    for place, owner in enumerate(owners):
        if owner not in only:
            continue
        here = slice(packed.first_reflection[place], packed.first_reflection[place + 1])
        values = harmonics(phases[owner]).values(packed.hkl[here] @ np.linalg.inv(packed.axes[place]))
        out[here, : values.shape[1]] = values
    return packed._replace(harmonics=out)


def _above(phase: Phase, axis: tuple[int, int, int], march: Array, coefficients: Array) -> Array:
    """What stands above Z, for several rows of r and coefficients, (rows, directions)."""
    values, cosines = _on_sphere(phase, axis)
    different, which = np.unique(march, return_inverse=True)
    plain = np.array([formulas.march_dollase(cos_alpha=cosines, r=float(r)).mean(axis=1) for r in different])
    terms = min(values.shape[1], coefficients.shape[1])
    return np.asarray(plain[which] * np.exp(coefficients[:, :terms] @ values[:, :terms].T))


@lru_cache(maxsize=256)
def _on_sphere(phase: Phase, axis: tuple[int, int, int]) -> tuple[Array, Array]:
    """Harmonics of a phase in directions over the sphere, and their cosines to the equivalents of an axis."""
    directions, axes = sphere(POINTS), orthogonalization(phase)
    normal = np.array(axis) @ np.linalg.inv(axes)
    equivalents = normal / np.linalg.norm(normal) @ rotations(phase.operations, axes)
    return harmonics(phase).values(directions), directions @ equivalents.T
