"""The table of a sample's lines: position, width, heights, and how far axial divergence spreads each line."""

from __future__ import annotations

import math

import numpy as np

from bragglens.simulate.kernel.compiled import jit, within
from bragglens.simulate.kernel.optics import DEGREES, line_areas, line_places
from bragglens.simulate.kernel.profiles import line_shapes
from bragglens.simulate.kernel.sticks import phase_sticks

_GAUSS_AREA = math.sqrt(4 * math.log(2) / math.pi)


@jit
def _append_lines(lines, row, sticks, count, wavelength, factor, broadening, geometry):  # type: ignore[no-untyped-def]
    """Appends the lines of one phase at one wavelength, and returns the new length of the table.

    The rows of the table, one column a line, are: position (the mean over axial divergence) and FWHM in points;
    Lorentzian and Gaussian height; height after the spread by axial divergence (within 4% up to a reach of 3, 20% up to
    20); reach of that spread in FWHM; cos 2θ; shift by the instrument in points.
    `broadening` is the resolution U V W X Y, then size, microstrain and Lorentzian share.
    """
    inverse_d, part, step = sticks[0, :count], lines[:, row : row + count], geometry.step
    points, lorentz, gauss, height, reach, cos2 = part[1], part[2], part[3], part[4], part[5], part[6]
    line_shapes(inverse_d, wavelength, broadening, step, points, lorentz)
    line_areas(inverse_d, sticks[1, :count], wavelength, factor / step, geometry, height)
    line_places(inverse_d, wavelength, geometry, cos2, part[7], part[0])
    for i in range(np.int32(count)):
        area, eta = height[i] / points[i], lorentz[i]
        lorentz[i] = area * eta * (2.0 / math.pi)
        gauss[i] = area * (1.0 - eta) * _GAUSS_AREA
    spread = 0.5 * geometry.axial * geometry.axial * DEGREES / step
    for i in range(np.int32(count)):
        reach[i] = spread * abs(cos2[i]) / (math.sqrt(1.0 - cos2[i] * cos2[i]) * points[i])  # d(2φ) = cot 2θ h²/2
    for i in range(np.int32(count)):
        height[i] = (lorentz[i] + gauss[i]) / math.sqrt(math.sqrt(1.0 + reach[i] * reach[i] / 2.4))
    return row + count


@within
def _phase_lines(lib, cond, b, slot, geometry, space, first):  # type: ignore[no-untyped-def]
    """Appends all lines of one phase of one sample, and returns the new length of the table."""
    count = phase_sticks(
        lib, cond.phase[b, slot], cond.strain[b, slot], cond.axis[b, slot], cond.march[b, slot],
        cond.harmonics[b, slot], space,
    )  # fmt: skip
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


@jit
def _strongest(lines, first, last, low, high):  # type: ignore[no-untyped-def]
    """Height and position (point) of the strongest line from point `low` to `high`, and the largest height of all."""
    best, place, top = 0.0, -1, 0.0
    for line in range(first, last):
        height = lines[4, line]
        top = max(top, height)
        if height > best and low <= lines[0, line] <= high:
            best, place = height, line
    if place < 0:
        return best, place, top
    # The mean of a line spread by axial divergence is reach/6 from its end, its maximum closer to it, within 0.07 FWHM.
    reach = math.copysign(lines[5, place], lines[6, place])
    point = lines[0, place] + lines[1, place] * reach / 6.0 * (1.0 - 1.0 / math.sqrt(1.0 + reach * reach / 1.8))
    return best, int(round(min(max(point, low), high))), top


@within
def sample_lines(lib, cond, b, geometry, space, low, high):  # type: ignore[no-untyped-def]
    """Number of the lines of all phases of one sample, and the height of the strongest.

    Stores height and position of the strongest line of each slot from point `low` to `high`.
    """
    rows, top = np.int64(0), 0.0  # a literal 0 would compile all functions that take it twice
    for slot in range(space.height.size):
        space.height[slot], space.place[slot] = 0.0, -1
        if cond.phase[b, slot] >= 0:
            first = rows
            rows = _phase_lines(lib, cond, b, slot, geometry, space, first)
            space.height[slot], space.place[slot], highest = _strongest(space.lines, first, rows, low, high)
            top = max(top, highest)
    return rows, top
