from __future__ import annotations

from dataclasses import replace

import numpy as np

from bragglens.crystal.library import Library
from bragglens.learn.stream import open_stream
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import Preparation
from bragglens.simulate.draws import Constant
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.scans import MIN_SNR

PREPARATION = Preparation(Grid(10.0, 80.0, 0.1), 1.5405929, "sqrt")


def test_samples_do_not_depend_on_the_batch(titania: Library) -> None:
    stream = open_stream(titania, Recipe(), PREPARATION, seed=5, outside=6)
    whole = stream.batch(100, 8)
    for i in (0, 3, 7):
        alone = stream.batch(100 + i, 1)
        np.testing.assert_array_equal(alone.x[0], whole.x[i])
        np.testing.assert_array_equal(alone.present[0], whole.present[i])
        np.testing.assert_array_equal(alone.loss_mask[0], whole.loss_mask[i])


def test_samples_do_not_depend_on_the_threads(titania: Library) -> None:
    one = open_stream(titania, Recipe(), PREPARATION, seed=5, outside=6).batch(0, 7)
    three = open_stream(titania, Recipe(), PREPARATION, seed=5, outside=6, threads=3).batch(0, 7)
    np.testing.assert_array_equal(one.x, three.x)
    np.testing.assert_array_equal(one.present, three.present)


def test_seeds_and_numbers_differ(titania: Library) -> None:
    one = open_stream(titania, Recipe(), PREPARATION, seed=5, outside=6).batch(0, 2)
    other = open_stream(titania, Recipe(), PREPARATION, seed=6, outside=6).batch(0, 2)
    assert not np.allclose(one.x[0], one.x[1])
    assert not np.allclose(one.x[0], other.x[0])


def test_labels_follow_the_recipe(titania: Library) -> None:
    clear = replace(Recipe(), counts=Constant(1e6), background=Constant(0.01), dominance=Constant(0.0))
    alone = replace(clear, phases=Constant(1.0), strangers=0.0)
    batch = open_stream(titania, alone, PREPARATION, seed=1, outside=0).batch(0, 200)
    assert (batch.present[:, :5].sum(axis=1) == 1).all()
    assert (batch.present[:, 5] == 0).all()
    assert (batch.present[:, :5].sum(axis=0) > 20).all()
    outside_only = replace(clear, phases=Constant(0.0), strangers=1.0)
    batch = open_stream(titania, outside_only, PREPARATION, seed=1, outside=6).batch(0, 100)
    assert (batch.present[:, :5] == 0).all()
    assert (batch.present[:, 5] == 1).mean() > 0.9  # its strongest line may be outside the scan


def test_phases_hidden_by_noise_are_not_in_the_loss(titania: Library) -> None:
    drowned = replace(
        Recipe(), counts=Constant(MIN_SNR), background=Constant(50.0), strangers=0.0, phases=Constant(1.0)
    )
    batch = open_stream(titania, drowned, PREPARATION, seed=1, outside=0).batch(0, 50)
    assert (batch.present == 0).all()
    assert ((batch.loss_mask == 0).sum(axis=1) == 1).all()
