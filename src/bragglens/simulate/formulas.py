"""The formulas of a powder pattern, one function each, in plain NumPy.

They are the reference for the compiled renderer, and the tests compare the two. Arguments and results are in degrees.
Radians are used only inside a function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# For the FWHM of roughly equiaxed grains. For spheres it is 0.89 (Langford & Wilson 1978, J. Appl. Cryst. 11, 102). The
# 0.94 = 2 √(ln 2 / π) of Scherrer is for Gaussian lines. The whole package uses 0.9, and so does rietx.
SCHERRER_K = 0.9


def two_theta(*, d: Array, wavelength: float) -> Array:
    """Bragg's law, λ = 2 d sinθ. NaN if λ > 2 d."""
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * np.degrees(np.arcsin(wavelength / (2 * d))))


def lorentz_polarisation(*, two_theta: Array, polarisation: float) -> Array:
    """(1 + K cos²2θ) / (sin²θ cosθ) for a powder (International Tables C, 6.2.5)."""
    theta = np.radians(two_theta) / 2
    return (1 + polarisation * np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))


def march_dollase(*, cos_alpha: Array, r: float) -> Array:
    """(r² cos²α + sin²α / r)^(-3/2), with a mean over the sphere of 1 (Dollase 1986, J. Appl. Cryst. 19, 267)."""
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


def transparency_shift(*, two_theta: Array, transparency: float) -> Array:
    """Δ2θ = -t sin2θ in degrees, with t = 1/(2 μ R) in degrees: shift by penetration into a weakly absorbing specimen.

    This is the mean shift of a thick specimen (Klug & Alexander 1974, X-ray Diffraction Procedures, section 5-4).
    """
    return -transparency * np.sin(np.radians(two_theta))


def overspill(*, two_theta: Array, spill: float) -> Array:
    """Share of the beam that falls on the specimen, min(1, L sinθ / (R δ)); `spill` is L/(R δ), or 0 for no overspill.

    The footprint of a slit of δ radians at radius R is R δ / sinθ, and L is the length of the specimen (Klug &
    Alexander 1974).
    """
    sine = np.sin(np.radians(two_theta) / 2)
    return np.minimum(1.0, spill * sine) if spill else np.ones_like(sine)


def roughness(*, two_theta: Array, p: float, q: float) -> Array:
    """Intensity loss by roughness, (1 - p + p exp(-q / sinθ)) / (1 - p + p exp(-q)).

    See Suortti 1972, J. Appl. Cryst. 5, 325. exp(-q/sinθ) falls towards low angles, so that p is the share of intensity
    that shadowing removes there.
    """
    sine = np.sin(np.radians(two_theta) / 2)
    return np.asarray((1 - p + p * np.exp(-q / sine)) / (1 - p + p * np.exp(-q)))


def axial_divergence(*, two_theta: float, axial: float, points: int) -> tuple[Array, Array]:
    """Positions (degrees) and weights (sum 1) of the points over which axial divergence spreads a line.

    Finger, Cox & Jephcoat (1994), J. Appl. Cryst. 27, 892, with specimen and slit of equal height (S = H) and axial =
    (S + H)/L. The variable is h, the height of a ray over L: cos2φ = cos2θ √(1 + h²). The profile W(2φ) d2φ / (h cos2φ)
    then becomes W(h) cos²2θ / (cos²2φ sin2φ) dh, without the singularity at 2φ = 2θ. W falls linearly to 0 at h =
    axial. The integral is a Gauss-Legendre quadrature in h.
    """
    cosine = np.cos(np.radians(two_theta))
    nodes, weights = np.polynomial.legendre.leggauss(points)
    h = 0.5 * axial * (nodes + 1)
    cos_phi = np.clip(cosine * np.sqrt(1 + h**2), -0.999999, 0.999999)
    density = weights * (axial - h) / (cos_phi**2 * np.sqrt(1 - cos_phi**2))
    return np.degrees(np.arccos(cos_phi)), density / density.sum()
