"""Instrument: what the diffractometer puts into a pattern."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bragglens.errors import RecipeError

# Kα1 and Kα2 wavelengths in Å. Cr, Fe, Co, Cu: Hölzer et al. (1997), Phys. Rev. A 56, 4554, table III.
# Mo, Ag: Deslattes et al. (2003), Rev. Mod. Phys. 75, 35, table V.
_K_ALPHA = {
    "Cr": (2.2897260, 2.2936510),
    "Fe": (1.9360410, 1.9399730),
    "Co": (1.7889960, 1.7928350),
    "Cu": (1.5405929, 1.5444274),
    "Mo": (0.7093172, 0.7136070),
    "Ag": (0.5594218, 0.5638131),
}
_K_ALPHA_2_WEIGHT = 0.5  # statistical weight of the 2p½ level


@dataclass(frozen=True)
class Line:
    """One line of an emission spectrum: wavelength in Å, weight relative to the strongest."""

    wavelength: float
    weight: float


@dataclass(frozen=True)
class Instrument:
    """A Bragg-Brentano diffractometer.

    Attributes:
        lines: emission lines, the strongest first.
        radius: goniometer radius in mm.
        monochromator: 2θ of a diffracted- or incident-beam monochromator in degrees, 0 for none.
        U, V, W: Gaussian resolution in degrees², H² = U tan²θ + V tanθ + W (Caglioti et al. 1958).
        X, Y: Lorentzian resolution in degrees, H = X/cosθ + Y tanθ.
        zero: error of the 2θ zero in degrees, added to every angle.
    """

    lines: tuple[Line, ...]
    radius: float = 185.0
    monochromator: float = 0.0
    U: float = 0.0
    V: float = 0.0
    W: float = 0.0036
    X: float = 0.0
    Y: float = 0.0
    zero: float = 0.0

    @property
    def polarisation(self) -> float:
        """K in the polarisation factor (1 + K cos²2θ): cos² of the monochromator's 2θ (Azároff 1955)."""
        return math.cos(math.radians(self.monochromator)) ** 2


def emission(text: str) -> tuple[Line, ...]:
    """Emission lines by name or by number.

    Args:
        text: a tube such as `CuKa` (the doublet) or `CuKa1` (the first line alone), one wavelength in Å such as
            `1.5406`, or a doublet such as `1.5406/1.5444`.

    Raises:
        RecipeError: the text is none of these.
    """
    name = text.strip().replace("α", "a")
    anode, line = name[:2].capitalize(), name[2:].lower().lstrip("-_ ")
    if anode in _K_ALPHA and line in ("", "ka", "ka1", "ka1,2", "ka12"):
        first, second = _K_ALPHA[anode]
        return (Line(first, 1.0),) if line == "ka1" else (Line(first, 1.0), Line(second, _K_ALPHA_2_WEIGHT))
    try:
        values = [float(part) for part in name.split("/")]
    except ValueError:
        values = []
    if len(values) == 1 and (doublet := _unresolved(values[0])):
        values = list(doublet)
    if len(values) in (1, 2) and all(0.05 < value < 5 for value in values):
        return tuple(Line(value, weight) for value, weight in zip(values, (1.0, _K_ALPHA_2_WEIGHT), strict=False))
    raise RecipeError(
        f"wavelength '{text}' is not known: give a tube ({', '.join(f'{a}Ka' for a in _K_ALPHA)}; CuKa1 for the "
        "first line alone), Å (1.5406), or a doublet (1.5406/1.5444)"
    )


def strongest_line(wavelength: float) -> float:
    """The line in Å that a stated wavelength stands for: Kα1 where a file states the mean of Kα1 and Kα2.

    A scan that was taken with the doublet has its peaks' tops at Kα1, but RRUFF and others state 1.5418 Å for it.
    """
    doublet = _unresolved(wavelength)
    return doublet[0] if doublet else wavelength


def _unresolved(wavelength: float) -> tuple[float, float] | None:
    """The doublet whose weighted mean this is, or None."""
    for first, second in _K_ALPHA.values():
        mean = (first + _K_ALPHA_2_WEIGHT * second) / (1 + _K_ALPHA_2_WEIGHT)
        if abs(wavelength - mean) < 1e-4 * mean:
            return first, second
    return None
