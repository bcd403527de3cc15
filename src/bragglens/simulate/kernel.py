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

from bragglens.simulate.draws import unit

GAUSS_REACH = 2.3  # in FWHM; the Gaussian is below 1e-6 of its top there
LORENTZ_REACH = 40.0  # in FWHM; 0.8% of a Lorentzian's area lies outside
NOISE_STREAM = 1 << 50  # beyond every stream that `draws` names
_RAD = math.pi / 180
_DEG = 180 / math.pi
_LN2_4 = 4 * math.log(2)
_GAUSS_AREA = math.sqrt(_LN2_4 / math.pi)


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


@_jit
def _add_lorentz(out, x0, peak, width):  # type: ignore[no-untyped-def]
    # float32 and a zero-based 32-bit loop: this is what lets the compiler use full vectors
    for i in range(np.int32(out.size)):
        x = x0 + np.float32(i)
        out[i] += peak / (np.float32(1.0) + width * x * x)


@_jit
def _add_gauss(out, x0, peak, width):  # type: ignore[no-untyped-def]
    # exp(-w (x+1)²) from exp(-w x²) by two multiplications: no exponential in the loop
    value = peak * math.exp(-width * x0 * x0)
    ratio = math.exp(-width * (2.0 * x0 + 1.0))
    shrink = math.exp(-2.0 * width)
    for i in range(np.int32(out.size)):
        out[i] += np.float32(value)
        value *= ratio
        ratio *= shrink


@_jit
def add_peak(out, start, step, position, area, fwhm, eta):  # type: ignore[no-untyped-def]
    """Adds one pseudo-Voigt to an even grid."""
    centre = (position - start) / step
    points = fwhm / step
    lo, hi = _window(centre, LORENTZ_REACH * points, out.size)
    if lo < hi:
        peak = area * eta * 2.0 / (math.pi * fwhm)
        _add_lorentz(out[lo:hi], np.float32(lo - centre), np.float32(peak), np.float32(4.0 / (points * points)))
    lo, hi = _window(centre, GAUSS_REACH * points, out.size)
    if lo < hi:
        _add_gauss(out[lo:hi], lo - centre, area * (1.0 - eta) * _GAUSS_AREA / fwhm, _LN2_4 / (points * points))


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
def _add_phase(out, start, step, lib, cond, b, slot, inverse_d, strength):  # type: ignore[no-untyped-def]
    """Adds one phase of one sample; returns height and place (point) of its strongest line in the scan."""
    count = phase_sticks(
        lib, cond.phase[b, slot], cond.strain[b, slot], cond.axis[b, slot], cond.march[b, slot], inverse_d, strength
    )
    stop = start + step * (out.size - 1)
    best, place = 0.0, -1
    for line in range(lib.wavelengths.size):
        wavelength = lib.wavelengths[line]
        factor = cond.weight[b, slot] * lib.line_weights[line]
        for r in range(count):
            sine = 0.5 * wavelength * inverse_d[r]
            if sine >= 0.9999:
                continue
            cosine = math.sqrt(1.0 - sine * sine)
            position = 2.0 * math.asin(sine) * _DEG + cond.zero[b] - cond.tilt[b] * cosine
            fwhm, eta = peak_shape(
                sine / cosine, cosine, wavelength, cond.resolution[b],
                cond.size[b, slot], cond.microstrain[b, slot], cond.lorentzian[b, slot],
            )  # fmt: skip
            if position < start - LORENTZ_REACH * fwhm or position > stop + LORENTZ_REACH * fwhm:
                continue
            cos2 = 1.0 - 2.0 * sine * sine
            lp = (1.0 + cond.polarisation[b] * cos2 * cos2) / (sine * sine * cosine)
            area = factor * strength[r] * lp
            add_peak(out, start, step, position, area, fwhm, eta)
            height = area / fwhm
            if height > best and max(start, cond.span[b, 0]) <= position <= min(stop, cond.span[b, 1]):
                best, place = height, int((position - start) / step + 0.5)
    return best, place


@_jit
def _add_background(out, start, step, cond, b):  # type: ignore[no-untyped-def]
    """Adds Chebyshev background, air scatter and humps, all relative to a strongest peak of 1."""
    n = out.size
    level = cond.background[b, 0]
    for i in range(n):
        x = 2.0 * i / (n - 1) - 1.0
        t0, t1 = 1.0, x
        shape = 1.0
        for k in range(1, cond.background.shape[1]):
            shape += cond.background[b, k] * t1
            t0, t1 = t1, 2.0 * x * t1 - t0
        angle = start + i * step
        out[i] += level * (max(shape, 0.0) + cond.air[b] * start / angle)
    for h in range(cond.humps.shape[1]):
        centre, width, height = cond.humps[b, h]
        if height > 0.0:
            for i in range(n):
                x = (start + i * step - centre) / width
                out[i] += height * math.exp(-0.5 * x * x)


@_jit
def _normal(u):  # type: ignore[no-untyped-def]
    """Standard normal quantile, relative error below 1.15e-9 (P. J. Acklam's rational approximation, 2003)."""
    if u < 0.02425 or u > 0.97575:
        q = math.sqrt(-2.0 * math.log(min(u, 1.0 - u)))
        tail = (
            ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734)
              * q + 4.374664141464968) * q + 2.938163982698783
        ) / ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416)
             * q + 1.0)  # fmt: skip
        return tail if u < 0.5 else -tail
    q = u - 0.5
    r = q * q
    return (
        (((((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r
           + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239) * q
    ) / (((((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r
           + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1.0)  # fmt: skip


@_jit
def poisson(mean, u):  # type: ignore[no-untyped-def]
    """A Poisson count from one uniform number.

    Below a mean of 12 by inversion, exact. Above, a normal with the Cornish-Fisher correction for skewness
    (Abramowitz & Stegun 26.2.49), rounded. The correction adds 1/18 to the variance and rounding 1/12, together 5/36,
    which the normal is narrowed by: mean and variance hold within 0.1%.
    """
    if mean <= 0.0:
        return 0.0
    if mean < 12.0:
        term = math.exp(-mean)
        total = term
        k = 0
        while u > total and k < 60:
            k += 1
            term *= mean / k
            total += term
        return float(k)
    z = _normal(u)
    return max(0.0, math.floor(mean + math.sqrt(mean - 5.0 / 36.0) * z + (z * z - 1.0) / 6.0 + 0.5))


@_jit
def render_batch(lib, cond, start, step, seed, out, signal):  # type: ignore[no-untyped-def]
    """Fills `out` (batch, points) and, for each slot, its strongest line over the noise beneath it.

    With counts 0 a pattern is clean and scaled to a strongest point of 1; else it holds counts.
    """
    batch, n = out.shape
    slots = cond.phase.shape[1]
    most = 0
    for p in range(lib.first_reflection.size - 1):
        most = max(most, lib.first_reflection[p + 1] - lib.first_reflection[p])
    inverse_d, strength = np.empty(most), np.empty(most)
    height, place = np.zeros(slots), np.zeros(slots, np.int64)
    pattern = np.empty(n, np.float32)
    for b in range(batch):
        pattern[:] = 0.0
        for slot in range(slots):
            height[slot], place[slot] = 0.0, -1
            if cond.phase[b, slot] >= 0:
                height[slot], place[slot] = _add_phase(pattern, start, step, lib, cond, b, slot, inverse_d, strength)
        top = pattern.max()
        top = top if top > 0.0 else 1.0
        pattern *= np.float32(1.0 / top)
        _add_background(pattern, start, step, cond, b)
        counts = cond.counts[b]
        for slot in range(slots):
            signal[b, slot] = 0.0
            if place[slot] >= 0:
                at = min(max(place[slot], 0), n - 1)
                signal[b, slot] = height[slot] / top * math.sqrt(max(counts, 1.0) / max(pattern[at], 1e-12))
        if counts > 0.0:
            for i in range(n):
                out[b, i] = poisson(counts * pattern[i], unit(seed, cond.sample[b], NOISE_STREAM + i))
        else:
            out[b] = pattern
