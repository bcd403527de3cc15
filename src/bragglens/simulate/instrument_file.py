"""Instrument as a text file (TOML) that people write and read.

    name = "D8 in room 12, calibrated with LaB6_660c"
    lines = [[1.5405929, 1.0], [1.5444274, 0.5]]   # wavelength in Å, weight
    radius = 217.5

Fields that are not given keep the defaults of `Instrument`, whose docstring says what each one means.
"""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bragglens.errors import RecipeError
from bragglens.files import read_bytes, whole_file
from bragglens.simulate.instrument import Instrument, Line, emission

_DEFAULT = Instrument(emission("CuKa"))
_NAMES = tuple(field.name for field in fields(Instrument))
_LARGEST = 2**20  # bytes
_FROM_ZERO = ("divergence", "axial", "X", "Y")  # cannot be negative
_ABOVE_ZERO = ("radius", "specimen_length")


def read_instrument(path: str | Path) -> Instrument:
    """Read an instrument; fields that the file does not name keep their defaults, `lines` must be there.

    Raises:
        RecipeError: the file is missing or damaged, or holds a field or value that cannot be.
    """
    given = _toml(Path(path))
    try:
        if "lines" not in given:
            raise RecipeError('it has no emission lines: add lines = "CuKa", or [[wavelength in Å, weight], ...]')
        return replace(_DEFAULT, **{name: _value(name, entry) for name, entry in given.items()})
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def write_instrument(instrument: Instrument, path: str | Path) -> None:
    """Write an instrument so that `read_instrument` gives the same again.

    Raises:
        BragglensError: it cannot be written there.
    """
    with whole_file(path) as handle:
        handle.write(instrument_toml(instrument).encode())


def instrument_toml(instrument: Instrument) -> str:
    """An instrument as TOML."""
    rows = [f"{name} = {_entry(getattr(instrument, name))}" for name in ("name", *(n for n in _NAMES if n != "name"))]
    head = "# An instrument of bragglens: lines as [wavelength in Å, weight]; mm and degrees elsewhere."
    return "\n".join((head, *rows)) + "\n"


def _toml(path: Path) -> dict[str, Any]:
    missing = "there is no such file: `bragglens calibrate -o` makes one"
    content = read_bytes(path, RecipeError, largest=_LARGEST, what="an instrument", missing=missing)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: is no text: give a TOML file, as `bragglens calibrate` writes") from None
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: is no TOML ({error}): mend it there") from None


def _value(name: str, entry: Any) -> Any:
    """What an entry of a file stands for; its kind is that of the field's default."""
    if name not in _NAMES:
        close = get_close_matches(name, _NAMES, n=1)
        raise RecipeError(f"an instrument has no field '{name}': use {close[0] if close else ', '.join(_NAMES)}")
    if name == "lines":
        return emission(entry) if isinstance(entry, str) else _lines(entry)
    if isinstance(getattr(_DEFAULT, name), str | bool):
        kind = type(getattr(_DEFAULT, name))
        if not isinstance(entry, kind):
            raise RecipeError(f"{name} cannot be {entry!r}: give {'true or false' if kind is bool else 'a text'}")
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
    if isinstance(entry, bool) or not isinstance(entry, int | float):
        return None
    return float(entry) if abs(entry) < 1e6 and math.isfinite(entry) else None


def _lines(entry: Any) -> tuple[Line, ...]:
    rows = entry if isinstance(entry, list) else []
    pairs = [tuple(map(_number, row)) for row in rows if isinstance(row, list) and len(row) == 2]
    lines = tuple(Line(w, weight) for w, weight in pairs if w is not None and weight is not None)
    if not lines or len(lines) != len(rows) or not all(0.05 < line.wavelength < 5 <= 5 + line.weight for line in lines):
        raise RecipeError("its lines cannot be used: give [[wavelength in Å, weight], ...], the strongest first")
    return lines


def _entry(value: Any) -> str:
    """A value as TOML; a number is written with all the digits it takes to be read the same."""
    if isinstance(value, tuple):
        return f"[{', '.join(f'[{line.wavelength!r}, {line.weight!r}]' for line in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(float(value))
