"""The compiled forward model: `reference.pattern` for many samples, with background and counting noise.

Compiled once by numba and cached. Nothing here knows names or units of a user: `render` packs nouns into arrays and
calls `render_batch`. Formulas and sources stand in `formulas`, to which the tests hold this file.

It is one file on purpose: numba's cache watches the file of a function and not those of the functions it calls, so a
change elsewhere would go unnoticed. (After a change of `draws.mix`, touch this file.)
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bragglens.simulate.draws import mix, noise_key

TAIL = 3e-6  # of the strongest line; where a line falls below this it is cut
BEND = 5e-5  # of the strongest line; what linear interpolation between two coarse nodes may miss of a line
SPREAD = 1e-4  # of the strongest line; what axial divergence may miss of a line that it spreads over few points
COARSE = 8  # points from node to node of the coarse axis, and coarse nodes from node to node of the far one
ROW = 16  # nodes that are computed together
MOST = 24  # points that axial divergence spreads a line over
HUMP_REACH = 5.0  # in standard deviations
INVERSION = 12.0  # mean counts below which Poisson numbers are drawn by inversion
_DEG = 180 / math.pi
_BACK = 0.9999  # sin θ of the highest line that is drawn
_LN2_4 = 4 * math.log(2)
_GAUSS_AREA = math.sqrt(_LN2_4 / math.pi)
_F0, _F1, _F2, _F3, _F4, _F5 = (np.float32(v) for v in (0.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120))
_F6, _F7 = np.float32(1 / 32), np.float32(1 / 720)
_SIX_BITS, _FOURTEEN_BITS = np.uint32(0x3F), np.uint32(0x3FFF)
_MIDDLE, _DEVIATION, _NORMAL, _CUBIC, _NARROW = (  # of the normal number that stands for four parts of 32 bits
    np.float32(v) for v in (32383.5, 1 / 9458.4407, 0.94900859, 0.01865203, 5 / 36)
)
_BLOCK = 128  # points that are drawn in step
_UNIT = np.float32(2.0**-23)
_LEAST = np.float32(1e-20)  # mean counts, in place of none
_ALL = np.float32(1 - 6e-7)  # of all probability: less than 1 by more than float32 may miss, so that every count ends
_MOST_COUNTS = np.float32(60)
_TWO, _THREE, _FOUR = np.float32(2), np.float32(3), np.float32(4)
_LOWEST = np.float32(-80)  # whose exponential is nothing
_LN2, _LOG2E = np.float32(math.log(2)), np.float32(1 / math.log(2))


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
    blurred: NDArray[np.int64]  # (phases,) place of the reflections that stacking faults blur, packed apart; or -1
    wavelengths: NDArray[np.float64]  # (lines,)


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
    line_weights: NDArray[np.float64]  # (batch, lines)
    resolution: NDArray[np.float64]  # (batch, 5) U V W X Y
    polarisation: NDArray[np.float64]  # (batch,)
    slit: NDArray[np.float64]  # (batch, 2) specimen length over footprint or 0, 1 for an automatic slit
    roughness: NDArray[np.float64]  # (batch, 2) p q
    axial: NDArray[np.float64]  # (batch,)
    zero: NDArray[np.float64]  # (batch,) degrees
    tilt: NDArray[np.float64]  # (batch,) 2 s/R in degrees
    transparency: NDArray[np.float64]  # (batch,) 1/(2 μ R) in degrees
    background: NDArray[np.float64]  # (batch, 5) mean level, then Chebyshev coefficients relative to it
    air: NDArray[np.float64]  # (batch,)
    humps: NDArray[np.float64]  # (batch, n, 3) centre and standard deviation in degrees, height
    counts: NDArray[np.float64]  # (batch,) at the strongest peak; 0 for a clean pattern
    span: NDArray[np.float64]  # (batch, 2) first and last 2θ that the scan covers
    smoothing: NDArray[np.int64]  # (batch,) half width in points of a moving average over the counts
    spikes: NDArray[np.int64]  # (batch,) points where something else than X-rays hit the detector


def _axial_rules() -> NDArray[np.float64]:
    """Gauss rules of 1 to MOST nodes over axial divergence: [n, 0] the nodes, [n, 1] their weights (sum 1).

    The weight is 1 - h for h from 0 to 1 (the rest of formulas.axial_divergence is smooth), and the variable h², to
    which the shift of a line is proportional: half as many nodes as Gauss-Legendre in h takes. By the three-term
    recurrence over a fine grid and the eigenvectors of its matrix (Golub & Welsch 1969, Math. Comp. 23, 221).
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    h, weights = 0.5 * (nodes + 1), 0.5 * (1 - nodes) * weights / 2
    before, here, diagonal, beside = np.zeros(200), np.ones(200), np.zeros(MOST), np.zeros(MOST + 1)
    here /= math.sqrt(weights.sum())
    for k in range(MOST):
        diagonal[k] = (weights * h**2 * here**2).sum()
        following = (h**2 - diagonal[k]) * here - beside[k] * before
        beside[k + 1] = math.sqrt((weights * following**2).sum())
        before, here = here, following / beside[k + 1]
    rules = np.zeros((MOST + 1, 2, MOST))
    for n in range(1, MOST + 1):
        matrix = np.diag(diagonal[:n]) + np.diag(beside[1:n], 1) + np.diag(beside[1:n], -1)
        squares, vectors = np.linalg.eigh(matrix)
        rules[n, 0, :n], rules[n, 1, :n] = np.sqrt(squares), vectors[0] ** 2
    return rules


def _fifth_root() -> tuple[float, ...]:
    """Coefficients of a series for x^(1/5), for x from 0.34 to 1: within 5e-6."""
    series = np.polynomial.Chebyshev.interpolate(lambda x: x**0.2, 6, domain=[0.3436, 1.0])
    return tuple(float(c) for c in series.convert(kind=np.polynomial.Polynomial).coef)


_AXIAL = _axial_rules()
_ROOT = _fifth_root()
# of arccos x, over √(1 - x) (Abramowitz & Stegun 4.4.46)
_ARCCOS = (
    1.5707963050, -0.2145988016, 0.0889789874, -0.0501743046, 0.0308918810, -0.0170881256, 0.0066700901, -0.0012624911
)  # fmt: skip

_compiled = functools.partial(
    njit, cache=True, error_model="numpy", nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"}
)
# Inlined by force: else a process that compiles calls other copies of functions than one that loads, rounded otherwise.
_jit = _compiled(forceinline=True)
# What calls these, once in a kernel: inlined before it is compiled, as each level of calls compiles all below it anew.
_within = _compiled(inline="always")


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
            n = np.int32(x * _LOG2E - _F2)
            x -= np.float32(n) * _LN2
            series = _F1 + x * (_F1 + x * (_F2 + x * (_F3 + x * (_F4 + x * (_F5 + x * _F7)))))
            power = np.int32((n + np.int32(127)) << np.int32(23))
            factor[i] += height * series * power.view(np.float32)


@_jit
def _structure_factors_squared(lib, p, s2, sums, factor, squares):  # type: ignore[no-untyped-def]
    """Fills |F|² of a phase's reflections, the mean of the Friedel mates; `sums` and `factor` are room to work in."""
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


@_jit
def _march_dollase(lib, r, direction, norm, march):  # type: ignore[no-untyped-def]
    """Mean over the equivalents of a reflection.

    Their normals are of one length, whose square is `norm`, as strain keeps the symmetry; hkl times `direction` is
    what a normal has along the texture axis.
    """
    first, last = lib.first_equivalent[r], lib.first_equivalent[r + 1]
    a, b, c = direction[0], direction[1], direction[2]
    along, across, total = (march * march - 1.0 / march) / norm, 1.0 / march, 0.0
    for e in range(first, last):
        dot = lib.equivalents[e, 0] * a + lib.equivalents[e, 1] * b + lib.equivalents[e, 2] * c
        base = across + along * dot * dot
        total += 1.0 / (base * math.sqrt(base))
    return total / (last - first)


@_within
def phase_sticks(lib, p, coefficients, hkl_axis, march, space):  # type: ignore[no-untyped-def]
    """Fills 1/d and m |F|² T / (M V) of the phase's reflections, the space's sticks; returns how many."""
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
    _structure_factors_squared(lib, p, s2, space.sums, factor, strength)
    for i in range(count):
        strength[i] *= lib.multiplicity[first + i] * scale
    if march != 1.0:
        for i in range(count):
            strength[i] *= _march_dollase(lib, first + i, direction, inverse_d[i] * inverse_d[i], march)
    return count


@_jit
def _largest(values):  # type: ignore[no-untyped-def]
    """The largest of some numbers, by their bits; where all are negative, one of them.

    Bits of floats that are not negative stand in the floats' order, and those of negative ones below. The compiler
    takes the extremes of whole numbers in vectors, but not of floats, among which there might be a NaN.
    """
    bits = values.view(np.int32)
    top = bits[0]
    for i in range(np.int32(bits.size)):
        top = max(top, bits[i])
    found = np.int32(top)
    return found.view(np.float32)


@_jit
def _smallest(values):  # type: ignore[no-untyped-def]
    """The smallest of some numbers, by their bits; where there are negative ones, one of them."""
    bits = values.view(np.int32)
    low = bits[0]
    for i in range(np.int32(bits.size)):
        low = min(low, bits[i])
    found = np.int32(low)
    return found.view(np.float32)


# Three axes carry a pattern: `fine` has its points, `coarse` every COARSE-th, `far` every COARSE-th of these. What
# bends little goes to the coarser ones, from where `join` interpolates it. Each axis is held in rows of ROW nodes, and
# its loops run over whole rows in float32, without a branch within a row: so the compiler makes a row two vectors and
# leaves no rest of single numbers, which would cost more than the vectors. (A row of 8 it would unroll instead.)
# Vectors of twice that length, which it takes where it must shuffle much, cost 2.6 µs where none came for a while.


@_jit
def _rows_within(centre, reach, rows):  # type: ignore[no-untyped-def]
    """First row with a node within reach of the centre, and one past the last."""
    low, high = math.floor((centre - reach) / ROW), math.floor((centre + reach) / ROW)
    return max(0, int(low)), min(rows, int(high) + 1)


@_jit
def _add_lorentz(axis, spacing, centre, reach, peak, width, inner, outer):  # type: ignore[no-untyped-def]
    """Adds what an axis carries of peak / (1 + width x²), x in points; `spacing` is the axis' own, in points.

    `inner` and `outer` are the cores that this axis and the next coarser one cannot carry (see `_core`); `reach` is how
    far the outer one reaches. Within the inner core stands its parabola in place of the Lorentzian; the outer core's
    parabola is taken off all, and beyond the outer core nothing is left.
    """
    inner2, outer2, blunt = np.float32(inner[0]), np.float32(outer[0]), np.float32(inner[2])
    base, rise = np.float32(-outer[1] - outer[2] * outer[0]), np.float32(outer[2] - inner[2])
    top, curve, step = np.float32(peak), np.float32(width), np.float32(spacing)
    first, last = _rows_within(centre / spacing, reach / spacing, axis.shape[0])
    for row in range(first, last):
        x0 = np.float32(row * ROW * spacing - centre)
        for j in range(ROW):
            x = x0 + step * np.float32(j)
            x2 = x * x
            y = x2 if x2 > inner2 else inner2
            value = top / (_F1 + curve * y) + blunt * y + (base + rise * x2)
            axis[row, j] += value if x2 < outer2 else _F0


@_jit
def _add_gauss(axis, centre, peak, width, reach):  # type: ignore[no-untyped-def]
    """Adds peak · exp(-width x²), x in nodes, to the rows of an axis that have a node within reach.

    exp(-y) as the 32nd power of a short series at y/32: only products, so that it vectorises. It ends at y = 16.
    """
    top, curve = np.float32(peak), np.float32(width) * _F6
    first, last = _rows_within(centre, reach, axis.shape[0])
    for row in range(first, last):
        x0 = np.float32(row * ROW - centre)
        for j in range(ROW):
            x = x0 + np.float32(j)
            z = curve * x * x
            z = z if z < _F2 else _F2
            e = _F1 - z * (_F1 - z * (_F2 - z * (_F3 - z * (_F4 - z * _F5))))
            e *= e
            e *= e
            e *= e
            e *= e
            e *= e
            axis[row, j] += top * e


@_jit
def _core(peak, width, reach):  # type: ignore[no-untyped-def]
    """The core of peak / (1 + width x²) that an axis cannot carry: reach², value at its end, slope.

    Within the core the axis carries the parabola value + slope (reach² - x²) that touches the Lorentzian at both ends.
    """
    fall = 1.0 / (1.0 + width * reach * reach)
    return reach * reach, peak * fall, width * peak * fall * fall


@_jit
def _lorentz_reaches(fwhm, lorentz, parts, top, near, wide):  # type: ignore[no-untyped-def]
    """Fills how far the cores reach that the coarse axis (`near`) and the far one (`wide`) cannot carry, in points.

    Where width reach² = u, what an axis carries of a line (see `_core`) has a second derivative below
    6 width peak / (1 + u)², of which linear interpolation misses spacing²/8, which is to be BEND. This sets u.
    """
    for i in range(np.int32(fwhm.size)):
        loud = lorentz[i] * parts[i] / top
        u = COARSE * math.sqrt(3.0 / BEND * loud) / fwhm[i] - 1.0 if loud > TAIL else 0.0
        v = COARSE * u + (COARSE - 1.0) if loud > TAIL else 0.0
        near[i] = 0.5 * fwhm[i] * math.sqrt(u if u > 0.0 else 0.0)
        wide[i] = 0.5 * fwhm[i] * math.sqrt(v if v > 0.0 else 0.0)


@_jit
def _tail_reaches(fwhm, lorentz, parts, top, far):  # type: ignore[no-untyped-def]
    """Fills where Lorentzians fall below TAIL of the strongest line, in points; 0 where they never exceed it."""
    for i in range(np.int32(fwhm.size)):
        loud = lorentz[i] * parts[i] / top
        far[i] = 0.5 * fwhm[i] * math.sqrt(loud / TAIL) if loud > TAIL else 0.0


@_jit
def _gauss_reaches(fwhm, gauss, parts, top, bell):  # type: ignore[no-untyped-def]
    """Fills where Gaussians fall below TAIL of the strongest line, in points; 0 where they never exceed it.

    A float's bits are its logarithm of base 2 by linear interpolation, which is up to 0.0861 below.
    """
    for i in range(np.int32(fwhm.size)):
        loud = np.float32(gauss[i] * parts[i] / (TAIL * top))
        bits = loud.view(np.int32)
        power = np.float64(bits) / 8388608.0 - (127.0 - 0.0861)
        bell[i] = fwhm[i] * 0.5 * math.sqrt(power) if loud > _F1 else 0.0


@_jit
def draw_peaks(space, count, top):  # type: ignore[no-untyped-def]
    """Draws so many pieces of lines on the three axes, from nothing; `top` is the strongest line's height.

    The rows of `space.pieces` hold, one column a piece, centre and FWHM in points, Lorentz and Gauss height, and of how
    many pieces of a line it is one: together these may miss TAIL and BEND. The next four are for the reaches. A
    Gaussian peak · exp(-width x²) has a second derivative of at most 2 width peak. All reaches come first, in vectors;
    then one loop for each kind of window, since the processor foresees the ends of like ones. The loops stand here
    since a call that passes arrays counts references, in 24 ns.
    """
    fine, coarse, far, pieces = space.fine, space.coarse, space.far, space.pieces
    fine[:] = 0.0
    coarse[:] = 0.0
    far[:] = 0.0
    centre, fwhm, lorentz, gauss = pieces[0, :count], pieces[1, :count], pieces[2, :count], pieces[3, :count]
    parts, near, wide, tail, bell = (
        pieces[4, :count],
        pieces[5, :count],
        pieces[6, :count],
        pieces[7, :count],
        pieces[8, :count],
    )
    _lorentz_reaches(fwhm, lorentz, parts, top, near, wide)
    _tail_reaches(fwhm, lorentz, parts, top, tail)
    _gauss_reaches(fwhm, gauss, parts, top, bell)
    for i in range(count):
        if near[i] > 0.0:
            width = 4.0 / (fwhm[i] * fwhm[i])
            outer = _core(lorentz[i], width, near[i])
            _add_lorentz(fine, 1.0, centre[i], near[i], lorentz[i], width, (0.0, 0.0, 0.0), outer)
    for i in range(count):
        if wide[i] > 0.0:
            width = 4.0 / (fwhm[i] * fwhm[i])
            inner, outer = _core(lorentz[i], width, near[i]), _core(lorentz[i], width, wide[i])
            _add_lorentz(coarse, 1.0 * COARSE, centre[i], wide[i], lorentz[i], width, inner, outer)
    for i in range(count):
        if tail[i] > 0.0:
            width = 4.0 / (fwhm[i] * fwhm[i])
            inner, outer = _core(lorentz[i], width, wide[i]), (tail[i] * tail[i], 0.0, 0.0)
            _add_lorentz(far, 1.0 * COARSE**2, centre[i], tail[i], lorentz[i], width, inner, outer)
    for i in range(count):
        if bell[i] > 0.0:
            width = _LN2_4 / (fwhm[i] * fwhm[i])
            if COARSE * COARSE / 8.0 * 2.0 * width * gauss[i] > BEND * top / parts[i]:
                _add_gauss(fine, centre[i], gauss[i], width, bell[i])
            else:
                _add_gauss(coarse, centre[i] / COARSE, gauss[i], width * COARSE * COARSE, bell[i] / COARSE)


@_jit
def join(axis, scale, coarser):  # type: ignore[no-untyped-def]
    """Multiplies an axis and adds the next coarser one, interpolated linearly.

    A row lies from a node to the second next; each of these three counts by its hat, 1 there and 0 at its neighbours.
    """
    nodes, factor, part = coarser.ravel(), np.float32(scale), np.float32(1.0 / COARSE)
    for row in range(axis.shape[0]):
        first = row * ROW // COARSE
        low, middle, high = nodes[first], nodes[first + 1], nodes[first + 2]
        for j in range(ROW):
            x = part * np.float32(j) - _F1
            before, after = -x if x < _F0 else _F0, x if x > _F0 else _F0
            axis[row, j] = factor * axis[row, j] + (before * low + (_F1 - before - after) * middle + after * high)


@_jit
def _angle(cosine):  # type: ignore[no-untyped-def]
    """Angle in degrees of a cosine that axial divergence may have taken beyond 1.

    Within 1.3e-6° (Abramowitz & Stegun 4.4.46); unlike the library's arccos it vectorises.
    """
    x = abs(cosine)
    x = x if x < 1.0 else 1.0
    series = 0.0
    for k in range(8):
        series = series * x + _ARCCOS[7 - k]
    angle = math.sqrt(1.0 - x) * series
    return (angle if cosine >= 0.0 else math.pi - angle) * _DEG


@_jit
def _line_shapes(inverse_d, wavelength, broadening, step, points, share):  # type: ignore[no-untyped-def]
    """Fills FWHM in points and η of lines.

    Thompson-Cox-Hastings, whose sum of fifth powers lies between 0.3436 (at l = 0.66) and 1 where g + l = 1.
    """
    u, v, w, x, y, size, microstrain, lorentzian = broadening
    grains, stretch, gaussian = 0.9 * wavelength / (10.0 * size) * _DEG, 4.0 * microstrain * _DEG, 1.0 - lorentzian
    for i in range(np.int32(points.size)):
        sine = 0.5 * wavelength * inverse_d[i]
        sine = sine if sine < _BACK else _BACK
        secant = 1.0 / math.sqrt(1.0 - sine * sine)
        tangent = sine * secant
        broad = grains * secant + stretch * tangent
        variance = (u * tangent + v) * tangent + w
        gauss = math.sqrt((variance if variance > 0.0 else 0.0) + gaussian * gaussian * broad * broad)
        lorentz = x * secant + y * tangent + lorentzian * broad
        whole = gauss + lorentz
        l = lorentz / whole  # noqa: E741
        g = 1.0 - l
        fifth = l * (l * (l * (l * (l + 0.07842 * g) + 4.47163 * g * g) + 2.42843 * g * g * g)
                     + 2.69269 * g * g * g * g) + g * g * g * g * g  # fmt: skip
        root = 0.0
        for k in range(7):
            root = root * fifth + _ROOT[6 - k]
        q = l / root
        points[i] = whole * root / step
        share[i] = q * (1.36603 - q * (0.47719 - q * 0.11116))


class Geometry(NamedTuple):
    """The numbers of one sample that its lines need; passing all conditions to small functions would cost more."""

    start: float
    step: float
    polarisation: float
    spill: float
    automatic: float
    p: float
    q: float
    axial: float
    zero: float
    tilt: float
    transparency: float


@_jit
def _line_areas(inverse_d, strength, wavelength, factor, geometry, area):  # type: ignore[no-untyped-def]
    """Fills the areas of lines: Lorentz-polarisation, slits and roughness. A line that cannot be reached has none."""
    spill, p, q = geometry.spill if geometry.spill > 0.0 else np.inf, geometry.p, geometry.q
    for i in range(np.int32(area.size)):
        sine = 0.5 * wavelength * inverse_d[i]
        reached = factor if sine < _BACK else 0.0
        sine = sine if sine < _BACK else _BACK
        cos2 = 1.0 - 2.0 * sine * sine
        lp = (1.0 + geometry.polarisation * cos2 * cos2) / (sine * sine * math.sqrt(1.0 - sine * sine))
        lit = spill * sine
        lit = lit if lit < 1.0 else 1.0
        area[i] = reached * strength[i] * lp * lit * (sine if geometry.automatic > 0.0 else 1.0)
    if p > 0.0:
        for i in range(np.int32(area.size)):
            area[i] *= (1.0 - p + p * math.exp(-q / (0.5 * wavelength * inverse_d[i]))) / (1.0 - p + p * math.exp(-q))


@_jit
def _line_places(inverse_d, wavelength, geometry, cos2, shift, place):  # type: ignore[no-untyped-def]
    """Fills cos 2θ, the instrument's shift in points, and the places, the means over axial divergence, in points."""
    mean = 1.0 + geometry.axial * geometry.axial / 12.0  # the mean of h² is axial²/6
    for i in range(np.int32(place.size)):
        sine = 0.5 * wavelength * inverse_d[i]
        sine = sine if sine < _BACK else _BACK
        cosine, c = math.sqrt(1.0 - sine * sine), 1.0 - 2.0 * sine * sine
        moved = geometry.zero - geometry.tilt * cosine - geometry.transparency * 2.0 * sine * cosine - geometry.start
        cos2[i], shift[i] = c, moved / geometry.step
        place[i] = (_angle(c * mean) + moved) / geometry.step


@_jit
def _append_lines(lines, row, sticks, count, wavelength, factor, broadening, geometry):  # type: ignore[no-untyped-def]
    """Appends the lines of one phase at one wavelength, and returns the table's new length.

    The table's rows are, one column a line, place (the mean over axial divergence) and FWHM in points, Lorentz and
    Gauss height, height once spread by axial divergence (within 4% up to a reach of 3, 20% up to 20), reach of that
    spread in FWHM, cos 2θ, and the instrument's shift in points.
    `broadening` is the resolution's U V W X Y, then size, microstrain and Lorentzian share.
    """
    inverse_d, part, step = sticks[0, :count], lines[:, row : row + count], geometry.step
    points, lorentz, gauss, height, reach, cos2 = part[1], part[2], part[3], part[4], part[5], part[6]
    _line_shapes(inverse_d, wavelength, broadening, step, points, lorentz)
    _line_areas(inverse_d, sticks[1, :count], wavelength, factor / step, geometry, height)
    _line_places(inverse_d, wavelength, geometry, cos2, part[7], part[0])
    for i in range(np.int32(count)):
        area, eta = height[i] / points[i], lorentz[i]
        lorentz[i] = area * eta * (2.0 / math.pi)
        gauss[i] = area * (1.0 - eta) * _GAUSS_AREA
    spread = 0.5 * geometry.axial * geometry.axial * _DEG / step
    for i in range(np.int32(count)):
        reach[i] = spread * abs(cos2[i]) / (math.sqrt(1.0 - cos2[i] * cos2[i]) * points[i])  # d(2φ) = cot 2θ h²/2
    for i in range(np.int32(count)):
        height[i] = (lorentz[i] + gauss[i]) / math.sqrt(math.sqrt(1.0 + reach[i] * reach[i] / 2.4))
    return row + count


@_jit
def _strongest(lines, first, last, low, high):  # type: ignore[no-untyped-def]
    """Height and place (point) of the strongest of some lines that lies from point `low` to `high`; height of any."""
    best, place, top = 0.0, -1, 0.0
    for line in range(first, last):
        height = lines[4, line]
        top = max(top, height)
        if height > best and low <= lines[0, line] <= high:
            best, place = height, line
    if place < 0:
        return best, place, top
    # The mean of a line spread by axial divergence is reach/6 from its end, its top closer to that (within 0.07 FWHM).
    reach = math.copysign(lines[5, place], lines[6, place])
    point = lines[0, place] + lines[1, place] * reach / 6.0 * (1.0 - 1.0 / math.sqrt(1.0 + reach * reach / 1.8))
    return best, int(round(min(max(point, low), high))), top


@_jit
def place_lines(lines, top, geometry, pieces):  # type: ignore[no-untyped-def]
    """Fills `pieces` with lines as `draw_peaks` takes them, spread by axial divergence; returns how many pieces.

    Gauss quadrature with n nodes over a segment of `reach` FWHM misses a share of about q^n of a line whose poles are
    half a FWHM from the segment, as a Lorentzian's are: q = (reach / (1 + √(1 + reach²)))² (Trefethen 2013,
    Approximation Theory and Approximation Practice, chapter 19). n is the least that misses no more than SPREAD.
    """
    piece = 0
    for row in range(lines.shape[1]):
        height, reach = lines[4, row] / top, lines[5, row]
        if height < TAIL:
            continue
        ratio = reach / (1.0 + math.sqrt(1.0 + reach * reach))
        missed, n = height * ratio * ratio, 1
        while missed > SPREAD and n < MOST:
            missed *= ratio * ratio
            n += 1
        if n > 1:
            piece = _spread(lines[:, row], n, geometry, pieces, piece)
        else:
            for k in range(4):
                pieces[k, piece] = lines[k, row]
            pieces[4, piece] = 1.0
            piece += 1
    return piece


@_jit
def _spread(line, n, geometry, pieces, piece):  # type: ignore[no-untyped-def]
    """Appends a line in n pieces by axial divergence (see `formulas.axial_divergence`); returns the new length."""
    first, total, cos2 = piece, 0.0, line[6]
    for i in range(n):
        h = geometry.axial * _AXIAL[n, 0, i]
        c = cos2 * math.sqrt(1.0 + h * h)
        share = _AXIAL[n, 1, i] / (c * c * math.sqrt(max(1e-9, 1.0 - c * c)))
        pieces[0, piece], pieces[1, piece] = _angle(c) / geometry.step + line[7], line[1]
        pieces[2, piece], pieces[3, piece], pieces[4, piece] = line[2] * share, line[3] * share, n
        total += share
        piece += 1
    for i in range(first, piece):
        pieces[2, i] /= total
        pieces[3, i] /= total
    return piece


@_within
def _phase_lines(lib, cond, b, slot, geometry, space, first):  # type: ignore[no-untyped-def]
    """Appends all lines of one phase of one sample; returns the table's new length."""
    count = phase_sticks(lib, cond.phase[b, slot], cond.strain[b, slot], cond.axis[b, slot], cond.march[b, slot], space)
    u = cond.resolution[b]
    broadening = (
        u[0], u[1], u[2], u[3], u[4], cond.size[b, slot], cond.microstrain[b, slot], cond.lorentzian[b, slot]
    )  # fmt: skip
    row = first
    for line in range(lib.wavelengths.size):
        factor = cond.weight[b, slot] * cond.line_weights[b, line]
        if factor > 0.0:
            row = _append_lines(
                space.lines, row, space.sticks, count, lib.wavelengths[line], factor, broadening, geometry
            )
    return row


@_jit
def _fill_background(coarse, points, start, step, cond, b):  # type: ignore[no-untyped-def]
    """Chebyshev background, air scatter and humps on the coarse axis, all relative to a strongest peak of 1."""
    level, air = np.float32(cond.background[b, 0]), np.float32(cond.air[b])
    c1, c2 = np.float32(cond.background[b, 1]), np.float32(cond.background[b, 2])
    c3, c4 = np.float32(cond.background[b, 3]), np.float32(cond.background[b, 4])
    nodes = coarse.ravel()
    scale, growth = np.float32(2.0 / (points // COARSE + 1)), np.float32(COARSE * step / start)
    for i in range(np.int32(nodes.size)):
        x = scale * np.float32(i) - _F1
        t2 = (x + x) * x - _F1
        t3 = (x + x) * t2 - x
        t4 = (x + x) * t3 - t2
        shape = _F1 + c1 * x + c2 * t2 + c3 * t3 + c4 * t4
        nodes[i] = level * ((shape if shape > _F0 else _F0) + air / (_F1 + growth * np.float32(i)))
    spacing = COARSE * step
    for h in range(cond.humps.shape[1]):
        centre, deviation, height = cond.humps[b, h, 0], cond.humps[b, h, 1] / spacing, cond.humps[b, h, 2]
        if height > 0.0:
            width = 0.5 / (deviation * deviation)
            _add_gauss(coarse, (centre - start) / spacing, height, width, HUMP_REACH * deviation)


@_jit
def _exponentials(mean, out):  # type: ignore[no-untyped-def]
    """exp(mean) of small numbers that are not negative, within 3e-7: 2^n times a series in the rest, |rest| < 0.35."""
    for i in range(np.int32(mean.size)):
        n = np.int32(mean[i] * _LOG2E + _F2)
        x = mean[i] - np.float32(n) * _LN2
        e = _F1 + x * (_F1 + x * (_F2 + x * (_F3 + x * (_F4 + x * (_F5 + x * _F7)))))
        power = np.int32((n + np.int32(127)) << np.int32(23))
        out[i] = e * power.view(np.float32)


@_jit
def _bits(x):  # type: ignore[no-untyped-def]
    """32 bits that each depend on all of x: xor-shifts and two products (Wellons 2018, hash-prospector)."""
    z = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD))
    z = np.uint32((z ^ (z >> np.uint32(15))) * np.uint32(0x735A2D97))
    return np.uint32(z ^ (z >> np.uint32(15)))


@_jit
def _small_counts(pattern, counts, first, stride, out):  # type: ignore[no-untyped-def]
    """Draws points of a mean below INVERSION by inversion: the count is how often the uniform number exceeds the CDF.

    What the uniform number exceeds the CDF at k by, over the probability of k, is rest(k) = rest(k-1) k/mean - 1. Block
    by block in step and four k at a time, so that it vectorises and stays in registers.
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
        if _smallest(mean) >= most:
            continue
        x = np.uint32(first + np.uint32(start) * stride)
        for i in range(np.int32(_BLOCK)):
            count[i] = (np.float32(np.int32(_bits(x) >> np.uint32(9))) + _F2) * _UNIT
            x = np.uint32(x + stride)
        _exponentials(mean, rest)
        for i in range(np.int32(_BLOCK)):
            rest[i] = count[i] * rest[i] * _ALL - _F1
            inverse[i] = _F1 / mean[i]
            count[i] = _F0
        k = _F1
        while _largest(rest) > _F0 and k < _MOST_COUNTS:
            for i in range(np.int32(_BLOCK)):
                r, n, over = rest[i], count[i], inverse[i]
                n += _F1 if r > _F0 else _F0
                r = r * (k * over) - _F1
                n += _F1 if r > _F0 else _F0
                r = r * ((k + _F1) * over) - _F1
                n += _F1 if r > _F0 else _F0
                r = r * ((k + _TWO) * over) - _F1
                n += _F1 if r > _F0 else _F0
                rest[i], count[i] = r * ((k + _THREE) * over) - _F1, n
            k += _FOUR
        goal = out[start : start + _BLOCK]
        for i in range(np.int32(goal.size)):
            large, small = goal[i], count[i]
            goal[i] = small if mean[i] < most else large


@_jit
def add_counting_noise(pattern, counts, key, out):  # type: ignore[no-untyped-def]
    """Fills `out` with Poisson counts of mean `counts` x `pattern`, point i from (key, i).

    Below a mean of INVERSION exact. Above, a normal number with the Cornish-Fisher correction for skewness (Abramowitz
    & Stegun 26.2.49), rounded; the correction adds 1/18 to the variance and rounding 1/12, together 5/36, by which the
    normal is narrowed. The normal is the sum of four parts of 32 bits, each even over the same range: 14 bits in steps
    of 1 and three times 6 bits in steps of 256. A cubic gives it variance 1 and kurtosis 3; it ends at 4 standard
    deviations. Mean and variance hold within 0.1%.
    """
    level = np.float32(counts)
    first, stride = np.uint32(key), np.uint32(np.uint32(key >> np.uint64(32)) | np.uint32(1))
    x = first
    for i in range(np.int32(pattern.size)):
        b = _bits(x)
        coarse = ((b >> np.uint32(14)) & _SIX_BITS) + ((b >> np.uint32(20)) & _SIX_BITS) + (b >> np.uint32(26))
        total = np.int32((b & _FOURTEEN_BITS) + (coarse << np.uint32(8)))
        z = (np.float32(total) - _MIDDLE) * _DEVIATION
        z *= _NORMAL + _CUBIC * z * z
        mean = level * pattern[i]
        narrow = mean - _NARROW
        spread = np.sqrt(narrow if narrow > _F0 else _F0)
        count = np.floor(mean + spread * z + (z * z - _F1) * _F3 + _F2)
        out[i] = count if count > _F0 else _F0
        x = np.uint32(x + stride)
    if counts * _smallest(pattern) < INVERSION:
        _small_counts(pattern, counts, first, stride, out)


@_jit
def _add_spikes(out, spikes, counts, key):  # type: ignore[no-untyped-def]
    """Single points up to as high as the strongest peak, as cosmic rays and sparks leave them."""
    for i in range(spikes):
        bits = mix(key + np.uint64(i))
        height = np.float64(bits >> np.uint64(40)) / 16777216.0
        out[np.int64(bits & np.uint64(0x7FFFFFFF)) % out.size] += np.float32(counts * height)


@_jit
def _smooth(out, scratch, half):  # type: ignore[no-untyped-def]
    """A moving average over 2 half + 1 points, fewer at the ends."""
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
        out[i] /= (before if before < most else most) + (after if after < most else most) + _F1


@_jit
def _longest(lib):  # type: ignore[no-untyped-def]
    most = 0
    for p in range(lib.first_reflection.size - 1):
        most = max(most, lib.first_reflection[p + 1] - lib.first_reflection[p])
    return most


@_within
def geometry_of(cond, b, start, step):  # type: ignore[no-untyped-def]
    """What the lines of one sample need of its conditions."""
    return Geometry(
        start, step, cond.polarisation[b], cond.slit[b, 0], cond.slit[b, 1], cond.roughness[b, 0],
        cond.roughness[b, 1], cond.axial[b], cond.zero[b], cond.tilt[b], cond.transparency[b],
    )  # fmt: skip


class Space(NamedTuple):
    """Memory that the samples of a batch are made in, one after the other."""

    sticks: NDArray[np.float64]  # (2, reflections)
    sums: NDArray[np.float64]  # (4, reflections), see `_structure_factors_squared`
    scattering: NDArray[np.float32]  # (2, reflections), (sin θ/λ)² and an element's scattering factor
    lines: NDArray[np.float64]  # (8, lines), see `_append_lines`
    pieces: NDArray[np.float64]  # (9, lines x MOST), see `draw_peaks`
    fine: NDArray[np.float32]  # (rows, ROW), as are the next two
    coarse: NDArray[np.float32]
    far: NDArray[np.float32]
    height: NDArray[np.float64]  # (slots,) of the strongest line of each slot
    place: NDArray[np.int64]  # (slots,) its point, -1 where there is none


@_within
def work_space(lib, slots, n):  # type: ignore[no-untyped-def]
    """Memory for samples of n points."""
    most = _longest(lib)
    lines = slots * most * lib.wavelengths.size
    fine_rows = (n - 1) // ROW + 1
    coarse_rows = fine_rows // COARSE + 1  # as many nodes as `fine` has intervals, and at least one more
    far_rows = coarse_rows // COARSE + 1
    return Space(
        np.empty((2, most)), np.empty((4, most)), np.empty((2, most), np.float32), np.empty((8, lines)),
        np.empty((9, lines * MOST)), np.empty((fine_rows, ROW), np.float32), np.empty((coarse_rows, ROW), np.float32),
        np.empty((far_rows, ROW), np.float32), np.zeros(slots), np.zeros(slots, np.int64),
    )  # fmt: skip


@_within
def sample_lines(lib, cond, b, geometry, space, low, high):  # type: ignore[no-untyped-def]
    """Lines of all phases of one sample: how many, and the height of the strongest.

    Notes height and place of the strongest line of each slot from point `low` to `high`.
    """
    rows, top = np.int64(0), 0.0  # a literal 0 would compile all that it is given to twice
    for slot in range(space.height.size):
        space.height[slot], space.place[slot] = 0.0, -1
        if cond.phase[b, slot] >= 0:
            first = rows
            rows = _phase_lines(lib, cond, b, slot, geometry, space, first)
            space.height[slot], space.place[slot], highest = _strongest(space.lines, first, rows, low, high)
            top = max(top, highest)
    return rows, top


@_within
def _draw_sample(lib, cond, b, n, start, step, space):  # type: ignore[no-untyped-def]
    """Draws all phases of one sample, and notes the strongest line of each slot that the scan covers."""
    geometry = geometry_of(cond, b, start, step)
    low, high = max((cond.span[b, 0] - start) / step, 0.0), min((cond.span[b, 1] - start) / step, n - 1.0)
    rows, top = sample_lines(lib, cond, b, geometry, space, low, high)
    draw_peaks(space, place_lines(space.lines[:, :rows], top, geometry, space.pieces), top)
    join(space.coarse, 1.0, space.far)
    join(space.fine, 1.0, space.coarse)


@_jit
def render_crystals(lib, cond, start, step, out):  # type: ignore[no-untyped-def]
    """Fills `out` (batch, points) with clean patterns in the reference's unit, free of background."""
    batch, n = out.shape
    space = work_space(lib, cond.phase.shape[1], n)
    for b in range(batch):
        _draw_sample(lib, cond, b, n, start, step, space)
        fine = space.fine.ravel()
        for i in range(np.int32(n)):
            out[b, i] = fine[i]


@_jit
def render_batch(lib, cond, start, step, seed, out, signal):  # type: ignore[no-untyped-def]
    """Fills `out` (batch, points) and, for each slot, its strongest line over the noise beneath it.

    With counts 0 a pattern is clean and scaled to a strongest point of 1; else it holds counts.
    """
    batch, n = out.shape
    slots = cond.phase.shape[1]
    space = work_space(lib, slots, n)
    fine = space.fine.ravel()[:n]
    for b in range(batch):
        _draw_sample(lib, cond, b, n, start, step, space)
        top = max(np.float64(_largest(fine)), 1e-30)
        _fill_background(space.coarse, n, start, step, cond, b)
        join(space.fine, 1.0 / top, space.coarse)
        counts = cond.counts[b]
        for slot in range(slots):
            signal[b, slot] = 0.0
            if space.place[slot] >= 0:
                under = max(fine[space.place[slot]], np.float32(1e-12))
                signal[b, slot] = space.height[slot] / top * math.sqrt(max(counts, 1.0) / under)
        if counts > 0.0:
            key = noise_key(seed, cond.sample[b])
            add_counting_noise(fine, counts, key, out[b])
            if cond.spikes[b] > 0:
                _add_spikes(out[b], cond.spikes[b], counts, mix(key))
            if cond.smoothing[b] > 0:
                _smooth(out[b], fine, cond.smoothing[b])
        else:
            for i in range(np.int32(n)):
                out[b, i] = fine[i]
