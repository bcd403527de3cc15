"""Stated: options as people write them, on the command line, in a form and in Python."""

from __future__ import annotations

from pathlib import Path

from bragglens.errors import BragglensError
from bragglens.simulate.instrument import LONGEST_WAVE, SHORTEST_WAVE, Instrument, emission
from bragglens.simulate.instrument_file import read_instrument


def stated_wavelength(value: float | str | None) -> float | None:
    """Å of the strongest line that is meant by `CuKa`, `1.5406` or 1.5406; None where nothing is stated.

    Raises:
        BragglensError: it names no wavelength.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return emission(value)[0].wavelength
    try:
        wavelength = float(value)
    except (TypeError, ValueError):
        raise BragglensError(f"wavelength {value!r}: is no wavelength: give 'CuKa', or Å such as 1.5406") from None
    if not SHORTEST_WAVE < wavelength < LONGEST_WAVE:
        raise BragglensError(f"wavelength {wavelength:g}: is none in Å of a diffractometer: give 1.5406, or 'CuKa'")
    return wavelength


def stated_instrument(value: Instrument | str | Path | None) -> Instrument | None:
    """The instrument that is meant by an instrument, or by the file that `calibrate` wrote; None where there is none.

    Raises:
        BragglensError: the file cannot be read, or is none of an instrument.
    """
    return value if value is None or isinstance(value, Instrument) else read_instrument(value)


def internal_standard(value: str | tuple[str, float] | None) -> tuple[str, float] | None:
    """Name and wt% that are meant by `corundum=20` or ("corundum", 20); None where nothing is stated.

    Raises:
        BragglensError: it is not of that form.
    """
    if value is None or value == "":
        return None
    name, _, weight = value.rpartition("=") if isinstance(value, str) else (value[0], "", value[-1])
    try:
        return str(name).strip(), float(weight.removesuffix("%") if isinstance(weight, str) else weight)
    except ValueError:
        raise BragglensError(f"standard '{value}': give its name and wt% of the specimen: corundum=20") from None
