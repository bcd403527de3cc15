"""Profiles on three axes, the coarser ones for parts of small curvature, and their addition to one pattern."""

from __future__ import annotations

import math

import numpy as np

from bragglens.simulate.kernel.compiled import jit, within
from bragglens.simulate.kernel.singles import F0, F1, F2, F3, F4, F5, F6

TAIL = 3e-6  # of the strongest line; a line is cut where it falls below this
BEND = 5e-5  # of the strongest line; largest error of linear interpolation between two coarse nodes
COARSE = 8  # spacing of the coarse axis in points, and of the far axis in coarse nodes
ROW = 16  # nodes that are computed together
_LN2_4 = 4 * math.log(2)

# Three axes hold a pattern: `fine` has all its points, `coarse` every COARSE-th of them, `far` every COARSE-th of
# these. Parts of small curvature are put on the coarser axes, and `join` interpolates them. Each axis consists of rows
# of ROW nodes. Its loops run over whole rows in float32, without a branch within a row. The compiler then turns a row
# into two vectors without a scalar remainder, which would cost more than the vectors. (It would unroll rows of 8.)
# Vectors of twice that length, which it uses where it must shuffle much, cost 2.6 µs after a time without them.


@jit
def _rows_within(centre, reach, rows):  # type: ignore[no-untyped-def]
    """First row with a node within `reach` of the centre, and one past the last such row."""
    low, high = math.floor((centre - reach) / ROW), math.floor((centre + reach) / ROW)
    return max(0, int(low)), min(rows, int(high) + 1)


@jit
def _add_lorentz(axis, spacing, centre, reach, peak, width, inner, outer):  # type: ignore[no-untyped-def]
    """Adds the part of peak / (1 + width x²), x in points, that an axis holds. `spacing` is that of the axis in points.

    `inner` and `outer` are the cores that this axis and the next coarser one cannot hold (see `_core`), and `reach` is
    the half width of the outer one. Within the inner core its parabola replaces the Lorentzian. The parabola of the
    outer core is subtracted everywhere within it, and nothing is left beyond it.
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
            value = top / (F1 + curve * y) + blunt * y + (base + rise * x2)
            axis[row, j] += value if x2 < outer2 else F0


@jit
def add_gauss(axis, centre, peak, width, reach):  # type: ignore[no-untyped-def]
    """Adds peak · exp(-width x²), x in nodes, to the rows of an axis with a node within `reach`.

    exp(-y) is the 32nd power of a short series at y/32. This needs only products, so that it vectorises. It ends at y =
    16.
    """
    top, curve = np.float32(peak), np.float32(width) * F6
    first, last = _rows_within(centre, reach, axis.shape[0])
    for row in range(first, last):
        x0 = np.float32(row * ROW - centre)
        for j in range(ROW):
            x = x0 + np.float32(j)
            z = curve * x * x
            z = z if z < F2 else F2
            e = F1 - z * (F1 - z * (F2 - z * (F3 - z * (F4 - z * F5))))
            e *= e
            e *= e
            e *= e
            e *= e
            e *= e
            axis[row, j] += top * e


@jit
def _core(peak, width, reach):  # type: ignore[no-untyped-def]
    """The core of peak / (1 + width x²) that an axis cannot hold: reach², value at its end, slope.

    Within the core the axis holds the parabola value + slope (reach² - x²), which touches the Lorentzian at both ends.
    """
    fall = 1.0 / (1.0 + width * reach * reach)
    return reach * reach, peak * fall, width * peak * fall * fall


@jit
def _lorentz_reaches(fwhm, lorentz, parts, top, near, wide):  # type: ignore[no-untyped-def]
    """Fills the half widths in points of the cores that the coarse axis (`near`) and the far axis (`wide`) cannot hold.

    With width reach² = u, the part of a line on an axis (see `_core`) has a second derivative below 6 width peak / (1 +
    u)². Linear interpolation misses spacing²/8 times that, which shall be BEND. This determines u.
    """
    for i in range(np.int32(fwhm.size)):
        height = lorentz[i] * parts[i] / top
        u = COARSE * math.sqrt(3.0 / BEND * height) / fwhm[i] - 1.0 if height > TAIL else 0.0
        v = COARSE * u + (COARSE - 1.0) if height > TAIL else 0.0
        near[i] = 0.5 * fwhm[i] * math.sqrt(u if u > 0.0 else 0.0)
        wide[i] = 0.5 * fwhm[i] * math.sqrt(v if v > 0.0 else 0.0)


@jit
def _tail_reaches(fwhm, lorentz, parts, top, far):  # type: ignore[no-untyped-def]
    """Fills where Lorentzians fall below TAIL of the strongest line, in points. 0 for those that never exceed it."""
    for i in range(np.int32(fwhm.size)):
        height = lorentz[i] * parts[i] / top
        far[i] = 0.5 * fwhm[i] * math.sqrt(height / TAIL) if height > TAIL else 0.0


@jit
def _gauss_reaches(fwhm, gauss, parts, top, bell):  # type: ignore[no-untyped-def]
    """Fills where Gaussians fall below TAIL of the strongest line, in points. 0 for those that never exceed it.

    The bits of a float are its logarithm of base 2 by linear interpolation, which is too low by up to 0.0861.
    """
    for i in range(np.int32(fwhm.size)):
        height = np.float32(gauss[i] * parts[i] / (TAIL * top))
        bits = height.view(np.int32)
        power = np.float64(bits) / 8388608.0 - (127.0 - 0.0861)
        bell[i] = fwhm[i] * 0.5 * math.sqrt(power) if height > F1 else 0.0


@jit
def draw_peaks(space, count, top):  # type: ignore[no-untyped-def]
    """Draws `count` pieces of lines on the three axes after clearing them. `top` is the height of the strongest line.

    The rows of `space.pieces` hold, one column a piece, centre and FWHM in points, Lorentzian and Gaussian height, and
    the number of pieces of the same line. The pieces of a line together may miss TAIL and BEND. The next four rows are
    for the reaches. A Gaussian peak · exp(-width x²) has a second derivative of at most 2 width peak. All reaches are
    computed first, in vectors. Then there is one loop for each kind of window, because the processor predicts loop ends
    best if they are similar. The loops are not functions of their own, because a call that passes arrays counts
    references, which costs 24 ns.
    """
    fine, coarse, far, pieces = space.fine, space.coarse, space.far, space.pieces
    fine[:] = 0.0
    coarse[:] = 0.0
    far[:] = 0.0
    centre, fwhm, lorentz, gauss = pieces[0, :count], pieces[1, :count], pieces[2, :count], pieces[3, :count]
    parts, near, wide, tail = pieces[4, :count], pieces[5, :count], pieces[6, :count], pieces[7, :count]
    _lorentz_reaches(fwhm, lorentz, parts, top, near, wide)
    _tail_reaches(fwhm, lorentz, parts, top, tail)
    _gauss_reaches(fwhm, gauss, parts, top, pieces[8, :count])
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
    _draw_gaussians(fine, coarse, pieces, count, top)


@within
def _draw_gaussians(fine, coarse, pieces, count, top):  # type: ignore[no-untyped-def]
    """The Gaussian part of `draw_peaks`, on the fine axis if the coarse one would miss more than BEND of it."""
    centre, fwhm, gauss, parts, bell = (
        pieces[0, :count], pieces[1, :count], pieces[3, :count], pieces[4, :count], pieces[8, :count],
    )  # fmt: skip
    for i in range(count):
        if bell[i] > 0.0:
            width = _LN2_4 / (fwhm[i] * fwhm[i])
            if COARSE * COARSE / 8.0 * 2.0 * width * gauss[i] > BEND * top / parts[i]:
                add_gauss(fine, centre[i], gauss[i], width, bell[i])
            else:
                add_gauss(coarse, centre[i] / COARSE, gauss[i], width * COARSE * COARSE, bell[i] / COARSE)


@jit
def join(axis, scale, coarser):  # type: ignore[no-untyped-def]
    """Multiplies an axis by `scale` and adds the next coarser one, interpolated linearly.

    A row extends over two intervals of the coarser axis. Its three nodes have triangular weights, 1 at the node and 0
    at its neighbours.
    """
    nodes, factor, part = coarser.ravel(), np.float32(scale), np.float32(1.0 / COARSE)
    for row in range(axis.shape[0]):
        first = row * ROW // COARSE
        low, middle, high = nodes[first], nodes[first + 1], nodes[first + 2]
        for j in range(ROW):
            x = part * np.float32(j) - F1
            before, after = -x if x < F0 else F0, x if x > F0 else F0
            axis[row, j] = factor * axis[row, j] + (before * low + (F1 - before - after) * middle + after * high)
