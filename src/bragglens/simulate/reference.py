"""The forward model written for readability: one phase, one instrument, plain NumPy, no cut-offs.

`render` does the same a thousand times faster. The tests compare it with this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bragglens.crystal.faults import broadened_by_faults
from bragglens.crystal.lattice import strained_axes
from bragglens.crystal.reflections import Reflections
from bragglens.scan.pattern import Grid
from bragglens.simulate import formulas
from bragglens.simulate.formulas import Array
from bragglens.simulate.geometry import GEOMETRIES
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.orientation import harmonic_factor
from bragglens.simulate.radiation import RADIATIONS
from bragglens.simulate.specimen import Specimen

AXIAL_POINTS = 24  # of the quadrature over axial divergence; more make no difference above 5°


@dataclass(frozen=True)
class Sticks:
    """Lines of one wavelength.

    Attributes:
        hkl: shape (n, 3).
        d: strained lattice spacing in Å.
        two_theta: Bragg angle in degrees, without zero shift and displacement.
        area: integrated intensity for one gram of the phase, in an arbitrary unit common to all phases.
    """

    hkl: Array
    d: Array
    two_theta: Array
    area: Array


def sticks(
    crystal: Reflections,
    *,
    wavelength: float,
    polarisation: float = 1.0,
    specimen: Specimen | None = None,
    radiation: str = "x-ray",
) -> Sticks:
    """Positions and integrated intensities m |F|² LP T / (M V) of all lines with λ < 2 d.

    The factor 1/(M V), with mass M and volume V of the cell, converts weight to scale (Hill & Howard 1987, J. Appl.
    Cryst. 20, 467).
    """
    specimen = specimen or Specimen()
    coefficients = np.zeros(len(crystal.strain_basis))
    coefficients[: len(specimen.strain)] = specimen.strain
    axes = strained_axes(crystal.axes, crystal.strain_basis, coefficients)
    inverse = np.asarray(np.linalg.inv(axes), dtype=np.float64)
    d = 1 / np.linalg.norm(crystal.hkl @ inverse, axis=1)
    reached = wavelength < 2 * d
    angle = formulas.two_theta(d=d, wavelength=wavelength)
    with np.errstate(invalid="ignore"):
        lp = formulas.lorentz_polarisation(two_theta=angle, polarisation=polarisation)
    strength = crystal.multiplicity * structure_factor_squared(crystal, d, wavelength, radiation)
    texture = _texture(crystal, inverse, specimen)
    texture *= harmonic_factor(crystal.phase, crystal.hkl @ np.linalg.inv(crystal.axes), specimen)
    area = strength * lp * texture / (crystal.phase.cell_mass * np.linalg.det(axes))
    return Sticks(crystal.hkl[reached], d[reached], angle[reached], area[reached])


def structure_factor_squared(crystal: Reflections, d: Array, wavelength: float, radiation: str = "x-ray") -> Array:
    """|F|² as the mean of the two Friedel mates, |Σ (f0 + f') G|² + |Σ f'' G|². For X-rays in electrons²."""
    amplitudes = RADIATIONS[radiation].amplitudes(crystal.elements, d, wavelength)
    real = (amplitudes.real * crystal.geometry).sum(axis=1)
    imaginary = (amplitudes.imag * crystal.geometry).sum(axis=1)
    return np.abs(real) ** 2 + np.abs(imaginary) ** 2


def _texture(crystal: Reflections, inverse: Array, specimen: Specimen) -> Array:
    """March-Dollase factor, averaged over the equivalents of each reflection."""
    normals = crystal.equivalents @ inverse
    axis = np.array(specimen.texture_axis) @ inverse
    cosine = normals @ axis / (np.linalg.norm(normals, axis=1) * np.linalg.norm(axis))
    factor = formulas.march_dollase(cos_alpha=cosine, r=specimen.march)
    return np.add.reduceat(factor, crystal.first_equivalent[:-1]) / np.diff(crystal.first_equivalent)


def pattern(crystal: Reflections, instrument: Instrument, specimen: Specimen, grid: Grid) -> Array:
    """Intensity of one gram of a phase per degree at each point of the grid, without background and noise."""
    if specimen.fine_share:
        coarse = replace(specimen, fine_share=0.0)
        both = (pattern(crystal, instrument, one, grid) for one in (coarse, replace(coarse, size=specimen.fine_size)))
        return np.average(list(both), axis=0, weights=(1 - specimen.fine_share, specimen.fine_share))
    if specimen.faults and (blurred := broadened_by_faults(crystal)) is not None:
        whole = replace(specimen, faults=0.0)
        small = replace(whole, size=1 / (1 / specimen.size + specimen.faults))
        sharp = pattern(crystal.only(~blurred), instrument, whole, grid)
        return sharp + pattern(crystal.only(blurred), instrument, small, grid)
    total, geometry = np.zeros(grid.size), GEOMETRIES[instrument.geometry]
    for line in instrument.lines:
        lines = sticks(
            crystal,
            wavelength=line.wavelength,
            polarisation=instrument.polarisation,
            specimen=specimen,
            radiation=instrument.radiation,
        )
        fwhm, eta = widths(lines.two_theta, line.wavelength, instrument, specimen)
        area = lines.area * geometry.transmitted(lines.two_theta, instrument, specimen)
        for position, weight in _places(lines.two_theta, instrument, specimen):
            x = grid.two_theta[:, None] - position
            total += line.weight * formulas.pseudo_voigt(x=x, fwhm=fwhm, eta=eta) @ (area * weight)
    return total


def _places(two_theta: Array, instrument: Instrument, specimen: Specimen) -> list[tuple[Array, Array]]:
    """Positions of the lines on the instrument's scale: (positions, weights) for each point of the axial divergence."""
    shift = GEOMETRIES[instrument.geometry].shift(two_theta, instrument, specimen)
    if not instrument.axial:
        return [(two_theta + shift, np.ones_like(two_theta))]
    spread = [
        formulas.axial_divergence(two_theta=angle, axial=instrument.axial, points=AXIAL_POINTS) for angle in two_theta
    ]
    return [
        (np.array([places[i] for places, _ in spread]) + shift, np.array([weights[i] for _, weights in spread]))
        for i in range(AXIAL_POINTS)
    ]


def widths(two_theta: Array, wavelength: float, instrument: Instrument, specimen: Specimen) -> tuple[Array, Array]:
    """FWHM in degrees and η of the lines: instrument and specimen convolved by Thompson-Cox-Hastings."""
    broadening = formulas.size_width(
        two_theta=two_theta, wavelength=wavelength, size=specimen.size
    ) + formulas.microstrain_width(two_theta=two_theta, microstrain=specimen.microstrain)
    instrumental = formulas.caglioti_width(two_theta=two_theta, U=instrument.U, V=instrument.V, W=instrument.W)
    gaussian = np.hypot(instrumental, (1 - specimen.lorentzian) * broadening)
    lorentzian = (
        formulas.lorentzian_width(two_theta=two_theta, X=instrument.X, Y=instrument.Y)
        + specimen.lorentzian * broadening
    )
    return formulas.thompson_cox_hastings(gaussian=gaussian, lorentzian=lorentzian)
