"""The formulas of a powder pattern, one function each, plain NumPy.

This is the reference that the compiled renderer is held to by the tests. Angles are in degrees at the door and in
radians only inside a function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SCHERRER_K = 0.9  # for the FWHM of roughly equiaxed grains (Langford & Wilson 1978, J. Appl. Cryst. 11, 102)


def two_theta(*, d: Array, wavelength: float) -> Array:
    """Bragg's law, λ = 2 d sinθ; NaN where the line cannot be reached."""
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * np.degrees(np.arcsin(wavelength / (2 * d))))


def lorentz_polarisation(*, two_theta: Array, polarisation: float) -> Array:
    """(1 + K cos²2θ) / (sin²θ cosθ) for a powder (International Tables C, 6.2.5)."""
    theta = np.radians(two_theta) / 2
    return (1 + polarisation * np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))


def march_dollase(*, cos_alpha: Array, r: float) -> Array:
    """(r² cos²α + sin²α / r)^(-3/2), its mean over the sphere is 1 (Dollase 1986, J. Appl. Cryst. 19, 267)."""
    return np.asarray((r**2 * cos_alpha**2 + (1 - cos_alpha**2) / r) ** -1.5)


def displacement_shift(*, two_theta: Array, displacement: float, radius: float) -> Array:
    """Δ2θ = -2 s cosθ / R in degrees, s and R in mm (Wilson 1963, Math. Theory of X-ray Powder Diffractometry)."""
    return np.degrees(-2 * displacement * np.cos(np.radians(two_theta) / 2) / radius)


def size_width(*, two_theta: Array, wavelength: float, size: float) -> Array:
    """FWHM K λ / (D cosθ) in degrees, λ in Å and D in nm (Scherrer 1918)."""
    return np.degrees(SCHERRER_K * wavelength / (10 * size * np.cos(np.radians(two_theta) / 2)))


def microstrain_width(*, two_theta: Array, microstrain: float) -> Array:
    """FWHM 4 ε tanθ in degrees (Stokes & Wilson 1944, Proc. Phys. Soc. 56, 174)."""
    return np.degrees(4 * microstrain * np.tan(np.radians(two_theta) / 2))


def caglioti_width(*, two_theta: Array, U: float, V: float, W: float) -> Array:
    """Gaussian FWHM √(U tan²θ + V tanθ + W) in degrees (Caglioti, Paoletti & Ricci 1958, Nucl. Instrum. 3, 223)."""
    tangent = np.tan(np.radians(two_theta) / 2)
    return np.sqrt(np.maximum(U * tangent**2 + V * tangent + W, 0.0))


def lorentzian_width(*, two_theta: Array, X: float, Y: float) -> Array:
    """Lorentzian FWHM X/cosθ + Y tanθ in degrees (Thompson, Cox & Hastings 1987)."""
    theta = np.radians(two_theta) / 2
    return X / np.cos(theta) + Y * np.tan(theta)


def thompson_cox_hastings(*, gaussian: Array, lorentzian: Array) -> tuple[Array, Array]:
    """FWHM and mixing η of the pseudo-Voigt nearest to a Voigt (1987, J. Appl. Cryst. 20, 79, eqs. 4 and 5)."""
    g, l = gaussian, lorentzian  # noqa: E741
    fwhm = (
        g**5 + 2.69269 * g**4 * l + 2.42843 * g**3 * l**2 + 4.47163 * g**2 * l**3 + 0.07842 * g * l**4 + l**5
    ) ** 0.2
    q = l / fwhm
    return fwhm, 1.36603 * q - 0.47719 * q**2 + 0.11116 * q**3


def pseudo_voigt(*, x: Array, fwhm: Array, eta: Array) -> Array:
    """η Lorentz + (1 - η) Gauss, both of area 1; x and fwhm in degrees, the result per degree."""
    gauss = np.sqrt(4 * np.log(2) / np.pi) / fwhm * np.exp(-4 * np.log(2) * (x / fwhm) ** 2)
    lorentz = 2 / (np.pi * fwhm) / (1 + 4 * (x / fwhm) ** 2)
    return np.asarray(eta * lorentz + (1 - eta) * gauss)
