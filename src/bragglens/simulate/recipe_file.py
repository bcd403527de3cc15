"""Recipe as a text file (TOML).

A plain number is a share of samples. A distribution is a table of one entry: its name, and its one or two numbers.

    strangers = 0.5
    size = { loguniform = [4.0, 300.0] }

Fields that are not given keep their defaults. Meaning, unit and limits of each field are in `effects.EFFECTS`.
"""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from bragglens.errors import RecipeError
from bragglens.files import whole_file
from bragglens.simulate.draws import Constant, Distribution, LogUniform, Normal, Uniform
from bragglens.simulate.effects import EFFECTS
from bragglens.simulate.instrument import emission
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.toml_file import as_toml, is_number, read_toml

FAMILIES: dict[str, type[Distribution]] = {
    "constant": Constant,
    "uniform": Uniform,
    "loguniform": LogUniform,
    "normal": Normal,
}
DEFAULTS: dict[str, Distribution | float | str] = vars(Recipe())
_COMMAND = "bragglens recipe show --toml"
_ENDS = np.array([2.0**-54, 1 - 2.0**-53])  # smallest and largest argument of a quantile
_MOST_STRAIN = 0.5  # of `Recipe.strain_margin`; above, too many reflections could come into range
_WIDTH = 110
_WAVELENGTH = "tube or wavelength: CuKa, CuKa1, 1.5406 or 1.5406/1.5444, as `instrument.emission` reads it"


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe. Fields that the file does not name keep their defaults.

    Raises:
        RecipeError: the file is missing or damaged, or has a field or value that is not possible.
    """
    given: dict[str, Any] = {}
    missing = f"there is no such file: start one with `{_COMMAND} > {Path(path).name}`"
    for name, entry in read_toml(Path(path), what="a recipe", missing=missing, command=_COMMAND).items():
        try:
            given[name] = _value(name, entry)
            _check(name, given[name])
        except RecipeError as error:
            raise RecipeError(f"{path}: {name}: {error}") from None
    recipe = Recipe(**given)
    try:
        _check_whole(recipe)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None
    return recipe


def write_recipe(recipe: Recipe, path: str | Path) -> None:
    """Write a recipe so that `read_recipe` gives the same recipe.

    Raises:
        RecipeError: the recipe has a value that is not possible.
        BragglensError: the file cannot be written there.
    """
    text = recipe_toml(recipe)
    with whole_file(path) as handle:
        handle.write(text.encode())


def recipe_toml(recipe: Recipe) -> str:
    """A recipe as TOML, with the meaning of each field above it.

    Raises:
        RecipeError: the recipe has a value that is not possible.
    """
    said = meanings()
    paragraphs = [_head()]
    for name, value in vars(recipe).items():
        try:
            _check(name, value)
        except RecipeError as error:
            raise RecipeError(f"{name}: {error}") from None
        symbol = f" [{unit(name)}]" if unit(name) else ""
        paragraphs.append(f"{_comment(said[name] + symbol)}\n{name} = {_entry(value)}")
    _check_whole(recipe)
    return "\n\n".join(paragraphs) + "\n"


def meanings() -> dict[str, str]:
    """The meaning of each field of a recipe."""
    return {"wavelength": _WAVELENGTH, **{name: effect.meaning for name, effect in EFFECTS.items()}}


def unit(name: str) -> str:
    """The unit of a field, or '' for a pure number."""
    return EFFECTS[name].unit if name in EFFECTS else "Å"


def family(distribution: Distribution) -> str:
    """The name of a distribution in a file."""
    return next(name for name, kind in FAMILIES.items() if type(distribution) is kind)


def _value(name: str, entry: Any) -> Distribution | float | str:
    """The value of an entry of a file. Its type is that of the field's default."""
    if name not in DEFAULTS:
        close = get_close_matches(name, DEFAULTS, n=1)
        hint = f"is '{close[0]}' meant?" if close else "`bragglens recipe show` lists all fields"
        raise RecipeError(f"a recipe has no such field: {hint}")
    default = DEFAULTS[name]
    if isinstance(default, str):
        return str(entry) if isinstance(entry, str) or is_number(entry) else _refuse(entry, 'a text such as "CuKa"')
    if isinstance(default, float):
        return _number(entry) if is_number(entry) else _refuse(entry, "a share from 0 to 1 such as 0.5")
    return _distribution(entry, default)


def _distribution(entry: Any, default: Distribution) -> Distribution:
    example = f"a distribution such as {_entry(default)}"
    if not isinstance(entry, dict) or len(entry) != 1:
        _refuse(entry, example)
    ((name, content),) = entry.items()
    if name not in FAMILIES:
        raise RecipeError(f"distribution '{name}' is not known: choose one of {', '.join(FAMILIES)}")
    kind = FAMILIES[name]
    wanted = [field.name for field in fields(kind)]
    numbers = content if isinstance(content, list) else [content]
    if len(numbers) != len(wanted) or not all(is_number(number) for number in numbers):
        _refuse({name: content}, _form(name, wanted))
    return kind(*(_number(number) for number in numbers))


def _number(entry: int | float) -> float:
    try:
        return float(entry)
    except OverflowError:
        return math.inf  # an integer of more than 308 digits; `_check` refuses it


def _refuse(entry: Any, wanted: str) -> Any:
    text = textwrap.shorten(json.dumps(entry, ensure_ascii=False, default=str), 60, placeholder=" ...")
    raise RecipeError(f"{text} cannot be used: give {wanted}")


def _check(name: str, value: Distribution | float | str) -> None:
    """Refuse a value that the field cannot have."""
    if isinstance(value, str):
        emission(value)
    elif isinstance(value, int | float):
        if not 0 <= value <= 1:
            raise RecipeError(f"a share of {value:g} is not possible: give a number from 0 (none) to 1 (all)")
    else:
        _check_distribution(name, value)


def _check_distribution(name: str, value: Distribution) -> None:
    if isinstance(value, Uniform | LogUniform) and value.low > value.high:
        raise RecipeError(f"a range from {value.low:g} to {value.high:g} is reversed: give the lower end first")
    if isinstance(value, Normal) and value.deviation < 0:
        raise RecipeError(f"a standard deviation of {value.deviation:g} is not possible: give 0 or more")
    least, most = _bounds(value)
    if not (math.isfinite(least) and math.isfinite(most)):
        raise RecipeError("its draws must be finite: give other numbers")
    # If the default distribution is never negative, the quantity cannot be.
    if least < 0 <= _bounds(DEFAULTS[name])[0]:
        raise RecipeError(f"{_entry(value)} can draw {least:.3g}, and this cannot be negative: give another range")
    effect = EFFECTS[name]
    if effect.above_zero and least <= 0:
        raise RecipeError(f"{_entry(value)} can draw 0, and this must be above it: give another range")
    if effect.share and most > 1:
        raise RecipeError(f"{_entry(value)} can draw {most:.3g}, and this is a share: give numbers up to 1")


def _bounds(value: Any) -> tuple[float, float]:
    """Smallest and largest draw of a distribution. For a range these are its ends."""
    numbers = list(vars(value).values())
    with np.errstate(all="ignore"):
        drawn = [float(end) for end in value.quantile(_ENDS)]
    if isinstance(value, Normal) or not np.isfinite(drawn).all():
        return drawn[0], drawn[1]
    return min(numbers), max(numbers)


def _check_whole(recipe: Recipe) -> None:
    """Refuse fields that do not fit each other: scans that end before they start, and too large lattice changes."""
    start, stop = (float(bound.quantile(np.array([0.5]))[0]) for bound in (recipe.start, recipe.stop))
    if start >= stop:
        raise RecipeError(f"start (about {start:g}°) is not below stop (about {stop:g}°): give scans a range")
    if recipe.strain_margin > _MOST_STRAIN:
        raise RecipeError("dilation and strain can change a lattice by a quarter and more: give smaller ones")


def _head() -> str:
    """The comment at the top of a file: how values are written."""
    forms = [f"#     {_form(name, [field.name for field in fields(kind)])}" for name, kind in FAMILIES.items()]
    return "\n".join(
        (
            "# A recipe of bragglens: what may vary in a simulated pattern, and how far.",
            "# A plain number is a share from 0 to 1; a distribution is one of",
            *forms,
            "# where loguniform is even in the logarithm. A line that is left out keeps its default.",
        )
    )


def _comment(text: str) -> str:
    """Text as comment lines of TOML."""
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _entry(value: Distribution | float | str) -> str:
    """A value as TOML."""
    if isinstance(value, str | int | float):
        return as_toml(value)
    return _form(family(value), [repr(float(number)) for number in vars(value).values()])


def _form(name: str, numbers: list[str]) -> str:
    """A distribution as it is written in a file."""
    return f"{{ {name} = {numbers[0] if len(numbers) == 1 else '[' + ', '.join(numbers) + ']'} }}"
