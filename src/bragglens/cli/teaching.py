"""The command that trains a model: train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bragglens.cli.app import Phases, Seed, TwoTheta, app, bar, grid_of, phases_of, print_epoch, recipe_of, say, tell
from bragglens.cli.grouped import grouped
from bragglens.errors import BragglensError
from bragglens.extras import extra

if TYPE_CHECKING:
    from bragglens.crystal.library import Library
    from bragglens.scan.pattern import Grid


@dataclass(frozen=True)
class Stored:
    """Patterns that were simulated before."""

    data: Annotated[
        Path | None,
        typer.Option(help="Train on stored patterns instead, as the founding post does: DIR/x_train[_noise].npy."),
    ] = None
    epochs: Annotated[int, typer.Option(min=1, help="Passes over stored patterns.")] = 10


@dataclass(frozen=True)
class Axis:
    """The axis of the model."""

    two_theta: TwoTheta = "5,90"
    step: Annotated[float | None, typer.Option(help="Step in degrees.", show_default="0.02; 0.01 stored")] = None
    wavelength: Annotated[str, typer.Option(help="Tube of the model's axis.")] = "CuKa"

    def grid(self, step: float) -> Grid:
        """Range and step; `step` is the default."""
        return grid_of(self.two_theta, self.step or step)


@dataclass(frozen=True)
class Varied:
    """What varies from pattern to pattern."""

    recipe_file: Annotated[
        Path | None,
        typer.Option(
            "--recipe", help="What varies, from this file (`bragglens recipe`); its wavelength overrides --wavelength."
        ),
    ] = None
    instrument: Annotated[
        Path | None,
        typer.Option(help="Instrument file from `calibrate`: for scans of that diffractometer only."),
    ] = None

    def recipe(self, wavelength: str) -> Any:
        """The recipe; the wavelength is used where the file states none."""
        recipe = recipe_of(self.recipe_file, wavelength)
        if not self.instrument:
            return recipe
        from bragglens.simulate.instrument_file import read_instrument
        from bragglens.simulate.recipe import for_instrument

        return for_instrument(recipe, read_instrument(self.instrument))


@app.command()
@grouped
def train(
    phases: Phases,
    model: Annotated[Path, typer.Option("-o", "--output", help="Model file to write.", show_default=False)],
    steps: Annotated[int, typer.Option(min=20, help="Number of batches of 64 simulated patterns.")] = 3000,
    network: Annotated[str | None, typer.Option(help="compact (default) or post.", show_default=False)] = None,
    *,
    stored: Stored,
    axis: Axis,
    varied: Varied,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="the cores that are free")] = None,
    seed: Seed = 0,
) -> None:
    """Train a model that names the phases of a folder, and recognises scans of other phases.

    By default it trains on simulated mixtures of the phases and of out-of-library negatives, with all that varies in a
    laboratory. With --data it trains on stored single-phase patterns, as in the founding blog post. A training on
    mixtures that was interrupted continues when the same command is repeated.
    """
    for given, option in ((varied.recipe_file, "--recipe"), (varied.instrument, "--instrument")):
        if stored.data and given:
            raise BragglensError(
                f"{option} and --data exclude each other, as stored patterns are drawn already: give one"
            )
    recipe, library = varied.recipe(axis.wavelength), phases_of(phases)
    _warn_alike(library)
    with extra("train", "train"):
        from bragglens.learn import train as learn  # imports torch: slow

    learn.use_threads(threads)
    if stored.data:
        trained = _on_stored(library, stored, axis, network or "post", seed)
    else:
        checkpoint = model.with_name(model.name + ".checkpoint")
        grid = axis.grid(learn.DEFAULT_GRID.step)
        trained = _on_mixtures(library, recipe, grid, checkpoint, network=network or "compact", steps=steps, seed=seed)
    if trained:
        _save(trained, model, library)


def _on_mixtures(library: Library, recipe: Any, grid: Grid, checkpoint: Path, **options: Any) -> Any:
    """A model trained on mixtures drawn from a recipe; None in a process that is not the first of its group."""
    from bragglens.learn.processes import processes
    from bragglens.learn.train import train

    with processes() as group, bar("training", quiet=group.rank > 0) as tick:
        report = print_epoch if group.rank == 0 else None
        own = {"recipe": recipe, "grid": grid, "checkpoint": checkpoint, "group": group}
        trained = train(library, **own, **options, tick=tick, report=report)  # type: ignore[arg-type]
    return trained if group.rank == 0 else None


def _on_stored(library: Library, stored: Stored, axis: Axis, network: str, seed: int) -> Any:
    """A model trained on stored patterns."""
    from bragglens.learn.train import train_stored

    assert stored.data is not None
    return train_stored(
        library,
        *_stored_sets(stored.data),
        grid=axis.grid(0.01),
        wavelength=axis.wavelength,
        network=network,
        epochs=stored.epochs,
        seed=seed,
        report=print_epoch,
    )


def _save(trained: Any, model: Path, library: Library) -> None:
    from bragglens.learn.model import save_model

    save_model(trained, model)
    say(f"{model}  {len(library)} phases, {model.stat().st_size / 1e6:.1f} MB")


def _warn_alike(library: Library) -> None:
    from bragglens.simulate.similarity import indistinguishable_pairs

    for one, other, likeness in indistinguishable_pairs(library.phases):
        tell(
            f"{one} and {other} give nearly the same pattern (similarity {likeness:.2f} of 1): a scan of one may be "
            "called the other; if they are the same phase, remove one",
            "yellow",
        )


def _stored_sets(data: Path) -> Iterator[Any]:
    """Training and validation sets that belong to DIR/x_train.npy or DIR/x_train_noise.npy."""
    from bragglens.learn.train import Stored
    from bragglens.simulate.stored import load_array

    if not data.name.startswith("x_train"):
        raise BragglensError(f"{data}: give the training patterns, DIR/x_train.npy or DIR/x_train_noise.npy")
    for name in ("train", "val"):
        patterns = data.with_name(data.name.replace("train", name))
        yield Stored(load_array(patterns), load_array(data.with_name(f"y_{name}.npy")))
