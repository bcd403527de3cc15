"""Recipes as text: what varies, how far, and the meaning of each field."""

from __future__ import annotations

import sys

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bragglens.simulate.draws import Constant, Distribution, LogUniform, Normal
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.recipe_file import meanings, recipe_toml, unit

_QUANTILES = np.array([0.01, 0.5, 0.99])
_WIDE = 120  # characters at which a meaning fits beside its numbers


def recipe_table(recipe: Recipe, *, console: Console) -> None:
    """Print a recipe, a row for each field. In a narrow window the meanings are below the fields."""
    wide = console.width >= _WIDE
    rows = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    rows.add_column("field", no_wrap=True)
    rows.add_column("distribution", overflow="fold")
    for heading in ("1%", "median", "99%"):
        rows.add_column(heading, justify="right", no_wrap=True)
    rows.add_column("unit", no_wrap=True)
    if wide:
        rows.add_column("meaning", overflow="fold")
    said = meanings()
    for name, value in vars(recipe).items():
        cells = [Text(name), Text(in_words(value)), *map(Text, _quantiles(value)), Text(unit(name))]
        rows.add_row(*cells, *([Text(said[name], "dim")] if wide else []))
    console.print(rows)
    if not wide:
        _print_meanings(said, console)


def print_toml(recipe: Recipe) -> None:
    """Print a recipe as a file to edit, always in UTF-8, the encoding of `read_recipe`."""
    sys.stdout.flush()
    sys.stdout.buffer.write(recipe_toml(recipe).encode())
    sys.stdout.buffer.flush()


def in_words(value: Distribution | float | str) -> str:
    """A value of a recipe as text: `even 5 to 25`; a plain number is a share of samples."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return f"share {number(100 * value)}%"
    if isinstance(value, Constant):
        return f"always {number(value.value)}"
    if isinstance(value, Normal):
        return f"normal {number(value.mean)} ± {number(value.deviation)}"
    kind = "log-even" if isinstance(value, LogUniform) else "even"
    return f"{kind} {number(value.low)} to {number(value.high)}"


def number(value: float) -> str:
    """Three significant figures, without an exponent for common magnitudes."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{float(f'{value:.3g}'):g}"
    return f"{value:.2g}"


def _quantiles(value: Distribution | float | str) -> list[str]:
    """The 1%, 50% and 99% quantiles; empty for constants."""
    if isinstance(value, str | int | float | Constant):
        return ["", "", ""]
    return [number(float(quantile)) for quantile in value.quantile(_QUANTILES)]


def _print_meanings(said: dict[str, str], console: Console) -> None:
    console.print()
    rows = Table.grid(padding=(0, 1, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold", style="dim")
    for name, meaning in said.items():
        rows.add_row(Text(name), Text(meaning))
    console.print(rows)
