"""The command line: parse, call, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bragglens import __version__
from bragglens.crystal.library import Library, read_library
from bragglens.errors import BragglensError
from bragglens.scan.pattern import Grid

# Threads that wait by spinning make two trainings that share a core four to ten times slower; read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

out = Console()
err = Console(stderr=True)
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda token: token.replace("_", "-"),  # --n_train is --n-train
    },
    help="Tell which crystalline phases are in a powder X-ray diffraction scan, how sure that is, and when none is.\n\n"
    "Start with `bragglens demo`. With your own phases: put their CIFs in a folder, `bragglens train FOLDER -o "
    "my.bragglens`, then `bragglens identify scan.xy --model my.bragglens --wavelength CuKa`.",
)
recipe_app = typer.Typer(
    no_args_is_help=True,
    help="Look at what simulated patterns are drawn from, and start a recipe of your own.",
)
app.add_typer(recipe_app, name="recipe")


def _range(text: str) -> tuple[float, float]:
    """Two numbers from `5,90`, `5-90`, `5 90` or `(5,90)`."""
    try:
        low, high = (float(part) for part in text.strip("()[] ").replace(",", " ").replace("-", " ").split())
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no range: give two numbers such as 5,90") from None
    return low, high


Phases = Annotated[Path, typer.Argument(help="Folder of CIFs, one for each phase.", show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
ModelFile = Annotated[Path, typer.Option("--model", "-m", help="Model file that `train` made.", show_default=False)]
TwoTheta = Annotated[str, typer.Option("--two-theta", "--theta-range", help="2θ range in degrees.", metavar="LOW,HIGH")]


def _version(asked: bool) -> None:
    if asked:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Common options."""


@app.command()
def simulate(
    phases: Phases,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the arrays; only --plot can do without.")
    ] = None,
    two_theta: TwoTheta = "5,90",
    step: Annotated[float, typer.Option("--step", "--step-scan", help="Step in degrees.")] = 0.01,
    strain: Annotated[float, typer.Option(help="Largest relative change of the lattice.")] = 0.01,
    texture: Annotated[float, typer.Option(help="Strength of preferred orientation, 0 to below 1.")] = 0.4,
    domain_sizes: Annotated[
        str, typer.Option(help="Smallest and largest crystallite size in nm.", metavar="LOW,HIGH")
    ] = "10,100",
    profile: Annotated[
        str, typer.Option("--profile", "--peak-shape", help="gaussian, lorentzian or pseudo-voigt.")
    ] = "pseudo-voigt",
    wavelength: Annotated[str, typer.Option(help="Tube or Å: CuKa, CuKa1, CoKa, 1.5406, 1.5406/1.5444.")] = "CuKa",
    no_strain: Annotated[bool, typer.Option("--no-strain", "--no-var-strain", help="Keep the lattices.")] = False,
    no_texture: Annotated[bool, typer.Option("--no-texture", "--no-var-texture", help="No texture.")] = False,
    no_size: Annotated[bool, typer.Option("--no-size", "--no-var-domain", help="100 nm for all.")] = False,
    recipe_file: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            help="Draw from this recipe (`bragglens recipe`), with its background and noise; it wins over --strain, "
            "--texture, --domain-sizes, --profile, --wavelength and the --no options.",
        ),
    ] = None,
    n_train: Annotated[int, typer.Option(min=1, help="Training patterns of each phase.")] = 50,
    n_val: Annotated[int, typer.Option(min=1, help="Validation patterns of each phase.")] = 10,
    figure: Annotated[Path | None, typer.Option(help="Draw samples of what was made (.png, .svg, .pdf).")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the phases' clean patterns with their reflections and hkl (.png, ...).")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Simulate varied clean patterns of single phases and store them as .npy arrays.

    Writes x_train.npy, x_val.npy (patterns), y_train.npy, y_val.npy (class numbers, phases in the order of their
    names). `bragglens noise` adds background and noise to them. Training does not need this: it makes its own.
    """
    from bragglens.simulate.recipe import founding_recipe
    from bragglens.simulate.recipe_file import read_recipe
    from bragglens.simulate.stored import VALIDATION_FIRST, save_array, simulate_set

    if folder is None and (figure or not plot):
        raise BragglensError("there is no folder for the arrays: give one with -o, or --plot FIGURE alone")
    library = _library(phases)
    varied = founding_recipe(
        strain=0.0 if no_strain else strain,
        texture=0.0 if no_texture else texture,
        domain_sizes=(100.0, 100.0) if no_size else _range(domain_sizes),
        profile=profile,
        wavelength=wavelength,
    )
    recipe = read_recipe(recipe_file) if recipe_file else varied
    grid = Grid(*_range(two_theta), step)
    if plot:
        _save(_phases(library, grid, recipe.wavelength), plot)
    if folder is None:
        return
    for name, count, first in (("train", n_train, 0), ("val", n_val, VALIDATION_FIRST)):
        with _bar(f"simulating {name}") as tick:
            x, y = simulate_set(library, recipe, grid, per_phase=count, seed=seed, first=first, tick=tick)
        for letter, array in (("x", x), ("y", y)):
            path = folder / f"{letter}_{name}.npy"
            save_array(path, array)
            out.print(f"{path}  {array.shape} {array.dtype}", highlight=False)
    if figure:
        _save(_samples(x, y, library, grid), figure)


@app.command()
def noise(
    source: Annotated[Path, typer.Argument(help="A .npy file, or the folder of files that --template names.")] = Path(),
    template: Annotated[str, typer.Option(help="Treat all files of the folder that begin like this.")] = "x_",
    noise_min: Annotated[float, typer.Option(help="Least amplitude, relative to the strongest point.")] = 0.01,
    noise_max: Annotated[float, typer.Option(help="Greatest amplitude (3 standard deviations).")] = 0.05,
    poisson: Annotated[
        bool, typer.Option("--poisson", "--include-poisson", help="Counting noise in place of white noise.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Add random background and noise to stored patterns: x_train.npy becomes x_train_noise.npy."""
    from bragglens.simulate.noise import add_noise
    from bragglens.simulate.stored import load_array, save_array

    files = [source]
    if source.is_dir():
        files = sorted(f for f in source.glob(f"{template}*.npy") if not f.stem.endswith("_noise"))
    if not files:
        raise BragglensError(f"{source}: no file {template}*.npy there: make some with `bragglens simulate`")
    for number, file in enumerate(files):
        noisy = add_noise(load_array(file), noise=(noise_min, noise_max), poisson=poisson, seed=seed + number)
        target = file.with_name(f"{file.stem}_noise.npy")
        save_array(target, noisy)
        out.print(f"{target}  {noisy.shape}", highlight=False)


@app.command()
def train(
    phases: Phases,
    model: Annotated[Path, typer.Option("-o", "--output", help="Model file to write.", show_default=False)],
    steps: Annotated[int, typer.Option(min=20, help="Batches of 64 patterns made on the fly.")] = 2000,
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
    threads: Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="the cores that are free")] = None,
    seed: Seed = 0,
) -> None:
    """Train a model that names the phases of a folder, and says when it sees none of them.

    By default on mixtures of the phases, and of crystals that are none of them, simulated on the fly with all that
    varies in a laboratory. With --data on stored single-phase patterns, as the founding blog post does.
    """
    if data and recipe_file:
        raise BragglensError("--recipe and --data exclude each other, as stored patterns are drawn already: give one")
    recipe = _recipe(recipe_file, wavelength)
    library = _library(phases)
    _warn_alike(library)
    from bragglens.learn import train as learn  # imports torch: slow
    from bragglens.learn.model import save_model

    learn.use_threads(threads)
    if data is None:
        grid = Grid(*_range(two_theta), step or learn.DEFAULT_GRID.step)
        with _bar("training") as tick:
            trained = learn.train(
                library,
                recipe=recipe,
                grid=grid,
                network=network or "compact",
                steps=steps,
                seed=seed,
                tick=tick,
                report=_print_epoch,
            )
    else:
        trained = learn.train_stored(
            library,
            *_stored_sets(data),
            grid=Grid(*_range(two_theta), step or 0.01),
            wavelength=wavelength,
            network=network or "post",
            epochs=epochs,
            seed=seed,
            report=_print_epoch,
        )
    save_model(trained, model)
    out.print(f"{model}  {len(library)} phases, {model.stat().st_size / 1e6:.1f} MB", highlight=False)


@app.command()
def identify(
    scans: Annotated[list[Path], typer.Argument(help="Measured scans.", show_default=False)],
    model: ModelFile,
    wavelength: Annotated[
        str | None, typer.Option(help="CuKa, CoKa, ... or Å; needed where the file does not state it.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the answers as JSON ('-' for the screen).")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw scan and candidates: a .png, .svg or .pdf; a folder for several scans.")
    ] = None,
) -> None:
    """Tell which phases are in measured scans. A scan that cannot be read never stops the others.

    Ends with status 1 where any scan could not be judged.
    """
    from bragglens.identify.identification import document
    from bragglens.identify.identify import identify_file
    from bragglens.learn.model import load_model
    from bragglens.report.words import table, write_json

    loaded = load_model(model)
    stated = _wavelength(wavelength)
    with _bar("identifying", quiet=len(scans) < 20) as tick:
        answers = []
        for i, scan in enumerate(scans):
            answers.append(identify_file(scan, loaded, wavelength=stated))
            tick(i + 1, len(scans))
    if json != Path("-"):
        table(answers, console=out)
    if json:
        write_json(document(loaded.name, answers), json)
    if figure:
        _draw(answers, loaded, figure)
    if any(answer.error for answer in answers):
        raise typer.Exit(1)


@app.command()
def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV: file, set, phases, weight_percent, wavelength, note.")],
    model: ModelFile,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Only this set; may be given again.")] = None,
    alike: Annotated[Path | None, typer.Option(help="Phases that count as one: a line each, between commas.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write answers, labels and scores as JSON.")] = None,
) -> None:
    """Score a model on labelled scans, set by set. Every wrong confident answer is counted."""
    from bragglens.identify.evaluate import by_set, evaluation, judge, read_alike, read_manifest, scores
    from bragglens.learn.model import load_model
    from bragglens.report.words import scores_table, write_json

    loaded = load_model(model)
    groups = read_alike(alike) if alike else ()
    labels = read_manifest(manifest, sets=sets or ())
    judged = []
    with _bar("judging") as tick:
        for i, label in enumerate(labels):
            judged.append(judge(label, loaded, groups))
            tick(i + 1, len(labels))
    scores_table({name: scores(members) for name, members in by_set(judged).items()}, console=out)
    for one in judged:
        if one.answer.error:
            err.print(one.answer.error, style="red", highlight=False)
    if json:
        write_json(evaluation(loaded, judged), json)


@app.command()
def calibrate(
    scan: Annotated[Path, typer.Argument(help="Scan of the standard alone.", show_default=False)],
    target: Annotated[Path, typer.Option("-o", "--output", help="Instrument file (TOML).", show_default=False)],
    reference: Annotated[
        str, typer.Option("--standard", help="LaB6, Si, corundum, or a .cif with the certified cell of your lot.")
    ] = "LaB6",
    wavelength: Annotated[
        str | None, typer.Option(help="CuKa, CoKa, ... or Å; needed where the file does not state it.")
    ] = None,
    instrument: Annotated[
        str | None, typer.Option(help="Where to start: a preset such as bruker-d8, or an instrument file.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the fit: .png, .svg or .pdf.")] = None,
) -> None:
    """Fit zero, resolution and axial divergence of your diffractometer to a scan of a certified standard."""
    from bragglens.crystal.standards import standard
    from bragglens.identify.calibrate import calibrate as fit_instrument
    from bragglens.report.calibration import calibration_figure, calibration_words
    from bragglens.scan.read import read_scan
    from bragglens.simulate.from_scan import starting_instrument
    from bragglens.simulate.instrument_file import write_instrument

    measured = read_scan(scan)
    start = starting_instrument(measured, instrument=instrument, wavelength=wavelength)
    calibration = fit_instrument(measured, standard(reference), start)
    write_instrument(calibration.instrument, target)
    out.print(calibration_words(calibration), highlight=False, markup=False, soft_wrap=True)
    out.print(str(target), highlight=False)
    if figure:
        _save(calibration_figure(calibration), figure)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder for all that it makes.")] = Path("demo"),
    steps: Annotated[int, typer.Option(min=20, help="Batches to train on; fewer is faster and worse.")] = 300,
    rruff: Annotated[
        bool, typer.Option("--rruff", help="Fetch the eleven RRUFF scans of the founding post and identify them too.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """The whole road on the five phases of titania: simulate, train, identify, draw, report. Needs no network."""
    from bragglens.demo import run_demo

    run_demo(folder, steps=steps, rruff=rruff, seed=seed, console=out, bar=_bar, report=_print_epoch)


@recipe_app.command("show")
def recipe_show(
    file: Annotated[
        Path | None, typer.Argument(help="Recipe (TOML); without, the one that `train` uses.", show_default=False)
    ] = None,
    toml: Annotated[bool, typer.Option("--toml", help="Print it as a file to edit, with comments.")] = False,
) -> None:
    """Tell what varies in a recipe, and how far.

    To start a recipe of your own: `bragglens recipe show --toml > my.toml`, edit it, and look at it with `bragglens
    recipe plot PHASES --recipe my.toml -o my.png`.
    """
    from bragglens.report.recipe_words import print_toml, recipe_table

    recipe = _recipe(file)
    if toml:
        print_toml(recipe)
    else:
        recipe_table(recipe, console=out)


@recipe_app.command("plot")
def recipe_plot(
    phases: Phases,
    figure: Annotated[Path, typer.Option("-o", "--output", help="Figure: .png, .svg or .pdf.", show_default=False)],
    file: Annotated[Path | None, typer.Option("--recipe", help="Recipe (TOML).", show_default="that of train")] = None,
    phase: Annotated[str | None, typer.Option(help="Phase to draw.", show_default="the first")] = None,
    two_theta: TwoTheta = "5,90",
    step: Annotated[float, typer.Option(help="Step in degrees.")] = 0.02,
    seed: Seed = 0,
) -> None:
    """Draw patterns of one phase as a recipe makes them, and the distributions that they come from."""
    from bragglens.report.recipe_figures import recipe_figure

    library, recipe = _library(phases), _recipe(file)
    by_name = {one.name: one for one in library}
    if phase is not None and phase not in by_name:
        raise BragglensError(f"{phases}: holds no phase '{phase}': choose one of {', '.join(by_name)}")
    shown = by_name[phase] if phase else library.phases[0]
    _save(recipe_figure(recipe, shown, Grid(*_range(two_theta), step), seed=seed), figure)


def _recipe(file: Path | None, wavelength: str = "CuKa") -> Any:
    """The recipe of a file, or the default one for a wavelength."""
    from bragglens.simulate.recipe import Recipe
    from bragglens.simulate.recipe_file import read_recipe

    return read_recipe(file) if file else Recipe(wavelength=wavelength)


def _library(folder: Path) -> Library:
    """The phases of a folder; what was left out or mended is said on the error stream."""
    library = read_library(folder)
    for problem in library.problems:
        err.print(f"left out: {problem}", style="yellow", highlight=False)
    for phase in library:
        for note in phase.notes:
            err.print(f"{phase.name}.cif: {note}", style="dim", highlight=False)
    return library


def _warn_alike(library: Library) -> None:
    from bragglens.simulate.likeness import alike_pairs

    for one, other, likeness in alike_pairs(library.phases):
        err.print(
            f"{one} and {other} give nearly the same pattern (likeness {likeness:.2f} of 1): a scan of one may be "
            "called the other; if they are the same phase, remove one",
            style="yellow",
            highlight=False,
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


def _wavelength(text: str | None) -> float | None:
    from bragglens.simulate.instrument import emission

    return emission(text)[0].wavelength if text else None


def _draw(answers: list[Any], model: Any, target: Path) -> None:
    from bragglens.report.figures import identification_figure

    drawn = [answer for answer in answers if answer.pattern is not None]
    for answer in drawn:
        path = target if len(answers) == 1 else target / f"{Path(answer.file).name}.png"
        _save(identification_figure(answer, model), path)


def _samples(x: Any, y: Any, library: Library, grid: Grid) -> Any:
    from bragglens.report.figures import samples_figure

    rows = list(range(0, len(y), max(1, len(y) // 12)))[:12]
    return samples_figure(x[rows], [library.names[int(y[row])] for row in rows], grid)


def _phases(library: Library, grid: Grid, wavelength: str) -> Any:
    from bragglens.report.recipe_figures import phases_figure

    return phases_figure(library.phases, grid, wavelength=wavelength)


def _save(figure: Any, path: Path) -> None:
    from bragglens.report.figures import save_figure

    save_figure(figure, path)
    out.print(str(path), highlight=False)


def _print_epoch(progress: Any) -> None:
    err.print(
        f"epoch {progress.epoch:>2}/{progress.epochs}  loss {progress.loss:.4f}  accuracy {progress.accuracy:.4f}  "
        f"validation {progress.validation:.4f}  {progress.seconds:.0f} s",
        highlight=False,
    )


@contextmanager
def _bar(text: str, quiet: bool = False) -> Iterator[Any]:
    """A progress bar on the error stream; yields tick(done, total)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> None:
    """Run the command line; what goes wrong on purpose is one sentence on the error stream."""
    try:
        app()
    except BragglensError as error:
        err.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
