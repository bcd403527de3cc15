"""Instrument: what the diffractometer contributes to a pattern."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bragglens.errors import RecipeError

# Kα1, Kα2 and Kβ wavelengths in Å. Cr, Fe, Co, Cu: Hölzer et al. (1997), Phys. Rev. A 56, 4554, table III.
# Mo, Ag: Deslattes et al. (2003), Rev. Mod. Phys. 75, 35, table V.
TUBES = {
    "Cr": (2.2897260, 2.2936510, 2.0848810),
    "Fe": (1.9360410, 1.9399730, 1.7566040),
    "Co": (1.7889960, 1.7928350, 1.6208260),
    "Cu": (1.5405929, 1.5444274, 1.3922340),
    "Mo": (0.7093172, 0.7136070, 0.6323030),
    "Ag": (0.5594218, 0.5638131, 0.4970830),
}
TUNGSTEN = 1.4763870  # Å, W Lα1 (Deslattes et al. 2003): tungsten from the filament on an old anode
SHORTEST_WAVE, LONGEST_WAVE = 0.05, 5.0  # Å; no powder diffractometer works outside this range
SAME_TUBE = 5e-4  # relative; published tables of the last sixty years differ by less
_NEAR_A_TUBE = 3e-3  # relative; rounded wavelengths in headers, such as 1.79 for Co, are this near (judgement)
_K_ALPHA_2_WEIGHT = 0.5  # statistical weight of the 2p½ level


@dataclass(frozen=True)
class Line:
    """One line of an emission spectrum: wavelength in Å, and weight relative to the strongest line."""

    wavelength: float
    weight: float


@dataclass(frozen=True)
class Instrument:
    """A powder diffractometer.

    Attributes:
        lines: emission lines, the strongest first.
        radius: goniometer radius in mm.
        monochromator: 2θ of a diffracted- or incident-beam monochromator in degrees, 0 for none.
        polarised: linear polarisation of the source perpendicular to the diffraction plane: 0 for a tube, near 1 for a
            synchrotron.
        divergence: opening of a fixed divergence slit in degrees. 0 means so small that there is no overspill.
        specimen_length: length of the specimen along the beam in mm.
        automatic_slit: whether the slit opens with the angle and irradiates a constant length.
        axial: (S + H)/L, half height of specimen plus half height of the receiving slit over the radius.
        U, V, W: Gaussian resolution in degrees², H² = U tan²θ + V tanθ + W (Caglioti et al. 1958).
        X, Y: Lorentzian resolution in degrees, H = X/cosθ + Y tanθ.
        zero: zero shift of 2θ in degrees, added to every angle.
        radiation: a member of `radiation.RADIATIONS`.
        geometry: a member of `geometry.GEOMETRIES`.
        name: name of the instrument.
    """

    lines: tuple[Line, ...]
    radius: float = 185.0
    monochromator: float = 0.0
    polarised: float = 0.0
    divergence: float = 0.0
    specimen_length: float = 20.0
    automatic_slit: bool = False
    axial: float = 0.0
    U: float = 0.0
    V: float = 0.0
    W: float = 0.0036
    X: float = 0.0
    Y: float = 0.0
    zero: float = 0.0
    radiation: str = "x-ray"
    geometry: str = "bragg-brentano"
    name: str = ""

    @property
    def polarisation(self) -> float:
        """K in (1 + K cos²2θ): cos² of the monochromator's 2θ (Azároff 1955, Acta Cryst. 8, 701), (1 - P)/(1 + P)."""
        return math.cos(math.radians(self.monochromator)) ** 2 * (1 - self.polarised) / (1 + self.polarised)

    @property
    def spill(self) -> float:
        """Specimen length over the beam's footprint at θ = 90°, or 0 if there is no overspill."""
        if not self.divergence or self.automatic_slit:
            return 0.0
        return self.specimen_length / (self.radius * math.radians(self.divergence))


def of_a_tube(wavelength: float) -> bool:
    """Whether a wavelength in Å is a line of an X-ray tube, as headers round it, and not that of a synchrotron."""
    return any(abs(wavelength / line - 1) < _NEAR_A_TUBE for lines in TUBES.values() for line in lines)


def emission(text: str, *, k_beta: float = 0.0, tungsten: float = 0.0) -> tuple[Line, ...]:
    """Emission lines by name or by wavelength.

    Args:
        text: a tube such as `CuKa` (the doublet) or `CuKa1` (the first line alone), one wavelength in Å such as
            `1.5406`, or a doublet such as `1.5406/1.5444`. The mean of a doublet, such as 1.5418, stands for the
            doublet.
        k_beta: weight of the tube's Kβ line behind the filter.
        tungsten: weight of the W Lα line.

    Raises:
        RecipeError: the text is none of these.
    """
    name = text.strip().replace("α", "a")
    anode, line = name[:2].capitalize(), name[2:].lower().lstrip("-_ ")
    if anode in TUBES and line in ("", "ka", "ka1", "ka1,2", "ka12"):
        first, second, beta = TUBES[anode]
        lines = [Line(first, 1.0)] if line == "ka1" else [Line(first, 1.0), Line(second, _K_ALPHA_2_WEIGHT)]
        lines += [Line(beta, k_beta)] if k_beta else []
        return (*lines, *([Line(TUNGSTEN, tungsten)] if tungsten else []))
    try:
        values = [float(part) for part in name.split("/")]
    except ValueError:
        values = []
    if len(values) == 1 and (doublet := _unresolved(values[0])):
        values = list(doublet)
    if len(values) in (1, 2) and all(SHORTEST_WAVE < value < LONGEST_WAVE for value in values):
        return tuple(Line(value, weight) for value, weight in zip(values, (1.0, _K_ALPHA_2_WEIGHT), strict=False))
    raise RecipeError(
        f"wavelength '{text}' is not known: give a tube ({', '.join(f'{a}Ka' for a in TUBES)}; CuKa1 for the "
        "first line alone), Å (1.5406), or a doublet (1.5406/1.5444)"
    )


def strongest_line(wavelength: float) -> float:
    """The emission line in Å for a stated wavelength: Kα1 if the mean of Kα1 and Kα2 is stated.

    The peak maxima of a scan with the doublet are those of Kα1, but RRUFF and others state 1.5418 Å for it.
    """
    doublet = _unresolved(wavelength)
    return doublet[0] if doublet else wavelength


def _unresolved(wavelength: float) -> tuple[float, float] | None:
    """The doublet whose weighted mean this wavelength is, or None."""
    for first, second, _ in TUBES.values():
        mean = (first + _K_ALPHA_2_WEIGHT * second) / (1 + _K_ALPHA_2_WEIGHT)
        if abs(wavelength - mean) < 1e-4 * mean:
            return first, second
    return None
