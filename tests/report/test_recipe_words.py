import io

import numpy as np
import pytest
from rich.console import Console

from bragglens.report.recipe_words import in_words, number, recipe_table
from bragglens.simulate.draws import Constant, LogUniform, Normal, Uniform, draws
from bragglens.simulate.recipe import CLEAN, Recipe
from bragglens.simulate.recipe_file import meanings


def printed(recipe: Recipe, width: int) -> list[str]:
    stream = io.StringIO()
    recipe_table(recipe, console=Console(file=stream, width=width, color_system=None))
    return stream.getvalue().splitlines()


def cells(lines: list[str], name: str) -> list[str]:
    """The row of a field, split at two spaces or more."""
    return next(" ".join(line.replace("  ", "\t").split("\t")).split() for line in lines if line.split()[:1] == [name])


@pytest.mark.parametrize("recipe", [Recipe(), CLEAN])
@pytest.mark.parametrize("width", [80, 140])
def test_every_field_has_its_meaning(recipe: Recipe, width: int) -> None:
    lines = printed(recipe, width)
    assert all(len(line) <= width for line in lines)
    text = " ".join(" ".join(lines).split())
    for name, meaning in meanings().items():
        assert cells(lines, name)[0] == name
        assert meaning.split()[0] in text
    if width < 120:
        assert f"zero {meanings()['zero']}" in text


def test_the_numbers_are_those_of_the_distribution() -> None:
    lines = printed(Recipe(size=LogUniform(5.0, 500.0), zero=Normal(0.1, 0.02), stop=Constant(90.0)), 80)
    drawn = draws(1, 0, 40000).of(LogUniform(5.0, 500.0), "size")[:, 0]
    *words, low, middle, high, unit = cells(lines, "size")
    assert words == ["size", "log-even", "5", "to", "500"]
    np.testing.assert_allclose(
        [float(low), float(middle), float(high)], np.quantile(drawn, [0.01, 0.5, 0.99]), rtol=0.05
    )
    assert unit == "nm"
    assert cells(lines, "zero") == ["zero", "normal", "0.1", "±", "0.02", "0.0535", "0.1", "0.147", "°"]
    assert cells(lines, "stop") == ["stop", "always", "90", "°"]
    assert cells(lines, "humps") == ["humps", "share", "50%"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("CuKa", "CuKa"),
        (0.035, "share 3.5%"),
        (Constant(0.0), "always 0"),
        (Uniform(-1, 1), "even -1 to 1"),
        (LogUniform(1e-5, 1e5), "log-even 1e-05 to 100000"),
        (Normal(0.0, 0.003), "normal 0 ± 0.003"),
    ],
)
def test_distributions_in_words(value: object, words: str) -> None:
    assert in_words(value) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1 / 3, "0.333"),
        (99770, "99800"),
        (123456, "123000"),
        (1e7, "1e+07"),
        (2e-4, "0.0002"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
