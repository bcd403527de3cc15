"""Stated: options as people write them, on the command line and in a form."""

from __future__ import annotations

from bragglens.errors import BragglensError
from bragglens.simulate.instrument import emission


def stated_wavelength(text: str | None) -> float | None:
    """Å of the strongest line that a text such as `CuKa` or `1.5406` names, None where there is none.

    Raises:
        RecipeError: it names no wavelength.
    """
    return emission(text)[0].wavelength if text else None


def internal_standard(text: str | None) -> tuple[str, float] | None:
    """Name and wt% from a text such as `corundum=20`, None where there is none.

    Raises:
        BragglensError: it is not of that form.
    """
    if not text:
        return None
    name, _, weight = text.rpartition("=")
    try:
        return name.strip(), float(weight.removesuffix("%"))
    except ValueError:
        raise BragglensError(f"standard '{text}': give its name and wt% of the specimen: corundum=20") from None
