"""Instrument as a text file (TOML).

    name = "D8, calibrated with LaB6_660c"
    lines = [[1.5405929, 1.0], [1.5444274, 0.5]]   # wavelength in Å, weight
    radius = 217.5

Fields that are not given keep the defaults of `Instrument`. Its docstring explains each of them.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bragglens.errors import RecipeError
from bragglens.files import whole_file
from bragglens.simulate.geometry import GEOMETRIES
from bragglens.simulate.instrument import Instrument, Line, emission
from bragglens.simulate.radiation import RADIATIONS
from bragglens.simulate.toml_file import as_toml, is_number, read_toml

_DEFAULT = Instrument(emission("CuKa"))
_NAMES = tuple(field.name for field in fields(Instrument))
_FROM_ZERO = ("divergence", "axial", "X", "Y")  # cannot be negative
_ABOVE_ZERO = ("radius", "specimen_length")
_FAMILIES: dict[str, tuple[str, ...]] = {"radiation": tuple(RADIATIONS), "geometry": tuple(GEOMETRIES)}


def read_instrument(path: str | Path) -> Instrument:
    """Read an instrument. Fields that the file does not name keep their defaults, but `lines` is required.

    Raises:
        RecipeError: the file is missing or damaged, or has a field or value that is not possible.
    """
    missing = "there is no such file: `bragglens calibrate -o` makes one"
    given = read_toml(Path(path), what="an instrument", missing=missing, command="bragglens calibrate -o")
    try:
        if "lines" not in given:
            raise RecipeError('it has no emission lines: add lines = "CuKa", or [[wavelength in Å, weight], ...]')
        return replace(_DEFAULT, **{name: _value(name, entry) for name, entry in given.items()})
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def write_instrument(instrument: Instrument, path: str | Path) -> None:
    """Write an instrument so that `read_instrument` gives the same instrument.

    Raises:
        BragglensError: the file cannot be written there.
    """
    with whole_file(path) as handle:
        handle.write(instrument_toml(instrument).encode())


def instrument_toml(instrument: Instrument) -> str:
    """An instrument as TOML."""
    rows = [f"{name} = {_entry(getattr(instrument, name))}" for name in ("name", *(n for n in _NAMES if n != "name"))]
    head = "# An instrument of bragglens: lines as [wavelength in Å, weight]; mm and degrees elsewhere."
    return "\n".join((head, *rows)) + "\n"


def _value(name: str, entry: Any) -> Any:
    """The value of an entry of a file. Its type is that of the field's default."""
    if name not in _NAMES:
        close = get_close_matches(name, _NAMES, n=1)
        raise RecipeError(f"an instrument has no field '{name}': use {close[0] if close else ', '.join(_NAMES)}")
    if name == "lines":
        return emission(entry) if isinstance(entry, str) else _lines(entry)
    if isinstance(getattr(_DEFAULT, name), str | bool):
        kind = type(getattr(_DEFAULT, name))
        if not isinstance(entry, kind):
            raise RecipeError(f"{name} cannot be {entry!r}: give {'true or false' if kind is bool else 'a text'}")
        if name in _FAMILIES and entry not in _FAMILIES[name]:
            raise RecipeError(f"{name} '{entry}' is not known: choose one of {', '.join(_FAMILIES[name])}")
        return entry
    number = _number(entry)
    if number is None:
        raise RecipeError(f"{name} cannot be {entry!r}: give a number")
    low = number < 0 if name in _FROM_ZERO else number <= 0 if name in _ABOVE_ZERO else False
    if low or (name == "polarised" and abs(number) >= 1):
        raise RecipeError(f"{name} cannot be {number:g}: see the docstring of Instrument for its range")
    return number


def _number(entry: Any) -> float | None:
    """A finite number, or None."""
    return float(entry) if is_number(entry) and abs(entry) < 1e6 and math.isfinite(entry) else None


def _lines(entry: Any) -> tuple[Line, ...]:
    rows = entry if isinstance(entry, list) else []
    pairs = [tuple(map(_number, row)) for row in rows if isinstance(row, list) and len(row) == 2]
    lines = tuple(Line(w, weight) for w, weight in pairs if w is not None and weight is not None)
    if not lines or len(lines) != len(rows) or not all(0.05 < line.wavelength < 5 <= 5 + line.weight for line in lines):
        raise RecipeError("its lines cannot be used: give [[wavelength in Å, weight], ...], the strongest first")
    return lines


def _entry(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, tuple):
        return f"[{', '.join(f'[{line.wavelength!r}, {line.weight!r}]' for line in value)}]"
    return as_toml(value)
