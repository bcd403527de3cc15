"""Commands that simulate patterns: simulate, noise, recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bragglens.cli.app import (
    Phases,
    Seed,
    TwoTheta,
    app,
    bar,
    drawable,
    grid_of,
    out,
    phases_of,
    range_of,
    recipe_app,
    recipe_of,
    save,
    say,
)
from bragglens.cli.grouped import grouped
from bragglens.errors import BragglensError

if TYPE_CHECKING:
    from bragglens.crystal.library import Library
    from bragglens.scan.pattern import Grid
    from bragglens.simulate.recipe import Recipe


@dataclass(frozen=True)
class Varied:
    """What varies from pattern to pattern, and how far."""

    strain: Annotated[float, typer.Option(help="Largest relative change of the lattice.")] = 0.01
    texture: Annotated[float, typer.Option(help="Strength of preferred orientation, 0 to below 1.")] = 0.4
    domain_sizes: Annotated[
        str, typer.Option(help="Smallest and largest crystallite size in nm.", metavar="LOW,HIGH")
    ] = "10,100"
    profile: Annotated[str, typer.Option("--profile", "--peak-shape", help="gaussian, lorentzian or pseudo-voigt.")] = (
        "pseudo-voigt"
    )
    wavelength: Annotated[str, typer.Option(help="Tube or Å: CuKa, CuKa1, CoKa, 1.5406, 1.5406/1.5444.")] = "CuKa"
    no_strain: Annotated[bool, typer.Option("--no-strain", "--no-var-strain", help="Keep the lattices.")] = False
    no_texture: Annotated[bool, typer.Option("--no-texture", "--no-var-texture", help="No texture.")] = False
    no_size: Annotated[bool, typer.Option("--no-size", "--no-var-domain", help="100 nm for all.")] = False
    recipe_file: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            help="Draw from this recipe (`bragglens recipe`), with its background and noise; it overrides --strain, "
            "--texture, --domain-sizes, --profile, --wavelength and the --no options.",
        ),
    ] = None

    def recipe(self) -> Recipe:
        """The recipe of the file, or that of the other options.

        Raises:
            BragglensError: one of them is not possible.
        """
        from bragglens.simulate.recipe import founding_recipe
        from bragglens.simulate.recipe_file import read_recipe

        varied = founding_recipe(
            strain=0.0 if self.no_strain else self.strain,
            texture=0.0 if self.no_texture else self.texture,
            domain_sizes=(100.0, 100.0) if self.no_size else range_of(self.domain_sizes),
            profile=self.profile,
            wavelength=self.wavelength,
        )
        return read_recipe(self.recipe_file) if self.recipe_file else varied


@dataclass(frozen=True)
class Counts:
    """The number of patterns."""

    n_train: Annotated[int, typer.Option(min=1, help="Training patterns of each phase.")] = 50
    n_val: Annotated[int, typer.Option(min=1, help="Validation patterns of each phase.")] = 10


@app.command()
@grouped
def simulate(
    phases: Phases,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the arrays; not needed with --plot alone.")
    ] = None,
    two_theta: TwoTheta = "5,90",
    step: Annotated[float, typer.Option("--step", "--step-scan", help="Step in degrees.")] = 0.01,
    *,
    varied: Varied,
    counts: Counts,
    figure: Annotated[
        Path | None, typer.Option(help="Draw samples of the simulated patterns (.png, .svg, .pdf).")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the calculated patterns of the phases with reflections and hkl (.png, ...)."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Simulate varied patterns of single phases without noise and store them as .npy arrays.

    Writes x_train.npy, x_val.npy (patterns) and y_train.npy, y_val.npy (class numbers; phases are sorted by name).
    `bragglens noise` adds background and noise to them. Training does not need these files; it simulates its own
    patterns.
    """
    if folder is None and (figure or not plot):
        raise BragglensError("there is no folder for the arrays: give one with -o, or --plot FIGURE alone")
    drawable(figure)
    drawable(plot)
    library, recipe, grid = phases_of(phases), varied.recipe(), grid_of(two_theta, step)
    if plot:
        save(_phases(library, grid, recipe.wavelength), plot)
    if folder:
        x, y = _write_sets(folder, library, recipe, grid, counts, seed)
        if figure:
            save(_samples(x, y, library, grid), figure)


def _write_sets(folder: Path, library: Library, recipe: Recipe, grid: Grid, counts: Counts, seed: int) -> Any:
    """Simulate and write both sets. Returns the patterns and classes of the last."""
    from bragglens.simulate.stored import VALIDATION_FIRST, save_array, simulate_set

    for name, count, first in (("train", counts.n_train, 0), ("val", counts.n_val, VALIDATION_FIRST)):
        with bar(f"simulating {name}") as tick:
            x, y = simulate_set(library, recipe, grid, per_phase=count, seed=seed, first=first, tick=tick)
        for letter, array in (("x", x), ("y", y)):
            path = folder / f"{letter}_{name}.npy"
            save_array(path, array)
            say(f"{path}  {array.shape} {array.dtype}")
    return x, y


@app.command()
def noise(
    source: Annotated[Path, typer.Argument(help="A .npy file, or the folder of files that --template names.")] = Path(),
    template: Annotated[str, typer.Option(help="Process all files of the folder with this prefix.")] = "x_",
    noise_min: Annotated[float, typer.Option(help="Smallest amplitude, relative to the strongest point.")] = 0.01,
    noise_max: Annotated[float, typer.Option(help="Largest amplitude (3 standard deviations).")] = 0.05,
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
        say(f"{target}  {noisy.shape}")


@recipe_app.command("show")
def recipe_show(
    file: Annotated[
        Path | None, typer.Argument(help="Recipe (TOML); default is that of `train`.", show_default=False)
    ] = None,
    toml: Annotated[bool, typer.Option("--toml", help="Print it as a file to edit, with comments.")] = False,
) -> None:
    """Show what varies in a recipe, and how far.

    To write your own recipe: `bragglens recipe show --toml > my.toml`, edit it, and plot it with `bragglens
    recipe plot PHASES --recipe my.toml -o my.png`.
    """
    from bragglens.report.recipe_words import print_toml, recipe_table

    recipe = recipe_of(file)
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
    """Draw patterns of one phase from a recipe, and the distributions of its parameters."""
    drawable(figure)
    from bragglens.report.recipe_figures import recipe_figure

    library, recipe = phases_of(phases), recipe_of(file)
    by_name = {one.name: one for one in library}
    if phase is not None and phase not in by_name:
        raise BragglensError(f"{phases}: holds no phase '{phase}': choose one of {', '.join(by_name)}")
    shown = by_name[phase] if phase else library.phases[0]
    save(recipe_figure(recipe, shown, grid_of(two_theta, step), seed=seed), figure)


def _samples(x: Any, y: Any, library: Library, grid: Grid) -> Any:
    from bragglens.report.figures import samples_figure

    rows = list(range(0, len(y), max(1, len(y) // 12)))[:12]
    return samples_figure(x[rows], [library.names[int(y[row])] for row in rows], grid)


def _phases(library: Library, grid: Grid, wavelength: str) -> Any:
    from bragglens.report.recipe_figures import phases_figure

    return phases_figure(library.phases, grid, wavelength=wavelength)
