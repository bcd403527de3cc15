"""Counting noise, point i from (key, i), and other effects of a detector: spikes, and a moving average."""

from __future__ import annotations

import numpy as np

from bragglens.simulate.draws import mix
from bragglens.simulate.kernel.compiled import jit, within
from bragglens.simulate.kernel.singles import F0, F1, F2, F3, exponentials, largest, smallest

INVERSION = 12.0  # mean counts; below this Poisson numbers are drawn by inversion
_SIX_BITS, _FOURTEEN_BITS = np.uint32(0x3F), np.uint32(0x3FFF)
_MIDDLE, _DEVIATION, _NORMAL, _CUBIC, _NARROW = (  # of the normal number from four parts of 32 bits
    np.float32(v) for v in (32383.5, 1 / 9458.4407, 0.94900859, 0.01865203, 5 / 36)
)
_BLOCK = 128  # points that are drawn together
_UNIT = np.float32(2.0**-23)
_LEAST = np.float32(1e-20)  # mean counts, in place of 0
_ALL = np.float32(1 - 6e-7)  # total probability, below 1 by more than the error of float32, so that every count ends
_MOST_COUNTS = np.float32(60)
_TWO, _THREE, _FOUR = np.float32(2), np.float32(3), np.float32(4)


@jit
def bits(x):  # type: ignore[no-untyped-def]
    """32 bits that each depend on all of x: xor-shifts and two products (Wellons 2018, hash-prospector)."""
    z = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD))
    z = np.uint32((z ^ (z >> np.uint32(15))) * np.uint32(0x735A2D97))
    return np.uint32(z ^ (z >> np.uint32(15)))


@within
def _count_up(rest, inverse, count):  # type: ignore[no-untyped-def]
    """Counts how often rest(k) of each point is above 0, from k = 1 until none is (see `_small_counts`)."""
    k = F1
    while largest(rest) > F0 and k < _MOST_COUNTS:
        for i in range(np.int32(_BLOCK)):
            r, n, over = rest[i], count[i], inverse[i]
            n += F1 if r > F0 else F0
            r = r * (k * over) - F1
            n += F1 if r > F0 else F0
            r = r * ((k + F1) * over) - F1
            n += F1 if r > F0 else F0
            r = r * ((k + _TWO) * over) - F1
            n += F1 if r > F0 else F0
            rest[i], count[i] = r * ((k + _THREE) * over) - F1, n
        k += _FOUR


@jit
def _small_counts(pattern, counts, first, stride, out):  # type: ignore[no-untyped-def]
    """Draws points with a mean below INVERSION by inversion: the count is how often the uniform number exceeds the CDF.

    rest(k) is the excess of the uniform number over the CDF at k, over the probability of k: rest(k) = rest(k-1) k/mean
    - 1. Points are done in blocks and k in steps of four, so that it vectorises and stays in registers.
    """
    mean, rest = np.full(_BLOCK, _LEAST), np.empty(_BLOCK, np.float32)
    inverse, count = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    level, most = np.float32(counts), np.float32(INVERSION)
    for start in range(0, pattern.size, _BLOCK):
        part = pattern[start : start + _BLOCK]
        for i in range(np.int32(part.size)):
            m = level * part[i]
            m = m if m > _LEAST else _LEAST
            mean[i] = m if m < most else most
        if smallest(mean) >= most:
            continue
        x = np.uint32(first + np.uint32(start) * stride)
        for i in range(np.int32(_BLOCK)):
            count[i] = (np.float32(np.int32(bits(x) >> np.uint32(9))) + F2) * _UNIT
            x = np.uint32(x + stride)
        exponentials(mean, rest)
        for i in range(np.int32(_BLOCK)):
            rest[i] = count[i] * rest[i] * _ALL - F1
            inverse[i] = F1 / mean[i]
            count[i] = F0
        _count_up(rest, inverse, count)
        goal = out[start : start + _BLOCK]
        for i in range(np.int32(goal.size)):
            large, small = goal[i], count[i]
            goal[i] = small if mean[i] < most else large


@jit
def add_counting_noise(pattern, counts, key, out):  # type: ignore[no-untyped-def]
    """Fills `out` with Poisson counts of mean `counts` x `pattern`, point i from (key, i).

    Below a mean of INVERSION this is exact. Above, it is a rounded normal number with the Cornish-Fisher correction for
    skewness (Abramowitz & Stegun 26.2.49). The correction adds 1/18 to the variance and rounding adds 1/12, together
    5/36, and the variance of the normal number is reduced by this. The normal number is the sum of four parts of 32
    bits, each uniform over the same range: 14 bits in steps of 1, and three times 6 bits in steps of 256. A cubic term
    gives it variance 1 and kurtosis 3. It ends at 4 standard deviations. Mean and variance are correct within 0.1%.
    """
    level = np.float32(counts)
    first, stride = np.uint32(key), np.uint32(np.uint32(key >> np.uint64(32)) | np.uint32(1))
    x = first
    for i in range(np.int32(pattern.size)):
        b = bits(x)
        coarse = ((b >> np.uint32(14)) & _SIX_BITS) + ((b >> np.uint32(20)) & _SIX_BITS) + (b >> np.uint32(26))
        total = np.int32((b & _FOURTEEN_BITS) + (coarse << np.uint32(8)))
        z = (np.float32(total) - _MIDDLE) * _DEVIATION
        z *= _NORMAL + _CUBIC * z * z
        mean = level * pattern[i]
        narrow = mean - _NARROW
        spread = np.sqrt(narrow if narrow > F0 else F0)
        count = np.floor(mean + spread * z + (z * z - F1) * F3 + F2)
        out[i] = count if count > F0 else F0
        x = np.uint32(x + stride)
    if counts * smallest(pattern) < INVERSION:
        _small_counts(pattern, counts, first, stride, out)


@jit
def add_spikes(out, spikes, counts, key):  # type: ignore[no-untyped-def]
    """Adds single high points, at most as high as the strongest peak, as from cosmic rays and sparks."""
    for i in range(spikes):
        drawn = mix(key + np.uint64(i))
        height = np.float64(drawn >> np.uint64(40)) / 16777216.0
        out[np.int64(drawn & np.uint64(0x7FFFFFFF)) % out.size] += np.float32(counts * height)


@jit
def smooth(out, scratch, half):  # type: ignore[no-untyped-def]
    """Moving average over 2 half + 1 points, fewer at the ends."""
    for i in range(np.int32(out.size)):  # an assignment of arrays takes seconds to compile
        scratch[i] = out[i]
    for shift in range(1, half + 1):
        for i in range(np.int32(out.size - shift)):
            out[i] += scratch[i + shift]
        for i in range(np.int32(out.size - shift)):
            out[i + shift] += scratch[i]
    most, last = np.float32(half), np.float32(out.size - 1)
    for i in range(np.int32(out.size)):
        before, after = np.float32(i), last - np.float32(i)
        out[i] /= (before if before < most else most) + (after if after < most else most) + F1
