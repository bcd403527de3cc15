"""Reflections of a strained phase: 1/d and the intensity per gram, before any effect of the instrument."""

from __future__ import annotations

import math

import numpy as np

from bragglens.simulate.kernel.compiled import jit, within
from bragglens.simulate.kernel.scattering import structure_factors_squared
from bragglens.simulate.kernel.texture import harmonic_factor, march_dollase


@jit
def _invert(m, out):  # type: ignore[no-untyped-def]
    """Inverse of a 3x3 matrix. Returns the determinant."""
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        for a in range(3):
            b, c = (a + 1) % 3, (a + 2) % 3
            out[a, i] = m[j, b] * m[k, c] - m[j, c] * m[k, b]
    determinant = m[0, 0] * out[0, 0] + m[0, 1] * out[1, 0] + m[0, 2] * out[2, 0]
    for i in range(3):
        for a in range(3):
            out[i, a] /= determinant
    return determinant


@jit
def _strained_inverse(lib, p, coefficients, out):  # type: ignore[no-untyped-def]
    """Inverse of the strained axes, its rows are the reciprocal axes. Returns the volume of the cell."""
    stretch = np.eye(3)
    for k in range(6):
        if coefficients[k] != 0.0:
            stretch += coefficients[k] * lib.strains[p, k]
    axes = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            for k in range(3):
                axes[i, j] += stretch[i, k] * lib.axes[p, k, j]
    return _invert(axes, out)


@within
def phase_sticks(lib, p, coefficients, hkl_axis, march, oriented, space):  # type: ignore[no-untyped-def]
    """Fills `space.sticks` with 1/d and m |F|² T / (M V) of the phase's reflections, and returns their number."""
    inverse = np.empty((3, 3))
    volume = _strained_inverse(lib, p, coefficients, inverse)
    axis, direction = np.zeros(3), np.zeros(3)
    norm = 0.0
    for i in range(3):
        for j in range(3):
            axis[i] += hkl_axis[j] * inverse[j, i]
        norm += axis[i] * axis[i]
    axis /= math.sqrt(norm) if norm > 0 else 1.0
    for i in range(3):
        for j in range(3):
            direction[i] += inverse[i, j] * axis[j]
    scale = 1.0 / (lib.cell_mass[p] * volume)
    first, last = lib.first_reflection[p], lib.first_reflection[p + 1]
    count = last - first
    inverse_d, strength = space.sticks[0, :count], space.sticks[1, :count]
    s2, factor = space.scattering[0, :count], space.scattering[1, :count]
    for i in range(count):
        q2 = 0.0
        for j in range(3):
            q = 0.0
            for k in range(3):
                q += lib.hkl[first + i, k] * inverse[k, j]
            q2 += q * q
        inverse_d[i], s2[i] = math.sqrt(q2), 0.25 * q2
    structure_factors_squared(lib, p, s2, space.sums, factor, strength)
    for i in range(count):
        strength[i] *= lib.multiplicity[first + i] * scale
    if march != 1.0:
        for i in range(count):
            strength[i] *= march_dollase(lib, first + i, direction, inverse_d[i] * inverse_d[i], march)
    if oriented.size > 0:
        for i in range(count):
            strength[i] *= harmonic_factor(lib, first + i, oriented)
    return count


@jit
def longest(lib):  # type: ignore[no-untyped-def]
    """Number of reflections of the phase with the most reflections."""
    most = 0
    for p in range(lib.first_reflection.size - 1):
        most = max(most, lib.first_reflection[p + 1] - lib.first_reflection[p])
    return most
