"""The compiled forward model: `reference.pattern` for many samples, with background and counting noise.

Compiled once by numba and cached. Nothing here knows names or units of a user: `render` packs nouns into arrays and
calls `render_batch`. Formulas and sources stand in `formulas`, to which the tests hold this file.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bragglens.simulate.draws import mix, noise_key

GAUSS_REACH = 2.3  # in FWHM; the Gaussian is below 1e-6 of its top there
TAIL = 5e-6  # of the strongest line; where a Lorentzian falls below this it is cut
FAINT = 1e-6  # of the strongest line; lines below this are left out
CORE = 6.0  # in FWHM; a Lorentzian is drawn point by point this far and on the coarse axis beyond
LEAST_CORE = 24.0  # points
COARSE = 8  # points from node to node of the coarse axis, which carries tails and background
INVERSION = 12.0  # mean counts below which Poisson numbers are drawn by inversion
_DEG = 180 / math.pi
_LN2_4 = 4 * math.log(2)
_GAUSS_AREA = math.sqrt(_LN2_4 / math.pi)
_F0, _F1, _F2, _F3, _F4, _F5, _F6 = (np.float32(v) for v in (0.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 32))
_HALF, _SHIFT = np.uint32(0xFFFF), np.uint32(16)


class PackedPhases(NamedTuple):
    """Reflections of several phases, one after the other, for one set of emission lines."""

    first_reflection: NDArray[np.int64]  # (phases + 1,)
    first_equivalent: NDArray[np.int64]  # (reflections + 1,)
    first_element: NDArray[np.int64]  # (phases + 1,)
    first_geometry: NDArray[np.int64]  # (phases,)
    hkl: NDArray[np.float64]  # (reflections, 3)
    multiplicity: NDArray[np.float64]  # (reflections,)
    equivalents: NDArray[np.float64]  # (equivalents, 3)
    geometry: NDArray[np.float64]  # (sum of reflections x elements, 2)
    form_factors: NDArray[np.float64]  # (elements, 9)
    dispersion: NDArray[np.float64]  # (elements, 2), at the strongest line
    axes: NDArray[np.float64]  # (phases, 3, 3)
    strains: NDArray[np.float64]  # (phases, 6, 3, 3)
    cell_mass: NDArray[np.float64]  # (phases,)
    wavelengths: NDArray[np.float64]  # (lines,)
    line_weights: NDArray[np.float64]  # (lines,)


class Conditions(NamedTuple):
    """What was drawn for each sample (and for each of its phases)."""

    sample: NDArray[np.uint64]  # (batch,) number of the sample
    phase: NDArray[np.int64]  # (batch, slots), -1 where the slot is empty
    weight: NDArray[np.float64]  # (batch, slots)
    strain: NDArray[np.float64]  # (batch, slots, 6)
    size: NDArray[np.float64]  # (batch, slots) nm
    microstrain: NDArray[np.float64]  # (batch, slots)
    lorentzian: NDArray[np.float64]  # (batch, slots)
    axis: NDArray[np.float64]  # (batch, slots, 3)
    march: NDArray[np.float64]  # (batch, slots)
    resolution: NDArray[np.float64]  # (batch, 5) U V W X Y
    polarisation: NDArray[np.float64]  # (batch,)
    zero: NDArray[np.float64]  # (batch,) degrees
    tilt: NDArray[np.float64]  # (batch,) 2 s/R in degrees
    background: NDArray[np.float64]  # (batch, 5) mean level, then Chebyshev coefficients relative to it
    air: NDArray[np.float64]  # (batch,)
    humps: NDArray[np.float64]  # (batch, n, 3) centre and standard deviation in degrees, height
    counts: NDArray[np.float64]  # (batch,) at the strongest peak; 0 for a clean pattern
    span: NDArray[np.float64]  # (batch, 2) first and last 2θ that the scan covers


_jit = njit(cache=True, error_model="numpy", nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"})


@_jit
def _invert(m, out):  # type: ignore[no-untyped-def]
    """Inverse of a 3x3 matrix; returns its determinant."""
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


@_jit
def _strained_inverse(lib, p, coefficients, out):  # type: ignore[no-untyped-def]
    """Inverse of the strained axes, rows reciprocal axes; returns the cell's volume."""
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


@_jit
def _structure_factor_squared(lib, p, r, s2):  # type: ignore[no-untyped-def]
    first, last = lib.first_element[p], lib.first_element[p + 1]
    g = lib.first_geometry[p] + (r - lib.first_reflection[p]) * (last - first)
    ar, ai, br, bi = 0.0, 0.0, 0.0, 0.0
    for e in range(first, last):
        f = lib.form_factors[e, 8] + lib.dispersion[e, 0]
        for k in range(4):
            f += lib.form_factors[e, k] * math.exp(-lib.form_factors[e, 4 + k] * s2)
        ar += f * lib.geometry[g, 0]
        ai += f * lib.geometry[g, 1]
        br += lib.dispersion[e, 1] * lib.geometry[g, 0]
        bi += lib.dispersion[e, 1] * lib.geometry[g, 1]
        g += 1
    return ar * ar + ai * ai + br * br + bi * bi


@_jit
def _march_dollase(lib, r, inverse, axis, march):  # type: ignore[no-untyped-def]
    first, last = lib.first_equivalent[r], lib.first_equivalent[r + 1]
    total = 0.0
    for e in range(first, last):
        dot, norm = 0.0, 0.0
        for i in range(3):
            n = 0.0
            for j in range(3):
                n += lib.equivalents[e, j] * inverse[j, i]
            dot += n * axis[i]
            norm += n * n
        cos2 = dot * dot / norm
        base = march * march * cos2 + (1.0 - cos2) / march
        total += 1.0 / (base * math.sqrt(base))
    return total / (last - first)


@_jit
def phase_sticks(lib, p, coefficients, hkl_axis, march, inverse_d, strength):  # type: ignore[no-untyped-def]
    """Fills 1/d and m |F|² T / (M V) of the phase's reflections; returns how many."""
    inverse = np.empty((3, 3))
    volume = _strained_inverse(lib, p, coefficients, inverse)
    axis = np.zeros(3)
    norm = 0.0
    for i in range(3):
        for j in range(3):
            axis[i] += hkl_axis[j] * inverse[j, i]
        norm += axis[i] * axis[i]
    axis /= math.sqrt(norm) if norm > 0 else 1.0
    scale = 1.0 / (lib.cell_mass[p] * volume)
    first, last = lib.first_reflection[p], lib.first_reflection[p + 1]
    for r in range(first, last):
        q2 = 0.0
        for i in range(3):
            q = 0.0
            for j in range(3):
                q += lib.hkl[r, j] * inverse[j, i]
            q2 += q * q
        value = lib.multiplicity[r] * _structure_factor_squared(lib, p, r, 0.25 * q2)
        if march != 1.0:
            value *= _march_dollase(lib, r, inverse, axis, march)
        inverse_d[r - first] = math.sqrt(q2)
        strength[r - first] = value * scale
    return last - first


@_jit
def _window(centre, reach, n):  # type: ignore[no-untyped-def]
    """First point within reach of the centre, and one past the last."""
    return max(0, int(math.ceil(centre - reach))), min(n, int(math.floor(centre + reach)) + 1)


# The four loops below are in float32 with a zero-based 32-bit index: this is what lets the compiler use full vectors.


@_jit
def _lorentz(out, x0, peak, width):  # type: ignore[no-untyped-def]
    for i in range(np.int32(out.size)):
        x = x0 + np.float32(i)
        out[i] += peak / (_F1 + width * x * x)


@_jit
def _lorentz_above(out, x0, peak, width, floor):  # type: ignore[no-untyped-def]
    for i in range(np.int32(out.size)):
        x = x0 + np.float32(i)
        out[i] += peak / (_F1 + width * x * x) - floor


@_jit
def _lorentz_capped(out, x0, spacing, peak, width, cap):  # type: ignore[no-untyped-def]
    for i in range(np.int32(out.size)):
        x = x0 + spacing * np.float32(i)
        out[i] += min(peak / (_F1 + width * x * x), cap)


@_jit
def _gauss(out, x0, peak, width):  # type: ignore[no-untyped-def]
    # exp(-y) as the 32nd power of a short series at y/32, with y < 14.7: only products, so that it vectorises
    for i in range(np.int32(out.size)):
        x = x0 + np.float32(i)
        z = width * x * x * _F6
        e = _F1 - z * (_F1 - z * (_F2 - z * (_F3 - z * (_F4 - z * _F5))))
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        out[i] += peak * e


@_jit
def draw_peak(fine, coarse, centre, points, lorentz, gauss, top):  # type: ignore[no-untyped-def]
    """Adds a pseudo-Voigt of a FWHM of so many points, of two heights, where `top` is the strongest line's height.

    The core goes to `fine`; the tails, capped within the core, to every COARSE-th point of `coarse`, from where
    `join` interpolates them.
    """
    if lorentz > TAIL * top:
        reach = 0.5 * points * math.sqrt(lorentz / (TAIL * top))
        width = 4.0 / (points * points)
        core = max(CORE * points, LEAST_CORE)
        if reach <= core:
            lo, hi = _window(centre, reach, fine.size)
            if lo < hi:
                _lorentz(fine[lo:hi], np.float32(lo - centre), np.float32(lorentz), np.float32(width))
        else:
            cap = lorentz / (1.0 + width * core * core)
            lo, hi = _window(centre, core, fine.size)
            if lo < hi:
                _lorentz_above(
                    fine[lo:hi], np.float32(lo - centre), np.float32(lorentz), np.float32(width), np.float32(cap)
                )
            lo, hi = _window(centre / COARSE, reach / COARSE, coarse.size)
            if lo < hi:
                _lorentz_capped(
                    coarse[lo:hi], np.float32(lo * COARSE - centre), np.float32(COARSE), np.float32(lorentz),
                    np.float32(width), np.float32(cap),
                )  # fmt: skip
    if gauss > FAINT * top:
        lo, hi = _window(centre, GAUSS_REACH * points, fine.size)
        if lo < hi:
            _gauss(fine[lo:hi], np.float32(lo - centre), np.float32(gauss), np.float32(_LN2_4 / (points * points)))


@_jit
def join(fine, coarse):  # type: ignore[no-untyped-def]
    """Adds the coarse axis, linearly interpolated, to the fine one."""
    n = fine.size
    share = np.arange(COARSE).astype(np.float32) / np.float32(COARSE)
    for node in range((n - 1) // COARSE + 1):
        first = node * COARSE
        low = coarse[node]
        rise = coarse[node + 1] - low
        for j in range(min(COARSE, n - first)):
            fine[first + j] += low + rise * share[j]


@_jit
def peak_shape(tangent, cosine, wavelength, resolution, size, microstrain, lorentzian):  # type: ignore[no-untyped-def]
    """FWHM in degrees and η of a line."""
    broad = (0.9 * wavelength / (10.0 * size * cosine) + 4.0 * microstrain * tangent) * _DEG
    variance = resolution[0] * tangent * tangent + resolution[1] * tangent + resolution[2]
    g2 = max(variance, 0.0) + ((1.0 - lorentzian) * broad) ** 2
    g = math.sqrt(g2)
    l = resolution[3] / cosine + resolution[4] * tangent + lorentzian * broad  # noqa: E741
    l2 = l * l
    fifth = (
        g2 * g2 * g + 2.69269 * g2 * g2 * l + 2.42843 * g2 * g * l2 + 4.47163 * g2 * l2 * l
        + 0.07842 * g * l2 * l2 + l2 * l2 * l
    )  # fmt: skip
    fwhm = fifth**0.2
    q = l / fwhm
    return fwhm, q * (1.36603 - q * (0.47719 - q * 0.11116))


@_jit
def _phase_lines(grid, lib, cond, b, slot, sticks, lines, first):  # type: ignore[no-untyped-def]
    """Appends the lines of one phase of one sample to the table: place and FWHM in points, Lorentz and Gauss height.

    Returns the table's new length, and height and place of the phase's strongest line within the scan.
    """
    start, step, n = grid
    count = phase_sticks(
        lib, cond.phase[b, slot], cond.strain[b, slot], cond.axis[b, slot], cond.march[b, slot], sticks[0], sticks[1]
    )
    low, high = max(start, cond.span[b, 0]), min(start + step * (n - 1), cond.span[b, 1])
    best, place, row = 0.0, -1, first
    for line in range(lib.wavelengths.size):
        wavelength = lib.wavelengths[line]
        factor = cond.weight[b, slot] * lib.line_weights[line]
        for r in range(count):
            sine = 0.5 * wavelength * sticks[0, r]
            if sine >= 0.9999:
                continue
            cosine = math.sqrt(1.0 - sine * sine)
            fwhm, eta = peak_shape(
                sine / cosine, cosine, wavelength, cond.resolution[b],
                cond.size[b, slot], cond.microstrain[b, slot], cond.lorentzian[b, slot],
            )  # fmt: skip
            position = 2.0 * math.asin(sine) * _DEG + cond.zero[b] - cond.tilt[b] * cosine
            cos2 = 1.0 - 2.0 * sine * sine
            lp = (1.0 + cond.polarisation[b] * cos2 * cos2) / (sine * sine * cosine)
            area = factor * sticks[1, r] * lp
            lines[row, 0] = (position - start) / step
            lines[row, 1] = fwhm / step
            lines[row, 2] = area * eta * 2.0 / (math.pi * fwhm)
            lines[row, 3] = area * (1.0 - eta) * _GAUSS_AREA / fwhm
            height = lines[row, 2] + lines[row, 3]
            row += 1
            if height > best and low <= position <= high:
                best, place = height, int((position - start) / step + 0.5)
    return row, best, place


@_jit
def _fill_background(coarse, start, step, cond, b):  # type: ignore[no-untyped-def]
    """Chebyshev background, air scatter and humps on the coarse axis, all relative to a strongest peak of 1."""
    nodes = coarse.size
    level = cond.background[b, 0]
    for i in range(nodes):
        x = 2.0 * i / (nodes - 1) - 1.0
        t0, t1 = 1.0, x
        shape = 1.0
        for k in range(1, cond.background.shape[1]):
            shape += cond.background[b, k] * t1
            t0, t1 = t1, 2.0 * x * t1 - t0
        angle = start + i * COARSE * step
        value = level * (max(shape, 0.0) + cond.air[b] * start / angle)
        for h in range(cond.humps.shape[1]):
            if cond.humps[b, h, 2] > 0.0:
                y = (angle - cond.humps[b, h, 0]) / cond.humps[b, h, 1]
                value += cond.humps[b, h, 2] * math.exp(-0.5 * y * y)
        coarse[i] = value


@_jit
def _poisson_by_inversion(mean, u):  # type: ignore[no-untyped-def]
    """A Poisson count of a small mean from one uniform number, exact."""
    if mean < 1e-12:
        return 0.0
    term = math.exp(-mean)
    total = term
    k = 0
    while u > total and k < 80:
        k += 1
        term *= mean / k
        total += term
    return float(k)


@_jit
def _small_counts(pattern, counts, key, out):  # type: ignore[no-untyped-def]
    for i in range(pattern.size):
        mean = counts * pattern[i]
        if mean < INVERSION:
            u = (np.float64(mix(key + np.uint64(i)) >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)
            out[i] = _poisson_by_inversion(max(mean, 0.0), u)


@_jit
def add_counting_noise(pattern, counts, key, out):  # type: ignore[no-untyped-def]
    """Fills `out` with Poisson counts of mean `counts` x `pattern`, point i from (key, i).

    Below a mean of INVERSION exact. Above, a normal number with the Cornish-Fisher correction for skewness (Abramowitz
    & Stegun 26.2.49), rounded; the correction adds 1/18 to the variance and rounding 1/12, together 5/36, by which the
    normal is narrowed. The normal is the sum of four 16-bit numbers, with a cubic that gives it variance 1 and
    kurtosis 3; it ends at 4 standard deviations. Mean and variance hold within 0.1%.
    """
    level = np.float32(counts)
    for i in range(np.int32(pattern.size)):
        bits = mix(key + np.uint64(i))
        low, high = np.uint32(bits), np.uint32(bits >> np.uint64(32))
        total = np.int32(low & _HALF) + np.int32(low >> _SHIFT) + np.int32(high & _HALF) + np.int32(high >> _SHIFT)
        z = (np.float32(total) - np.float32(131070.0)) * np.float32(1.0 / 37837.2271)
        z *= np.float32(0.94903548) + np.float32(0.01864152) * z * z
        mean = level * pattern[i]
        narrow = mean - np.float32(5.0 / 36.0)
        spread = np.sqrt(narrow if narrow > _F0 else _F0)
        count = np.floor(mean + spread * z + (z * z - _F1) * _F3 + _F2)
        out[i] = count if count > _F0 else _F0
    if counts * pattern.min() < INVERSION:
        _small_counts(pattern, counts, key, out)


@_jit
def _longest(lib):  # type: ignore[no-untyped-def]
    most = 0
    for p in range(lib.first_reflection.size - 1):
        most = max(most, lib.first_reflection[p + 1] - lib.first_reflection[p])
    return most


@_jit
def render_batch(lib, cond, start, step, seed, out, signal):  # type: ignore[no-untyped-def]
    """Fills `out` (batch, points) and, for each slot, its strongest line over the noise beneath it.

    With counts 0 a pattern is clean and scaled to a strongest point of 1; else it holds counts.
    """
    batch, n = out.shape
    slots = cond.phase.shape[1]
    most = _longest(lib)
    sticks = np.empty((2, most))
    lines = np.empty((slots * most * lib.wavelengths.size, 4))
    height, place = np.zeros(slots), np.zeros(slots, np.int64)
    fine = np.empty(n, np.float32)
    coarse = np.empty((n - 1) // COARSE + 2, np.float32)
    for b in range(batch):
        rows, top = 0, 0.0
        for slot in range(slots):
            height[slot], place[slot] = 0.0, -1
            if cond.phase[b, slot] >= 0:
                rows, height[slot], place[slot] = _phase_lines(
                    (start, step, n), lib, cond, b, slot, sticks, lines, rows
                )
                top = max(top, height[slot])
        fine[:] = 0.0
        coarse[:] = 0.0
        for row in range(rows):
            draw_peak(fine, coarse, lines[row, 0], lines[row, 1], lines[row, 2], lines[row, 3], top)
        join(fine, coarse)
        top = np.float64(fine.max())
        top = top if top > 0.0 else 1.0
        fine *= np.float32(1.0 / top)
        _fill_background(coarse, start, step, cond, b)
        join(fine, coarse)
        counts = cond.counts[b]
        for slot in range(slots):
            signal[b, slot] = 0.0
            if place[slot] >= 0:
                at = min(max(place[slot], 0), n - 1)
                signal[b, slot] = height[slot] / top * math.sqrt(max(counts, 1.0) / max(fine[at], np.float32(1e-12)))
        if counts > 0.0:
            add_counting_noise(fine, counts, noise_key(seed, cond.sample[b]), out[b])
        else:
            out[b] = fine
