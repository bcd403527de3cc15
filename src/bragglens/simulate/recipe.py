"""Recipe: the distributions from which instrument, specimen, background and noise are drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bragglens.errors import RecipeError
from bragglens.simulate.draws import Constant, Distribution, LogUniform, Normal, Uniform
from bragglens.simulate.effects import EFFECTS, varied
from bragglens.simulate.instrument import SAME_TUBE, Instrument, Line, emission


@dataclass(frozen=True)
class Recipe:
    """What varies in simulated patterns, and how far.

    Each field but the first is an effect of the table `effects.EFFECTS`, with its meaning, unit and default. It is a
    distribution, or the share of samples that have a property. The page on recipes lists them.

    Attributes:
        wavelength: tube or wavelength in Å: CuKa, CuKa1, 1.5406 or 1.5406/1.5444, as `instrument.emission` reads it.
    """

    wavelength: str = "CuKa"
    dilation: Distribution = varied("dilation")
    strain: Distribution = varied("strain")
    size: Distribution = varied("size")
    microstrain: Distribution = varied("microstrain")
    lorentzian: Distribution = varied("lorentzian")
    march: Distribution = varied("march")
    textured: float = varied("textured")
    faults: Distribution = varied("faults")
    faulted: float = varied("faulted")
    resolution: Distribution = varied("resolution")
    resolution_slope: Distribution = varied("resolution_slope")
    instrument_lorentzian: Distribution = varied("instrument_lorentzian")
    monochromator: float = varied("monochromator")
    contaminated: float = varied("contaminated")
    k_beta: Distribution = varied("k_beta")
    tungsten: Distribution = varied("tungsten")
    axial: Distribution = varied("axial")
    overspill: Distribution = varied("overspill")
    spilling: float = varied("spilling")
    automatic: float = varied("automatic")
    roughness: Distribution = varied("roughness")
    rough: float = varied("rough")
    transparency: Distribution = varied("transparency")
    zero: Distribution = varied("zero")
    displacement: Distribution = varied("displacement")
    background: Distribution = varied("background")
    slope: Distribution = varied("slope")
    air: Distribution = varied("air")
    hump: Distribution = varied("hump")
    humps: float = varied("humps")
    counts: Distribution = varied("counts")
    smoothed: float = varied("smoothed")
    smoothing: Distribution = varied("smoothing")
    spiked: float = varied("spiked")
    start: Distribution = varied("start")
    stop: Distribution = varied("stop")
    phases: Distribution = varied("phases")
    dominance: Distribution = varied("dominance")
    strangers: float = varied("strangers")

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines that samples may hold. Their weights are those of a clean tube: 1, 0.5, 0, 0."""
        full = emission(self.wavelength, k_beta=1.0, tungsten=1.0) if self.contaminated else emission(self.wavelength)
        clean = emission(self.wavelength)
        return tuple(Line(line.wavelength, line.weight if line in clean else 0.0) for line in full)

    @property
    def strain_margin(self) -> float:
        """Largest relative expansion of a lattice. Several strains may add up."""
        extremes = np.array([1e-4, 1 - 1e-4])
        largest = [float(np.abs(d.quantile(extremes)).max()) for d in (self.dilation, self.strain)]
        return 0.02 + 2 * sum(largest)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, numbers and strings, for JSON and for reading."""
        return {
            name: {type(value).__name__: asdict(value)} if isinstance(value, _FAMILY) else value  # type: ignore[call-overload]
            for name, value in vars(self).items()
        }


# How much scans of a calibrated instrument differ from the calibration. Width (relative) and axial divergence change
# with slits and penetration depth, and the zero shift in degrees with the alignment of the goniometer.
_WIDTH_SPREAD, _AXIAL_SPREAD, _ZERO_SPREAD = 0.1, 0.005, 0.01


def for_instrument(recipe: Recipe, instrument: Instrument) -> Recipe:
    """A recipe with the resolution, axial divergence and zero shift of one instrument.

    The Gaussian width agrees with that of the instrument at 2θ of 30° and 90°. Most lines are in this range.

    Raises:
        RecipeError: the wavelengths of instrument and recipe differ.
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


# Lorentzian share of the specimen broadening, Gaussian FWHM of the instrument in degrees, and its X + Y over this FWHM
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
        strain: each allowed lattice strain is uniform between ± this value (0.04 is 4%). 0 switches it off.
        texture: strength of preferred orientation, from 0 (none) to below 1. Orientation densities along and across the
            texture axis differ by a factor of at most 1/(1 - texture). The March-Dollase r is log-uniform between (1 -
            texture)^(2/9) and its inverse, because its two extremes are r^-3 and r^(3/2).
        domain_sizes: smallest and largest crystallite size in nm.
        profile: shape of the broadening, `gaussian`, `lorentzian` or `pseudo-voigt`.
        wavelength: tube or wavelength in Å, as `instrument.emission` reads it.

    Raises:
        RecipeError: a value is not possible.
    """
    _check_founding(strain, texture, domain_sizes, profile)
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


def _check_founding(strain: float, texture: float, domain_sizes: tuple[float, float], profile: str) -> None:
    """Refuse values that are not possible."""
    if profile not in _PROFILES:
        raise RecipeError(f"profile '{profile}' is not known: choose one of {', '.join(_PROFILES)}")
    if not 0 <= strain < 0.2:
        raise RecipeError(f"strain {strain:g} is not possible: give a share such as 0.04 for 4%, below 0.2")
    if not 0 <= texture < 1:
        raise RecipeError(f"texture {texture:g} is not possible: give 0 (none) to below 1")
    if not 0 < domain_sizes[0] <= domain_sizes[1]:
        raise RecipeError(f"domain sizes {domain_sizes} nm are not possible: give two positive sizes, smaller first")


_IDEAL: dict[str, Any] = {name: effect.without for name, effect in EFFECTS.items()}
CLEAN = Recipe(**_IDEAL)
"""Ideal patterns: nothing varies, no background, no noise; the base of `founding_recipe`."""
