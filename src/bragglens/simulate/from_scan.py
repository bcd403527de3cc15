"""Instrument from the header of a scan: `instrument_of`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from bragglens.errors import RecipeError
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import SAME_TUBE, Instrument, Line, emission
from bragglens.simulate.instrument_file import read_instrument
from bragglens.simulate.presets import GRAPHITE, NICKEL, preset, soller

_ANODES = ("Cr", "Fe", "Co", "Cu", "Mo", "Ag")
_BETA_FILTERS = {"Cr": "V", "Fe": "Mn", "Co": "Fe", "Cu": "Ni", "Mo": "Zr", "Ag": "Rh"}  # that absorb Kβ


def starting_instrument(scan: Scan, *, instrument: str | None = None, wavelength: str | None = None) -> Instrument:
    """Starting instrument of a fit, from the user's options and the header of the scan.

    Args:
        scan: the measured scan.
        instrument: name of a preset, or path of an instrument file. Values in the header of the scan replace its
            values.
        wavelength: text for `instrument.emission`. It takes precedence over all others.

    Raises:
        RecipeError: the instrument does not exist, or no wavelength is given anywhere.
    """
    start = None
    if instrument is not None:
        start = read_instrument(instrument) if instrument.endswith(".toml") else preset(instrument)
    if wavelength is not None:
        lines = emission(wavelength)
        start = replace(start, lines=lines) if start else Instrument(lines)
        scan = replace(scan, wavelength=None)
    return instrument_of(scan, start=start)


@dataclass(frozen=True)
class _Stated:
    """Fields of an instrument that a header states, and words that name them."""

    fields: dict[str, Any]
    words: tuple[str, ...]


def instrument_of(scan: Scan, *, start: Instrument | None = None) -> Instrument:
    """The instrument that measured a scan: what its header states, and all else from `start` or the defaults.

    Wavelengths of known tubes are put on the scale of `instrument.emission`, on which standards are certified. If Kα1
    alone is stated, it stands for the doublet, unless the header also states a monochromator that removes Kα2. The
    field `name` says what was stated.

    Raises:
        RecipeError: neither the scan nor `start` has a wavelength.
    """
    base = start or Instrument(_lines(scan))
    stated = _stated(scan)
    lines = _lines(scan) if scan.wavelength else base.lines
    said = ", ".join((("wavelength",) if scan.wavelength else ()) + stated.words)
    rest = base.name if start is not None and base.name else "defaults"
    name = f"{scan.name}: {said} as stated, the rest {rest}" if said else rest
    return replace(base, lines=lines, name=name, **stated.fields)


def _stated(scan: Scan) -> _Stated:
    fields: dict[str, Any] = {}
    words = []
    radius, slit = _number(scan, "radius_mm"), _number(scan, "divergence_slit_deg")
    lit, opening = _number(scan, "automatic_slit_mm"), _number(scan, "soller_rad")
    if radius and 20 < radius < 5000:
        fields["radius"] = radius
        words.append("radius")
    if lit and 1 <= lit < 100:
        fields |= {"automatic_slit": True, "specimen_length": lit}
        words.append("automatic slit")
    elif slit and slit < 10:
        fields |= {"automatic_slit": False, "divergence": slit}
        words.append("divergence slit")
    if opening and opening < 0.3:
        fields["axial"] = soller(math.degrees(opening))
        words.append("Soller slit")
    if "graphite" in scan.metadata.get("monochromator", "").lower():
        fields["monochromator"] = GRAPHITE
        words.append("monochromator")
    return _Stated(fields, tuple(words))


def _number(scan: Scan, key: str) -> float | None:
    """The positive number at the beginning of an entry, or None."""
    found = re.match(r"\s*(\d+(?:\.\d*)?(?:e-?\d+)?)", scan.metadata.get(key, ""), re.IGNORECASE)
    return (float(found[1]) or None) if found else None


def _lines(scan: Scan) -> tuple[Line, ...]:
    """Emission lines for the wavelength that the scan states."""
    if scan.wavelength is None:
        raise RecipeError(
            f"{scan.name}: does not state its wavelength: give one with --wavelength, such as CuKa, or an instrument"
        )
    stated = emission(f"{scan.wavelength}")
    for anode in _ANODES:
        doublet = emission(f"{anode}Ka")
        if abs(stated[0].wavelength / doublet[0].wavelength - 1) < SAME_TUBE:
            filtered = scan.metadata.get("filter", "").startswith(_BETA_FILTERS[anode])
            return doublet[:1] if _alone(scan) else emission(f"{anode}Ka", k_beta=NICKEL if filtered else 0.0)
    return stated


def _alone(scan: Scan) -> bool:
    """Whether Kα1 was used alone: with a germanium or hybrid monochromator, or if the header gives Kα2 the weight 0."""
    crystal = re.search(r"incident.*(Ge|hybrid)", scan.metadata.get("monochromator", ""), re.IGNORECASE)
    weight = scan.metadata.get("wavelength_2_weight", "")
    return crystal is not None or re.fullmatch(r"0*\.?0*", weight or "1") is not None
