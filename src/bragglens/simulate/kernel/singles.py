"""Numbers of single precision: constants, extremes, and exponentials of whole vectors."""

from __future__ import annotations

import math

import numpy as np

from bragglens.simulate.kernel.compiled import jit

F0, F1, F2, F3, F4, F5 = (np.float32(v) for v in (0.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120))
F6, F7 = np.float32(1 / 32), np.float32(1 / 720)
LN2, LOG2E = np.float32(math.log(2)), np.float32(1 / math.log(2))


@jit
def largest(values):  # type: ignore[no-untyped-def]
    """The largest of some numbers, from their bits. If all are negative, any one of them.

    The bits of non-negative floats have the same order as the floats, and those of negative floats are below them. The
    compiler finds extremes of integers in vectors, but not of floats, as there might be a NaN among them.
    """
    bits = values.view(np.int32)
    top = bits[0]
    for i in range(np.int32(bits.size)):
        top = max(top, bits[i])
    found = np.int32(top)
    return found.view(np.float32)


@jit
def smallest(values):  # type: ignore[no-untyped-def]
    """The smallest of some numbers, from their bits. If some are negative, any one of these."""
    bits = values.view(np.int32)
    low = bits[0]
    for i in range(np.int32(bits.size)):
        low = min(low, bits[i])
    found = np.int32(low)
    return found.view(np.float32)


@jit
def exponentials(mean, out):  # type: ignore[no-untyped-def]
    """exp(mean) of small non-negative numbers, within 3e-7: 2^n times a series in the remainder, |remainder| < 0.35."""
    for i in range(np.int32(mean.size)):
        n = np.int32(mean[i] * LOG2E + F2)
        x = mean[i] - np.float32(n) * LN2
        e = F1 + x * (F1 + x * (F2 + x * (F3 + x * (F4 + x * (F5 + x * F7)))))
        power = np.int32((n + np.int32(127)) << np.int32(23))
        out[i] = e * power.view(np.float32)
