"""Options: how a scan is identified; one set for the command line, the HTTP API and Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from bragglens.crystal.choice import Elements, read_choice
from bragglens.errors import BragglensError
from bragglens.policy import DEFAULT, Policy, policy_of
from bragglens.simulate.instrument import LONGEST_WAVE, SHORTEST_WAVE, Instrument, emission
from bragglens.simulate.instrument_file import read_instrument

_COLDEST, _HOTTEST = -273.15, 4000.0  # °C


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of `identify` as numbers and plain text; `read_options` makes them from user input.

    Attributes:
        wavelength: Å of the scan's strongest line, which overrides the file; None takes that of the file.
        wavelength_if_missing: Å of the strongest line, for a file that states none.
        elements: a choice of elements as `read_choice` writes it, `Ti,O` or `-Fe`; None allows all phases.
        network_only: whether the fit is left out.
        particle_size: grain diameter in µm; 0 corrects no microabsorption, None is not known.
        standard: name of the internal standard and its wt% of the specimen.
        instrument: the diffractometer as `calibrate` measured it.
        temperature: °C of the specimen during the measurement; None is room temperature.
        policy: the thresholds that decide.

    Raises:
        BragglensError: a value is not possible, or two options exclude each other.
    """

    wavelength: float | None = None
    wavelength_if_missing: float | None = None
    elements: str | None = None
    network_only: bool = False
    particle_size: float | None = None
    standard: tuple[str, float] | None = None
    instrument: Instrument | None = None
    temperature: float | None = None
    policy: Policy = DEFAULT

    def __post_init__(self) -> None:
        if self.network_only and (self.particle_size is not None or self.standard is not None):
            raise BragglensError("with --network-only there are no fractions: leave out particle size and standard")
        size = self.particle_size
        if size is not None and not (isfinite(size) and size >= 0):
            raise BragglensError(
                f"a particle size of {size:g} µm is not possible: give the grains' diameter, 0 for none"
            )
        warm = self.temperature
        if warm is not None and not _COLDEST <= warm <= _HOTTEST:
            raise BragglensError(f"a temperature of {warm:g} °C is not possible: give that of the specimen in °C")
        if self.standard is not None and not 0 < self.standard[1] < 100:
            name, weight = self.standard
            raise BragglensError(f"standard '{name}': {weight:g} wt% is not possible: give its share of the specimen")

    def given(self) -> dict[str, Any]:
        """The options that differ from their defaults, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: v for name, v in values.items() if v is not None and v is not False and v != DEFAULT}

    def recorded(self) -> dict[str, Any]:
        """The same as an answer records them, in JSON values; its policy has a field of its own."""
        plain = {name: value for name, value in self.given().items() if name != "policy"}
        return plain | ({"instrument": self.instrument.name} if self.instrument else {})


def read_options(**written: Any) -> Options:
    """Options from the forms that users write: on the command line, in a form, in a table and in Python.

    Args:
        written: fields of `Options`, in any form that `identify` takes. None and an empty text count as not given.

    Raises:
        BragglensError: one of them is not understood, or not possible.
    """
    return Options(**{name: _READERS[name](value) for name, value in written.items() if value is not None})


def _wavelength(value: float | str) -> float | None:
    """Å of the strongest line for `CuKa`, `1.5406` or 1.5406."""
    if isinstance(value, str):
        return emission(value)[0].wavelength if value.strip() else None
    try:
        wavelength = float(value)
    except (TypeError, ValueError):
        raise BragglensError(f"wavelength {value!r}: is not a wavelength: give 'CuKa', or Å such as 1.5406") from None
    if not SHORTEST_WAVE < wavelength < LONGEST_WAVE:
        raise BragglensError(
            f"wavelength {wavelength:g} Å: is not possible for a diffractometer: give 1.5406, or 'CuKa'"
        )
    return wavelength


def _elements(value: Elements) -> str | None:
    """The choice of elements in its standard spelling."""
    return str(read_choice(value)) or None


def _number(what: str, advice: str, value: float | str) -> float | None:
    """A number or its text, with a decimal point or comma."""
    if isinstance(value, str) and not value.strip():
        return None
    try:
        return float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        raise BragglensError(f"{what} '{value}' is not a number: give {advice}") from None


def _standard(value: str | tuple[str, float]) -> tuple[str, float] | None:
    """Name and wt% for `corundum=20` or ("corundum", 20)."""
    if isinstance(value, str) and not value.strip():
        return None
    name, _, weight = value.rpartition("=") if isinstance(value, str) else (value[0], "", value[-1])
    try:
        return str(name).strip(), float(weight.strip().removesuffix("%") if isinstance(weight, str) else weight)
    except ValueError:
        raise BragglensError(f"standard '{value}': give its name and wt% of the specimen: corundum=20") from None


def _instrument(value: Instrument | str | Path) -> Instrument:
    """The instrument itself, or the one in a file that `calibrate` wrote."""
    return value if isinstance(value, Instrument) else read_instrument(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "wavelength": _wavelength,
    "wavelength_if_missing": _wavelength,
    "elements": _elements,
    "network_only": bool,
    "particle_size": partial(_number, "particle size", "the grain diameter in µm"),
    "standard": _standard,
    "instrument": _instrument,
    "temperature": partial(_number, "temperature", "that of the specimen in °C"),
    "policy": policy_of,
}
