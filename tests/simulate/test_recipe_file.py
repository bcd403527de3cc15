"""Recipe files: reading returns what was written, and errors name their place."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bragglens.errors import BragglensError, RecipeError
from bragglens.simulate.draws import Constant, Distribution, LogUniform, Normal, Uniform
from bragglens.simulate.recipe import CLEAN, Recipe, founding_recipe
from bragglens.simulate.recipe_file import meanings, read_recipe, recipe_toml, unit, write_recipe

SIGNED = {"zero", "displacement", "slope"}
FIELDS = {field.name: field.default for field in fields(Recipe)}
SHARES = {name for name, default in FIELDS.items() if isinstance(default, float)}


def distributions(low: float, high: float) -> st.SearchStrategy[Distribution]:
    """Any distribution between two bounds. Normal distributions only if there is a margin above zero."""
    numbers = st.floats(low, high)
    positive = st.floats(max(low, 1e-9), high)
    kinds: list[st.SearchStrategy[Distribution]] = [
        st.builds(Constant, numbers),
        st.tuples(numbers, numbers).map(lambda ends: Uniform(*sorted(ends))),
        st.tuples(positive, positive).map(lambda ends: LogUniform(*sorted(ends))),
    ]
    if low < 0:
        kinds.append(st.builds(Normal, numbers, st.floats(0, high)))
    return st.one_of(kinds)


RECIPES = st.builds(
    Recipe,
    wavelength=st.sampled_from(["CuKa", "CoKα1", "1.5406", " 0.7093/0.7136"]),
    start=distributions(1.0, 50.0),
    stop=distributions(51.0, 180.0),
    strain=distributions(-0.03, 0.03),
    dilation=distributions(-0.03, 0.03),
    **{name: st.floats(0, 1) for name in SHARES},
    **{
        name: distributions(-1e3, 1e3) if name in SIGNED else distributions(1e-5, 1.0)
        for name in FIELDS.keys() - SHARES - {"wavelength", "start", "stop", "strain", "dilation"}
    },
)


@given(recipe=RECIPES)
def test_a_written_recipe_is_read_back_unchanged(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> None:
    assume(recipe.strain_margin <= 0.5)  # larger ones are refused
    path = tmp_path_factory.mktemp("recipes") / "a.toml"
    write_recipe(recipe, path)
    again = read_recipe(path)
    assert again == recipe
    assert json.dumps(again.to_dict()) == json.dumps(recipe.to_dict())


@pytest.mark.parametrize(
    "recipe", [Recipe(), CLEAN, founding_recipe(profile="lorentzian"), founding_recipe(domain_sizes=(20, 50))]
)
def test_the_recipes_of_the_package_can_be_written(recipe: Recipe, tmp_path: Path) -> None:
    write_recipe(recipe, tmp_path / "new folder/a.toml")
    assert read_recipe(tmp_path / "new folder/a.toml") == recipe


def test_fields_missing_from_a_file_keep_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("strangers = 0\nzero = { uniform = [-1, 1] }\nwavelength = 1.54\n[size]\nconstant = 9\n")
    expected = Recipe(strangers=0.0, zero=Uniform(-1.0, 1.0), wavelength="1.54", size=Constant(9.0))
    assert read_recipe(path) == expected
    path.write_text("")
    assert read_recipe(path) == Recipe()


def test_every_field_is_written_below_its_meaning() -> None:
    said = meanings()
    assert list(said) == list(FIELDS)
    assert all(said.values())
    lines = recipe_toml(Recipe()).splitlines()
    for name, meaning in said.items():
        (row,) = (i for i, line in enumerate(lines) if line.startswith(f"{name} = "))
        first = row
        while lines[first - 1].startswith("# "):
            first -= 1
        assert " ".join(line[2:] for line in lines[first:row]) == meaning + (f" [{unit(name)}]" if unit(name) else "")
    assert max(map(len, lines)) <= 110


def test_the_forms_in_the_head_can_be_read(tmp_path: Path) -> None:
    head = recipe_toml(Recipe()).partition("\n\n")[0]
    forms = [line.strip("# ") for line in head.splitlines() if line.strip("# ").startswith("{")]
    assert len(forms) == 4
    values = {"value": "1.0", "low": "0.5", "high": "1.5", "mean": "0.1", "deviation": "0.2"}
    for form in forms:
        for word, number in values.items():
            form = form.replace(word, number)
        (tmp_path / "a.toml").write_text(f"zero = {form}")
        assert read_recipe(tmp_path / "a.toml").zero != Recipe().zero


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("size", "nm"),
        ("zero", "°"),
        ("displacement", "mm"),
        ("wavelength", "Å"),
        ("stop", "°"),
        ("faults", "1/nm"),
        ("background", ""),
    ],
)
def test_units_are_those_of_the_table(name: str, expected: str) -> None:
    assert unit(name) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_editors_and_shells_can_be_read(encoding: str, tmp_path: Path) -> None:
    changed = replace(Recipe(), strangers=0.25, size=Constant(7.0))
    (tmp_path / "a.toml").write_bytes(recipe_toml(changed).replace("\n", "\r\n").encode(encoding))
    assert read_recipe(tmp_path / "a.toml") == changed


WRONG = {
    "sise = { constant = 1.0 }": ("sise", "is 'size' meant?"),
    "colour = 1.0": ("colour", "`bragglens recipe show` lists all fields"),
    "size = 5": ("size", "5 cannot be used: give a distribution such as { loguniform"),
    "size = {}": ("size", "give a distribution such as"),
    "size = { constant = 5, uniform = [1, 2] }": ("size", "give a distribution such as"),
    "size = { even = [1, 2] }": ("size", "distribution 'even' is not known: choose one of constant, uniform"),
    "size = { uniform = [1] }": ("size", "give { uniform = [low, high] }"),
    "size = { uniform = [1, 2, 3] }": ("size", "give { uniform = [low, high] }"),
    "size = { uniform = 3 }": ("size", "give { uniform = [low, high] }"),
    "size = { constant = [1, 2] }": ("size", "give { constant = value }"),
    "size = { constant = true }": ("size", "give { constant = value }"),
    "size = { constant = 1979-05-27 }": ("size", "give { constant = value }"),
    "size = { uniform = ['1', '2'] }": ("size", "give { uniform = [low, high] }"),
    "size = { uniform = [3, 1] }": ("size", "from 3 to 1 is reversed"),
    "size = { loguniform = [3, 1] }": ("size", "needs 0 < low <= high"),
    "zero = { loguniform = [-1, 1] }": ("zero", "needs 0 < low <= high"),
    "size = { uniform = [1, inf] }": ("size", "must be finite"),
    "zero = { normal = [nan, 1] }": ("zero", "must be finite"),
    "zero = { normal = [0, nan] }": ("zero", "must be finite"),
    f"size = {{ constant = 1{'0' * 400} }}": ("size", "must be finite"),
    "counts = { loguniform = [1e-300, 1e300] }": ("counts", "must be finite"),
    "zero = { normal = [0, -1] }": ("zero", "standard deviation of -1"),
    "counts = { uniform = [-1, 1] }": ("counts", "can draw -1, and this cannot be negative"),
    "background = { normal = [0.1, 0.1] }": ("background", "cannot be negative"),
    "size = { uniform = [0, 5] }": ("size", "can draw 0, and this must be above it"),
    "march = { constant = 0 }": ("march", "must be above it"),
    "lorentzian = { uniform = [20, 100] }": ("lorentzian", "can draw 100, and this is a share"),
    "strangers = 50": ("strangers", "a share of 50 is not possible"),
    "strangers = -0.1": ("strangers", "a share of -0.1 is not possible"),
    "strangers = nan": ("strangers", "a share of nan is not possible"),
    "strangers = true": ("strangers", "give a share from 0 to 1"),
    "strangers = { constant = 0.5 }": ("strangers", "give a share from 0 to 1"),
    "wavelength = 'XxKa'": ("wavelength", "'XxKa' is not known"),
    "wavelength = [1.54]": ("wavelength", 'give a text such as "CuKa"'),
    "start = { constant = 90 }\nstop = { constant = 20 }": ("start", "(about 90°) is not below stop (about 20°)"),
    "strain = { uniform = [-0.4, 0.4] }": ("dilation and strain", "by a quarter and more: give smaller ones"),
    "size = ": ("", "is not TOML"),
    "strangers = 0.5\nstrangers = 0.6": ("", "is not TOML"),
    f"size = {'[' * 5000}": ("", "is not TOML"),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_an_error_names_file_and_field(text: str, tmp_path: Path) -> None:
    field, says = WRONG[text]
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RecipeError) as raised:
        read_recipe(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: {field}")
    assert says in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 250


def test_files_that_are_not_recipes(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.toml: there is no such file: start one with `bragglens recipe show"):
        read_recipe(tmp_path / "none.toml")
    with pytest.raises(RecipeError, match="is a folder, a device or a pipe"):
        read_recipe(tmp_path)
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe("zero\0byte")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(RecipeError, match="is not a text file"):
        read_recipe(tmp_path / "a.png")


@pytest.mark.parametrize(
    "change",
    [
        {"strangers": 2.0},
        {"size": Constant(-1.0)},
        {"zero": Normal(0.0, float("inf"))},
        {"wavelength": 'Cu"\n'},
        {"stop": Constant(1.0)},
    ],
)
def test_an_impossible_recipe_is_not_written(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("what stood there")
    with pytest.raises(RecipeError, match=next(iter(change))):
        write_recipe(replace(Recipe(), **change), path)
    assert path.read_text() == "what stood there"


def test_an_unwritable_path_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BragglensError, match="cannot be written"):
        write_recipe(Recipe(), tmp_path / "file" / "a.toml")


def test_the_text_is_plain_toml() -> None:
    table = tomllib.loads(recipe_toml(Recipe()))
    assert table["strangers"] == Recipe().strangers
    assert table["phases"] == {"uniform": [0.0, 5.0]}
