from __future__ import annotations

import pickle
from importlib.resources import files

import numpy as np
import pytest
import torch
from stopped import pickled

from bragglens.crystal.library import Library
from bragglens.errors import RecipeError
from bragglens.learn.model import Model
from bragglens.learn.train import Progress, Stored, stored_accuracy, train, train_stored
from bragglens.scan.pattern import Grid
from bragglens.simulate.noise import add_noise
from bragglens.simulate.recipe import founding_recipe
from bragglens.simulate.stored import VALIDATION_FIRST, simulate_set

COARSE = Grid(5.0, 90.0, 0.1)


def sets(library: Library, per_phase: int = 30) -> tuple[Stored, Stored]:
    recipe = founding_recipe(strain=0.02, texture=0.8, domain_sizes=(20, 50))
    return (
        Stored(*simulate_set(library, recipe, COARSE, per_phase=per_phase)),
        Stored(*simulate_set(library, recipe, COARSE, per_phase=10, first=VALIDATION_FIRST)),
    )


def test_training_on_stored_patterns(titania: Library) -> None:
    """The network of the post learns the patterns of the post, and each epoch is reported."""
    reports: list[Progress] = []
    training, validation = sets(titania)
    model = train_stored(titania, training, validation, grid=COARSE, report=reports.append)
    assert model.scores["validation_accuracy"] == 1.0
    assert [p.epoch for p in reports] == list(range(1, 11))
    assert reports[-1].loss < reports[0].loss
    assert reports[-1].validation == 1.0
    assert model.answer == "softmax"
    assert stored_accuracy(model.probabilities, validation, model.preparation) == 1.0


def test_training_and_validation_sets_are_apart(titania: Library) -> None:
    training, validation = sets(titania)
    distances = np.abs(training.x[:, None, ::7] - validation.x[None, :, ::7]).max(axis=2)
    assert distances.min() > 0.1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: Stored(s.x[:, :-1], s.y), "850 points"),
        (lambda s: Stored(s.x, s.y + 1), "labels run to 5"),
        (lambda s: Stored(s.x[:-1], s.y), "do not belong together"),
        (lambda s: Stored(s.x[0], s.y), "do not belong together"),
    ],
)
def test_stored_sets_that_do_not_fit_are_refused(titania: Library, spoil, words: str) -> None:  # type: ignore[no-untyped-def]
    training, validation = sets(titania, per_phase=2)
    with pytest.raises(RecipeError, match=words):
        train_stored(titania, spoil(training), validation, grid=COARSE)


def test_unknown_network(titania: Library) -> None:
    with pytest.raises(RecipeError, match="compact, post"):
        train(titania, network="transformer", steps=1)


def test_the_same_seed_gives_the_same_model(titania: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bragglens.learn.train.STRANGERS", 20)
    monkeypatch.setattr("bragglens.learn.train.to_onnx", pickled)
    x = torch.from_numpy(np.random.default_rng(0).random((2, 2, 171), dtype=np.float32))

    def probabilities(seed: int) -> np.ndarray:
        model = train(titania, grid=Grid(5.0, 90.0, 0.5), steps=5, seed=seed)
        with torch.inference_mode():
            return torch.sigmoid(pickle.loads(model.network)(x) / model.temperature).numpy()

    one, again, other = map(probabilities, (2, 2, 3))
    np.testing.assert_allclose(one, again, atol=1e-5)
    assert np.abs(one - other).max() > 1e-3


def test_the_default_training_learns(small_model: Model) -> None:
    """Much better than guessing, for five phases and a phase outside the library. Guessing "none" gives 0.2."""
    assert small_model.scores["exact_set_simulated"] > 0.5


def test_pure_noise_is_no_phase(small_model: Model) -> None:
    """The network of the post identifies noise as a phase with confidence 1.00."""
    random = np.random.default_rng(1)
    size = small_model.preparation.grid.size
    noise = random.poisson(random.choice([30.0, 300.0, 3000.0], (60, 1)) * np.ones((60, size))).astype(float)
    p = small_model.probabilities(small_model.preparation.apply(noise, np.ones(noise.shape, bool)))
    assert (p[:, :5].max(axis=1) > 0.5).mean() < 0.1


def test_noise_has_mean_zero_and_background_is_positive(titania: Library) -> None:
    """The noise of the predecessor had a positive mean and never went below the signal."""
    flat = np.full((400, 2000), 100.0)
    for poisson in (False, True):
        noisy = add_noise(flat, noise=(0.03, 0.03), poisson=poisson)
        smooth = np.array([np.polynomial.chebyshev.Chebyshev.fit(range(2000), row, 4)(range(2000)) for row in noisy])
        residual = noisy - smooth
        assert abs(residual.mean()) < 0.01
        assert 0.9 < residual.std() < 1.15  # three standard deviations are 3% of 100; Poisson grows with background
        assert 0.49 < (residual < 0).mean() < 0.51
        assert smooth.min() > 99.5
        assert smooth.max() < 112


@pytest.mark.parametrize("bad", [(0.0, 0.1), (0.2, 0.1), (0.1, 2.0)])
def test_impossible_noise_is_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(RecipeError, match="not possible"):
        add_noise(np.ones((1, 100)), noise=bad)


def test_the_structures_of_the_package_are_the_library(titania: Library) -> None:
    assert len(list((files("bragglens") / "data" / "titania").iterdir())) == len(titania) == 5
