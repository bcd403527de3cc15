"""Table of effects: everything that a recipe varies, one row each.

Recipes, recipe files, their descriptions and their figures are made from this table.

The defaults cover the laboratory scans that this was developed with: crystallites from 4 nm to bulk, resolution
0.015-0.2°, shifts to ±0.3°, 35 to 10⁵ counts, background from none (subtracted) to three times the strongest peak.

The kernel's input, `kernel.Conditions`, has typed columns of its own: half of them combine several effects, as those of
the slits do. See `mixture.draw_conditions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bragglens.simulate.draws import Constant, Distribution, LogUniform, Normal, Uniform

Where = Literal["phase", "instrument", "specimen", "background", "scan", "mixture"]


@dataclass(frozen=True)
class Effect:
    """One quantity that varies.

    Attributes:
        name: the field of a recipe.
        where: what it is a property of. Each `phase` of a sample has its own value, all others have one value a sample.
        unit: nm, mm, ° or Å, or '' for a pure number.
        meaning: description in words.
        default: default distribution. A plain number is the share of samples that have a property.
        ideal: value in an ideal pattern and of an ideal specimen, or None if another field switches the effect off.
        above_zero: whether the formulas divide by it.
        share: whether it is a share, at most 1.
    """

    name: str
    where: Where
    unit: str
    meaning: str
    default: Distribution | float
    ideal: float | None
    above_zero: bool = False
    share: bool = False

    @property
    def without(self) -> Distribution | float:
        """Value or distribution in a recipe of ideal patterns."""
        if self.ideal is None:
            return self.default
        return self.ideal if isinstance(self.default, float) else Constant(self.ideal)


# fmt: off
_ROWS = (
    Effect("dilation", "phase", "", "relative change of all three axes together", Normal(0.0, 0.003), 0.0),
    Effect("strain", "phase", "", "coefficient of each allowed strain on top of that", Normal(0.0, 0.003), 0.0),
    Effect("size", "phase", "nm", "crystallite size", LogUniform(4.0, 500.0), 100.0, above_zero=True),
    Effect("microstrain", "phase", "", "Δd/d", LogUniform(1e-5, 4e-3), 0.0),
    Effect("lorentzian", "phase", "", "Lorentzian share of the broadening by the specimen",
           Uniform(0.2, 1.0), 0.7, share=True),
    Effect("march", "phase", "", "March-Dollase r of a textured phase", LogUniform(0.45, 1.8), 1.0, above_zero=True),
    Effect("textured", "phase", "", "share of phases that are textured", 0.7, 0.0),
    Effect("faults", "phase", "1/nm", "stacking faults of a faulted phase; they blur some lines as small grains do",
           LogUniform(0.01, 0.6), None),
    Effect("faulted", "phase", "", "share of faulted ones among phases with lines that stacking faults blur", 0.5, 0.0),
    Effect("resolution", "instrument", "°", "instrumental FWHM at low angle, √W", LogUniform(0.015, 0.20), 0.06),
    Effect("resolution_slope", "instrument", "", "growth of the Gaussian variance with angle, U/W",
           LogUniform(0.1, 3.0), 0.0),
    Effect("instrument_lorentzian", "instrument", "", "Lorentzian part of the instrument, X + Y over √W",
           Uniform(0.0, 0.7), 0.0),
    Effect("monochromator", "instrument", "", "share of instruments with a graphite monochromator", 0.5, 0.0),
    Effect("contaminated", "instrument", "", "share of tubes whose Kβ and tungsten lines show", 0.3, 0.0),
    Effect("k_beta", "instrument", "", "weight of the Kβ line relative to Kα1", LogUniform(1e-3, 0.03), None),
    Effect("tungsten", "instrument", "", "weight of the W Lα line relative to Kα1", LogUniform(1e-4, 0.01), None),
    Effect("axial", "instrument", "", "(S + H)/L of the axial divergence", Uniform(0.0, 0.05), 0.0),
    Effect("overspill", "instrument", "", "specimen length over footprint at θ = 90°; spills below sinθ = 1/overspill",
           LogUniform(2.5, 10.0), None),
    Effect("spilling", "instrument", "", "share of instruments whose beam spills over", 0.3, 0.0),
    Effect("automatic", "instrument", "", "share of instruments with an automatic slit", 0.1, 0.0),
    Effect("roughness", "specimen", "", "p of Suortti's correction", Uniform(0.0, 0.5), None),
    Effect("rough", "specimen", "", "share of rough surfaces", 0.2, 0.0),
    Effect("transparency", "specimen", "°", "1/(2 μ R)", LogUniform(1e-4, 0.05), 0.0),
    Effect("zero", "instrument", "°", "zero error", Normal(0.0, 0.05), 0.0),
    Effect("displacement", "specimen", "mm", "specimen displacement on a 185 mm goniometer", Normal(0.0, 0.27), 0.0),
    Effect("background", "background", "", "mean level relative to the strongest peak", LogUniform(1e-4, 3.0), 0.0),
    Effect("slope", "background", "", "Chebyshev coefficients 1-4 relative to the mean level", Normal(0.0, 0.15), 0.0),
    Effect("air", "background", "", "air scatter ~1/2θ at the low end relative to the mean level",
           LogUniform(0.01, 3.0), 0.0),
    Effect("hump", "background", "", "height of an amorphous hump relative to the strongest peak",
           LogUniform(0.005, 0.5), 0.0),
    Effect("humps", "background", "", "share of samples with humps", 0.5, 0.0),
    Effect("counts", "scan", "", "counts at the strongest peak", LogUniform(35.0, 1e5), 0.0),
    Effect("smoothed", "scan", "", "share of scans that were smoothed before they were stored", 0.1, 0.0),
    Effect("smoothing", "scan", "°", "half width of the moving average", LogUniform(0.02, 0.1), None),
    Effect("spiked", "scan", "", "share of scans with one to three spikes", 0.03, 0.0),
    Effect("start", "scan", "°", "where the scan begins", Uniform(5.0, 25.0), 0.0),
    Effect("stop", "scan", "°", "where the scan ends", Uniform(60.0, 110.0), 180.0),
    Effect("phases", "mixture", "", "number of phases of the library in a sample, rounded down",
           Uniform(0.0, 5.0), 1.0),
    Effect("dominance", "mixture", "", "width of the log-normal of weight fractions; 0 makes all phases equal",
           Constant(1.2), None),
    Effect("strangers", "mixture", "", "share of samples that hold a phase which is not in the library", 0.5, 0.0),
)
# fmt: on
EFFECTS: dict[str, Effect] = {effect.name: effect for effect in _ROWS}
"""Each effect by name, in the order of a recipe's fields."""


def varied(name: str) -> Any:
    """The default distribution or share of an effect, which is the default of the recipe field of this name."""
    return EFFECTS[name].default
