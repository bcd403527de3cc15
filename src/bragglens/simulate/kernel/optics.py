"""Positions and areas of lines in an instrument: shifts, Lorentz-polarisation, slits and surface roughness."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bragglens.simulate.kernel.compiled import jit, within

DEGREES = 180 / math.pi
HIGHEST_SINE = 0.9999  # largest sin θ of a line that is drawn
# series of arccos x over √(1 - x) (Abramowitz & Stegun 4.4.46)
_ARCCOS = (
    1.5707963050, -0.2145988016, 0.0889789874, -0.0501743046, 0.0308918810, -0.0170881256, 0.0066700901, -0.0012624911
)  # fmt: skip


class Geometry(NamedTuple):
    """Numbers of one sample that its lines need. Passing all conditions to small functions would be slower."""

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


@within
def geometry_of(cond, b, start, step):  # type: ignore[no-untyped-def]
    """The `Geometry` of one sample."""
    return Geometry(
        start, step, cond.polarisation[b], cond.slit[b, 0], cond.slit[b, 1], cond.roughness[b, 0],
        cond.roughness[b, 1], cond.axial[b], cond.zero[b], cond.tilt[b], cond.transparency[b],
    )  # fmt: skip


@jit
def angle(cosine):  # type: ignore[no-untyped-def]
    """Angle in degrees of a cosine, which axial divergence may have increased beyond 1.

    The error is below 1.3e-6° (Abramowitz & Stegun 4.4.46). In contrast to the arccos of the library it vectorises.
    """
    x = abs(cosine)
    x = x if x < 1.0 else 1.0
    series = 0.0
    for k in range(8):
        series = series * x + _ARCCOS[7 - k]
    angle = math.sqrt(1.0 - x) * series
    return (angle if cosine >= 0.0 else math.pi - angle) * DEGREES


@jit
def line_areas(inverse_d, strength, wavelength, factor, geometry, area):  # type: ignore[no-untyped-def]
    """Fills the areas of lines: Lorentz-polarisation, slits and roughness. The area is 0 for a line out of reach."""
    spill, p, q = geometry.spill if geometry.spill > 0.0 else np.inf, geometry.p, geometry.q
    for i in range(np.int32(area.size)):
        sine = 0.5 * wavelength * inverse_d[i]
        reached = factor if sine < HIGHEST_SINE else 0.0
        sine = sine if sine < HIGHEST_SINE else HIGHEST_SINE
        cos2 = 1.0 - 2.0 * sine * sine
        lp = (1.0 + geometry.polarisation * cos2 * cos2) / (sine * sine * math.sqrt(1.0 - sine * sine))
        lit = spill * sine
        lit = lit if lit < 1.0 else 1.0
        area[i] = reached * strength[i] * lp * lit * (sine if geometry.automatic > 0.0 else 1.0)
    if p > 0.0:
        for i in range(np.int32(area.size)):
            area[i] *= (1.0 - p + p * math.exp(-q / (0.5 * wavelength * inverse_d[i]))) / (1.0 - p + p * math.exp(-q))


@jit
def line_places(inverse_d, wavelength, geometry, cos2, shift, place):  # type: ignore[no-untyped-def]
    """Fills cos 2θ, and in points the shift by the instrument and the positions (means over axial divergence)."""
    mean = 1.0 + geometry.axial * geometry.axial / 12.0  # the mean of h² is axial²/6
    for i in range(np.int32(place.size)):
        sine = 0.5 * wavelength * inverse_d[i]
        sine = sine if sine < HIGHEST_SINE else HIGHEST_SINE
        cosine, c = math.sqrt(1.0 - sine * sine), 1.0 - 2.0 * sine * sine
        moved = geometry.zero - geometry.tilt * cosine - geometry.transparency * 2.0 * sine * cosine - geometry.start
        cos2[i], shift[i] = c, moved / geometry.step
        place[i] = (angle(c * mean) + moved) / geometry.step
