"""Widths of lines and their Lorentzian share, from crystallite size, microstrain and instrument resolution."""

from __future__ import annotations

import math

import numpy as np

from bragglens.simulate.kernel.compiled import jit
from bragglens.simulate.kernel.optics import DEGREES, HIGHEST_SINE


def _fifth_root() -> tuple[float, ...]:
    """Coefficients of a series for x^(1/5), for x from 0.34 to 1: within 5e-6."""
    series = np.polynomial.Chebyshev.interpolate(lambda x: x**0.2, 6, domain=[0.3436, 1.0])
    return tuple(float(c) for c in series.convert(kind=np.polynomial.Polynomial).coef)


_ROOT = _fifth_root()


@jit
def line_shapes(inverse_d, wavelength, broadening, step, points, share):  # type: ignore[no-untyped-def]
    """Fills FWHM in points and η of lines.

    This is Thompson-Cox-Hastings with g + l = 1. The sum of fifth powers is then between 0.3436 (at l = 0.66) and 1.
    """
    u, v, w, x, y, size, microstrain, lorentzian = broadening
    by_size, by_microstrain, gaussian = (
        0.9 * wavelength / (10.0 * size) * DEGREES,
        4.0 * microstrain * DEGREES,
        1.0 - lorentzian,
    )
    for i in range(np.int32(points.size)):
        sine = 0.5 * wavelength * inverse_d[i]
        sine = sine if sine < HIGHEST_SINE else HIGHEST_SINE
        secant = 1.0 / math.sqrt(1.0 - sine * sine)
        tangent = sine * secant
        broad = by_size * secant + by_microstrain * tangent
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
