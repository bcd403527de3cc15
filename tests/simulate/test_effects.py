"""The table of effects, and what is made from it."""

from __future__ import annotations

from dataclasses import fields
from importlib.resources import files

import numpy as np
import pytest

from bragglens.crystal.library import read_library
from bragglens.fit.parameters import HARMONICS, OWN, SHARED, TWO_SIZES
from bragglens.scan.pattern import Grid
from bragglens.simulate.draws import Constant, draws
from bragglens.simulate.effects import EFFECTS
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.mixture import draw_conditions, draw_mixtures
from bragglens.simulate.recipe import CLEAN, Recipe
from bragglens.simulate.render import pack, reflections_in_range
from bragglens.simulate.specimen import Specimen


def test_a_recipe_has_the_effects_and_the_wavelength() -> None:
    assert [field.name for field in fields(Recipe)] == ["wavelength", *EFFECTS]
    for name, effect in EFFECTS.items():
        assert getattr(Recipe(), name) == effect.default
        assert getattr(CLEAN, name) in (effect.ideal, Constant(effect.ideal or 0.0), effect.default)


@pytest.mark.parametrize("name", ["size", "microstrain", "lorentzian", "march", "displacement", "transparency"])
def test_a_default_specimen_is_ideal(name: str) -> None:
    assert getattr(Specimen(), name) == EFFECTS[name].ideal


@pytest.mark.parametrize("name", ["zero", "axial"])
def test_a_default_instrument_is_ideal(name: str) -> None:
    assert getattr(Instrument(emission("CuKa")), name) == EFFECTS[name].ideal


def test_phase_effects_differ_between_phases_and_others_are_common_to_the_sample() -> None:
    library = read_library(files("bragglens") / "data" / "titania")
    grid, recipe, drawn = Grid(20.0, 40.0, 0.1), Recipe(), draws(1, 0, 6)
    packed = pack(reflections_in_range(library.phases, recipe.lines, grid), recipe.lines)
    content = draw_mixtures(recipe, drawn, library=5, strangers=0)
    conditions = draw_conditions(recipe, drawn, content, packed, grid)._asdict()
    straight = {"size", "microstrain", "lorentzian", "march", "axial", "transparency", "zero", "air", "counts"}
    assert straight <= conditions.keys() & EFFECTS.keys()
    for name in straight:
        phases = EFFECTS[name].where == "phase"
        assert conditions[name].shape == (content.phase.shape if phases else (6,)), name
        if phases and name != "march":
            assert len(np.unique(conditions[name])) == conditions[name].size


def test_a_fit_has_the_units_of_the_effects_it_varies() -> None:
    """Without an effect: displacement of atoms beyond the structure's own, a second size, the shape of texture."""
    for parameter in (*SHARED, *OWN):
        name = parameter.name.removeprefix("log_").partition("_")[0].replace("width", "resolution")
        if parameter.name not in ("extra_b", *TWO_SIZES, *HARMONICS):
            unit = EFFECTS[name].unit
            assert parameter.unit == (f"ln {unit}" if unit and parameter.name.startswith("log_") else unit)
            assert (EFFECTS[name].where == "phase") == (parameter in OWN or name == "lorentzian"), name
