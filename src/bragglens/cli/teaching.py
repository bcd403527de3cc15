"""The command that makes a model: train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bragglens.cli.app import Phases, Seed, TwoTheta, app, bar, phases_of, print_epoch, range_of, recipe_of, say, tell
from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.scan.pattern import Grid

if TYPE_CHECKING:
    from bragglens.crystal.library import Library


@app.command()
def train(
    phases: Phases,
    model: Annotated[Path, typer.Option("-o", "--output", help="Model file to write.", show_default=False)],
    steps: Annotated[int, typer.Option(min=20, help="Batches of 64 patterns made on the fly.")] = 3000,
    network: Annotated[str | None, typer.Option(help="compact (default) or post.", show_default=False)] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Train on stored patterns instead, as the founding post does: DIR/x_train[_noise].npy."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over stored patterns.")] = 10,
    two_theta: TwoTheta = "5,90",
    step: Annotated[float | None, typer.Option(help="Step in degrees.", show_default="0.02; 0.01 stored")] = None,
    wavelength: Annotated[str, typer.Option(help="Tube that the model's axis is for.")] = "CuKa",
    recipe_file: Annotated[
        Path | None,
        typer.Option(
            "--recipe", help="What varies, from this file (`bragglens recipe`); its wavelength wins over --wavelength."
        ),
    ] = None,
    instrument: Annotated[
        Path | None,
        typer.Option(help="Instrument file that `calibrate` made: for scans of that diffractometer alone."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="the cores that are free")] = None,
    seed: Seed = 0,
) -> None:
    """Train a model that names the phases of a folder, and says when it sees none of them.

    By default on mixtures of the phases, and of crystals that are none of them, simulated on the fly with all that
    varies in a laboratory. With --data on stored single-phase patterns, as the founding blog post does. A training on
    mixtures that was killed goes on where it stood when the same command is given again.
    """
    if data and recipe_file:
        raise BragglensError("--recipe and --data exclude each other, as stored patterns are drawn already: give one")
    if data and instrument:
        raise BragglensError(
            "--instrument and --data exclude each other, as stored patterns are drawn already: give one"
        )
    recipe = recipe_of(recipe_file, wavelength)
    if instrument:
        from bragglens.simulate.instrument_file import read_instrument
        from bragglens.simulate.recipe import for_instrument

        recipe = for_instrument(recipe, read_instrument(instrument))
    library = phases_of(phases)
    _warn_alike(library)
    with extra("train", "train"):
        from bragglens.learn import train as learn  # imports torch: slow
    from bragglens.learn.model import save_model
    from bragglens.learn.processes import processes

    learn.use_threads(threads)
    if data is None:
        grid = Grid(*range_of(two_theta), step or learn.DEFAULT_GRID.step)
        with processes() as group, bar("training", quiet=group.rank > 0) as tick:
            trained = learn.train(
                library,
                recipe=recipe,
                grid=grid,
                network=network or "compact",
                steps=steps,
                seed=seed,
                tick=tick,
                report=print_epoch if group.rank == 0 else None,
                checkpoint=model.with_name(model.name + ".checkpoint"),
                group=group,
            )
        if group.rank > 0:
            return
    else:
        trained = learn.train_stored(
            library,
            *_stored_sets(data),
            grid=Grid(*range_of(two_theta), step or 0.01),
            wavelength=wavelength,
            network=network or "post",
            epochs=epochs,
            seed=seed,
            report=print_epoch,
        )
    save_model(trained, model)
    say(f"{model}  {len(library)} phases, {model.stat().st_size / 1e6:.1f} MB")


def _warn_alike(library: Library) -> None:
    from bragglens.simulate.likeness import alike_pairs

    for one, other, likeness in alike_pairs(library.phases):
        tell(
            f"{one} and {other} give nearly the same pattern (likeness {likeness:.2f} of 1): a scan of one may be "
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
