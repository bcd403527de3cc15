"""Preferred orientation by the March-Dollase formula and by harmonics (see `formulas`)."""

from __future__ import annotations

import math

from bragglens.simulate.kernel.compiled import jit


@jit
def march_dollase(lib, r, direction, norm, march):  # type: ignore[no-untyped-def]
    """Mean over the equivalents of a reflection.

    Their normals have the same length, as strain keeps the symmetry, and `norm` is its square. The scalar product of
    hkl and `direction` is the component of a normal along the texture axis.
    """
    first, last = lib.first_equivalent[r], lib.first_equivalent[r + 1]
    a, b, c = direction[0], direction[1], direction[2]
    along, across, total = (march * march - 1.0 / march) / norm, 1.0 / march, 0.0
    for e in range(first, last):
        dot = lib.equivalents[e, 0] * a + lib.equivalents[e, 1] * b + lib.equivalents[e, 2] * c
        base = across + along * dot * dot
        total += 1.0 / (base * math.sqrt(base))
    return total / (last - first)


@jit
def harmonic_factor(lib, r, coefficients):  # type: ignore[no-untyped-def]
    """exp Σ c k of a reflection."""
    total = 0.0
    for k in range(coefficients.size):
        total += lib.harmonics[r, k] * coefficients[k]
    return math.exp(total)
