"""Structure factors: scattering of the atoms of a cell into each reflection."""

from __future__ import annotations

import numpy as np

from bragglens.simulate.kernel.compiled import jit
from bragglens.simulate.kernel.singles import F1, F2, F3, F4, F5, F7, LN2, LOG2E

_LOWEST = np.float32(-80)  # its exponential is negligible


@jit
def _scattering(lib, e, s2, factor):  # type: ignore[no-untyped-def]
    """Fills f0 + f' of an element: four exponentials and a constant, in vectors, within 3e-7 of f0."""
    constant = np.float32(lib.form_factors[e, 8] + lib.dispersion[e, 0])
    for i in range(np.int32(factor.size)):
        factor[i] = constant
    for k in range(4):
        height, slope = np.float32(lib.form_factors[e, k]), np.float32(lib.form_factors[e, 4 + k])
        for i in range(np.int32(factor.size)):
            x = -slope * s2[i]
            x = x if x > _LOWEST else _LOWEST
            n = np.int32(x * LOG2E - F2)
            x -= np.float32(n) * LN2
            series = F1 + x * (F1 + x * (F2 + x * (F3 + x * (F4 + x * (F5 + x * F7)))))
            power = np.int32((n + np.int32(127)) << np.int32(23))
            factor[i] += height * series * power.view(np.float32)


@jit
def structure_factors_squared(lib, p, s2, sums, factor, squares):  # type: ignore[no-untyped-def]
    """Fills |F|² of a phase's reflections, the mean of the Friedel mates. `sums` and `factor` are work memory."""
    first, elements = lib.first_element[p], lib.first_element[p + 1] - lib.first_element[p]
    sums[:, : squares.size] = 0.0
    for e in range(elements):
        _scattering(lib, first + e, s2, factor)
        imaginary, g = lib.dispersion[first + e, 1], lib.first_geometry[p] + e
        for i in range(squares.size):
            a, b = lib.geometry[g, 0], lib.geometry[g, 1]
            sums[0, i] += factor[i] * a
            sums[1, i] += factor[i] * b
            sums[2, i] += imaginary * a
            sums[3, i] += imaginary * b
            g += elements
    for i in range(squares.size):
        squares[i] = sums[0, i] ** 2 + sums[1, i] ** 2 + sums[2, i] ** 2 + sums[3, i] ** 2
