"""Recipe: the distributions that instrument, specimen, background and noise are drawn from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bragglens.errors import RecipeError
from bragglens.simulate.draws import Constant, Distribution, LogUniform, Normal, Uniform
from bragglens.simulate.instrument import SAME_TUBE, Instrument, Line, emission


@dataclass(frozen=True)
class Recipe:
    """What may vary in a measured pattern, and how far.

    The defaults span the laboratory scans this was developed with: 4 nm crystallites to bulk, resolution 0.015-0.2°,
    shifts to ±0.3°, 35 to 10⁵ counts, background from none (subtracted) to three times the strongest peak.

    Attributes:
        wavelength: tube or wavelength in Å: CuKa, CuKa1, 1.5406 or 1.5406/1.5444, as `instrument.emission` reads it.
        dilation: relative change of all three axes together.
        strain: coefficient of each allowed strain on top of that.
        size: crystallite size in nm.
        microstrain: Δd/d.
        lorentzian: Lorentzian share of the broadening by the specimen.
        march: March-Dollase r of a textured phase.
        textured: share of phases that are textured.
        faults: stacking faults per nm of a faulted phase; some lines are blurred by them as by small crystallites.
        faulted: share of phases that are faulted, of those with lines that stacking faults blur.
        resolution: instrumental FWHM in degrees at low angle, √W.
        resolution_slope: growth of the Gaussian variance with angle, U/W.
        instrument_lorentzian: X + Y over √W, the Lorentzian part of the instrument.
        monochromator: share of instruments with a graphite monochromator.
        contaminated: share of tubes whose Kβ and tungsten lines show.
        k_beta: weight of the Kβ line relative to Kα1.
        tungsten: weight of the W Lα line relative to Kα1.
        axial: (S + H)/L of the axial divergence.
        overspill: specimen length over the beam's footprint at θ = 90°, the beam spills below sinθ = 1/overspill.
        spilling: share of instruments whose beam spills over.
        automatic: share of instruments with an automatic slit.
        roughness: p of Suortti's correction.
        rough: share of rough surfaces.
        transparency: 1/(2 μ R) in degrees.
        zero: zero error in degrees.
        displacement: specimen displacement in mm on a 185 mm goniometer.
        background: mean level relative to the strongest peak.
        slope: Chebyshev coefficients 1-4 relative to the mean level.
        air: air scatter ~1/2θ at the low end relative to the mean level.
        hump: height of an amorphous hump relative to the strongest peak.
        humps: share of samples with humps.
        counts: counts at the strongest peak.
        smoothed: share of scans that were smoothed before they were stored.
        smoothing: half width of the moving average in degrees.
        spiked: share of scans with one to three spikes.
        start: where the scan begins, in degrees.
        stop: where the scan ends, in degrees.
        phases: number of phases of the library in a sample, rounded down.
        dominance: width of the log-normal that weight fractions come from; 0 makes all phases equal.
        strangers: share of samples that hold a phase which is not in the library.
    """

    wavelength: str = "CuKa"
    dilation: Distribution = Normal(0.0, 0.003)
    strain: Distribution = Normal(0.0, 0.003)
    size: Distribution = LogUniform(4.0, 500.0)
    microstrain: Distribution = LogUniform(1e-5, 4e-3)
    lorentzian: Distribution = Uniform(0.2, 1.0)
    march: Distribution = LogUniform(0.45, 1.8)
    textured: float = 0.7
    faults: Distribution = LogUniform(0.01, 0.6)
    faulted: float = 0.5
    resolution: Distribution = LogUniform(0.015, 0.20)
    resolution_slope: Distribution = LogUniform(0.1, 3.0)
    instrument_lorentzian: Distribution = Uniform(0.0, 0.7)
    monochromator: float = 0.5
    contaminated: float = 0.3
    k_beta: Distribution = LogUniform(1e-3, 0.03)
    tungsten: Distribution = LogUniform(1e-4, 0.01)
    axial: Distribution = Uniform(0.0, 0.05)
    overspill: Distribution = LogUniform(2.5, 10.0)
    spilling: float = 0.3
    automatic: float = 0.1
    roughness: Distribution = Uniform(0.0, 0.5)
    rough: float = 0.2
    transparency: Distribution = LogUniform(1e-4, 0.05)
    zero: Distribution = Normal(0.0, 0.05)
    displacement: Distribution = Normal(0.0, 0.27)
    background: Distribution = LogUniform(1e-4, 3.0)
    slope: Distribution = Normal(0.0, 0.15)
    air: Distribution = LogUniform(0.01, 3.0)
    hump: Distribution = LogUniform(0.005, 0.5)
    humps: float = 0.5
    counts: Distribution = LogUniform(35.0, 1e5)
    smoothed: float = 0.1
    smoothing: Distribution = LogUniform(0.02, 0.1)
    spiked: float = 0.03
    start: Distribution = Uniform(5.0, 25.0)
    stop: Distribution = Uniform(60.0, 110.0)
    phases: Distribution = Uniform(0.0, 5.0)
    dominance: Distribution = Constant(1.2)
    strangers: float = 0.5

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines that samples may hold, with the weights they have when clean: 1, 0.5, 0, 0."""
        full = emission(self.wavelength, k_beta=1.0, tungsten=1.0) if self.contaminated else emission(self.wavelength)
        clean = emission(self.wavelength)
        return tuple(Line(line.wavelength, line.weight if line in clean else 0.0) for line in full)

    @property
    def strain_margin(self) -> float:
        """How much larger a lattice may become, relative; several strains may add up."""
        extremes = np.array([1e-4, 1 - 1e-4])
        largest = [float(np.abs(d.quantile(extremes)).max()) for d in (self.dilation, self.strain)]
        return 0.02 + 2 * sum(largest)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, numbers and texts, for JSON and for people."""
        return {
            name: {type(value).__name__: asdict(value)} if isinstance(value, _FAMILY) else value  # type: ignore[call-overload]
            for name, value in vars(self).items()
        }


# How far scans of a calibrated instrument are from it: its width (relative) and divergence as other slits and depths of
# penetration move them, its zero in degrees as one aligns a goniometer.
_WIDTH_SPREAD, _AXIAL_SPREAD, _ZERO_SPREAD = 0.1, 0.005, 0.01


def for_instrument(recipe: Recipe, instrument: Instrument) -> Recipe:
    """A recipe whose resolution, axial divergence and zero are those of one instrument.

    The Gaussian width of the instrument is met at 2θ of 30° and 90°, between which most lines lie.

    Raises:
        RecipeError: the instrument has another tube than the recipe.
    """
    ours, theirs = recipe.lines[0].wavelength, instrument.lines[0].wavelength
    if abs(theirs / ours - 1) > SAME_TUBE:
        raise RecipeError(f"the instrument is one of {theirs:.4f} Å, the recipe of {ours:.4f} Å: give its wavelength")
    tangents = np.tan(np.radians([15.0, 45.0]))
    low, high = np.maximum(instrument.U * tangents**2 + instrument.V * tangents + instrument.W, 0.005**2)
    growth = max((high - low) / (tangents[1] ** 2 - tangents[0] ** 2), 0.0)
    width = float(np.sqrt(max(low - growth * tangents[0] ** 2, 0.005**2)))
    return replace(
        recipe,
        resolution=Uniform(width * (1 - _WIDTH_SPREAD), width * (1 + _WIDTH_SPREAD)),
        resolution_slope=Constant(float(growth / width**2)),
        instrument_lorentzian=Constant((instrument.X + instrument.Y) / width),
        axial=Uniform(max(instrument.axial - _AXIAL_SPREAD, 0.0), instrument.axial + _AXIAL_SPREAD),
        zero=Normal(instrument.zero, _ZERO_SPREAD),
        monochromator=1.0 if instrument.monochromator else 0.0,
    )


# Lorentzian share of the specimen's broadening; Gaussian FWHM of the instrument in degrees; its X + Y over that.
_PROFILES = {"gaussian": (0.0, 0.06, 0.0), "pseudo-voigt": (0.7, 0.06, 0.3), "lorentzian": (1.0, 0.001, 60.0)}
_FAMILY = (Constant, Uniform, LogUniform, Normal)


def founding_recipe(
    *,
    strain: float = 0.01,
    texture: float = 0.4,
    domain_sizes: tuple[float, float] = (10.0, 100.0),
    profile: str = "pseudo-voigt",
    wavelength: str = "CuKa",
) -> Recipe:
    """Single clean phases with the three variations of the founding blog post, for stored training sets.

    Args:
        strain: each allowed lattice strain is even between ± this (0.04 is 4%); 0 switches it off.
        texture: strength of preferred orientation from 0 (none) to below 1. Orientation densities along and across
            the texture axis differ by a factor of at most 1/(1 - texture); March-Dollase's r is then log-uniform
            between (1 - texture)^(2/9) and its inverse, as its two extremes are r^-3 and r^(3/2).
        domain_sizes: smallest and largest crystallite size in nm.
        profile: shape of the broadening, `gaussian`, `lorentzian` or `pseudo-voigt`.
        wavelength: tube or Å, as `instrument.emission` reads it.

    Raises:
        RecipeError: a value that cannot be.
    """
    if profile not in _PROFILES:
        raise RecipeError(f"profile '{profile}' is not known: choose one of {', '.join(_PROFILES)}")
    if not 0 <= strain < 0.2:
        raise RecipeError(f"strain {strain:g} is not possible: give a share such as 0.04 for 4%, below 0.2")
    if not 0 <= texture < 1:
        raise RecipeError(f"texture {texture:g} is not possible: give 0 (none) to below 1")
    if not 0 < domain_sizes[0] <= domain_sizes[1]:
        raise RecipeError(f"domain sizes {domain_sizes} nm are not possible: give two positive sizes, smaller first")
    r = (1 - texture) ** (2 / 9)
    specimen, resolution, instrument = _PROFILES[profile]
    return replace(
        CLEAN,
        wavelength=wavelength,
        strain=Uniform(-strain, strain),
        size=Uniform(*domain_sizes),
        lorentzian=Constant(specimen),
        resolution=Constant(resolution),
        instrument_lorentzian=Constant(instrument),
        march=LogUniform(r, 1 / r),
        textured=1.0,
    )


CLEAN = Recipe(
    dilation=Constant(0.0),
    strain=Constant(0.0),
    size=Constant(100.0),
    microstrain=Constant(0.0),
    lorentzian=Constant(0.7),
    march=Constant(1.0),
    textured=0.0,
    faulted=0.0,
    resolution=Constant(0.06),
    resolution_slope=Constant(0.0),
    instrument_lorentzian=Constant(0.0),
    monochromator=0.0,
    contaminated=0.0,
    axial=Constant(0.0),
    spilling=0.0,
    automatic=0.0,
    rough=0.0,
    transparency=Constant(0.0),
    zero=Constant(0.0),
    displacement=Constant(0.0),
    background=Constant(0.0),
    slope=Constant(0.0),
    air=Constant(0.0),
    hump=Constant(0.0),
    humps=0.0,
    counts=Constant(0.0),
    smoothed=0.0,
    spiked=0.0,
    start=Constant(0.0),
    stop=Constant(180.0),
    phases=Constant(1.0),
    strangers=0.0,
)
"""Ideal patterns: nothing varies, no background, no noise; the base of `founding_recipe`."""
