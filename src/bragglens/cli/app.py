"""Parts that all commands share: the application, its consoles, common arguments, progress."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bragglens.cli.default import ScanOrCommand
from bragglens.extras import extra
from bragglens.plain import clean

if TYPE_CHECKING:
    from bragglens.crystal.library import Library
    from bragglens.scan.pattern import Grid

# Threads that spin while they wait make two trainings on one core four to ten times slower; torch reads this when it
# loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

INTERRUPTED = 130  # exit status of shells after Ctrl-C
KEEP_EVERY = 30.0  # seconds between writing the answers of a running batch to disk
Item = TypeVar("Item")
Answer = TypeVar("Answer")

out = Console()
err = Console(stderr=True)

app = typer.Typer(
    cls=ScanOrCommand,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda token: token.replace("_", "-"),  # --n_train is --n-train
    },
    help="Identify the crystalline phases in a powder X-ray diffraction scan (search-match), with probabilities "
    "and weight fractions.\n\n"
    "Type `bragglens SCAN`, which is `bragglens identify SCAN`: the scan is compared with the built-in library. Narrow "
    "it by `--elements Ti,O` or `--library minerals`, add structures of your own by `--phases FOLDER`. "
    "Try `bragglens demo` first.",
)
recipe_app = typer.Typer(
    no_args_is_help=True,
    help="Show or plot the recipe of simulated patterns, and start one of your own.",
)
app.add_typer(recipe_app, name="recipe")
fetch_app = typer.Typer(no_args_is_help=True, help="Fetch structures from open databases into a folder of CIFs.")
app.add_typer(fetch_app, name="fetch")
library_app = typer.Typer(no_args_is_help=True, help="Build or show libraries of phases.")
app.add_typer(library_app, name="library")


def range_of(text: str) -> tuple[float, float]:
    """Two numbers from `5,90`, `5-90`, `5 90` or `(5,90)`."""
    try:
        low, high = (float(part) for part in text.strip("()[] ").replace(",", " ").replace("-", " ").split())
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a range: give two numbers such as 5,90") from None
    return low, high


def grid_of(two_theta: str, step: float) -> Grid:
    """The axis from a range as text and a step in degrees."""
    from bragglens.scan.pattern import Grid

    return Grid(*range_of(two_theta), step)


Phases = Annotated[
    Path, typer.Argument(help="Folder of CIFs, one for each phase, or a .library file.", show_default=False)
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Elements = Annotated[
    list[str] | None,
    typer.Option(
        help="Only phases of these elements, each expected in some phase: `Ti,O`, `Ti-O`, `TiO2`; or only phases "
        "without these: `-Fe,-Pb`.",
        metavar="SYMBOLS",
        show_default=False,
    ),
]
TwoTheta = Annotated[str, typer.Option("--two-theta", "--theta-range", help="2θ range in degrees.", metavar="LOW,HIGH")]


def _version(asked: bool) -> None:
    if asked:
        from bragglens import __version__

        say(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Common options."""


def say(text: object) -> None:
    """Print a line unchanged: a path may look like markup, and scripts read whole lines."""
    out.print(_harmless(text), highlight=False, markup=False, soft_wrap=True)


def tell(text: object, style: str | None = None) -> None:
    """The same on the error stream."""
    err.print(_harmless(text), style=style, highlight=False, markup=False, soft_wrap=True)


def _harmless(text: object) -> str:
    return "\n".join(map(clean, str(text).split("\n")))


def phases_of(folder: Path) -> Library:
    """The phases of a folder. Files that were left out and corrections of CIFs are reported on the error stream.

    For a library file this was done when it was built.
    """
    from bragglens.crystal.library import read_library

    library = read_library(folder)
    if not folder.is_dir():
        return library
    for problem in library.problems:
        tell(f"left out: {problem}", "yellow")
    mended = sum(bool(phase.notes) for phase in library)
    if mended:
        tell(
            f"{mended} of {len(library)} CIFs were corrected on reading: `bragglens library show {folder}` says how",
            "dim",
        )
    return library


def recipe_of(file: Path | None, wavelength: str = "CuKa") -> Any:
    """The recipe of a file, or the default recipe for a wavelength."""
    from bragglens.simulate.recipe import Recipe
    from bragglens.simulate.recipe_file import read_recipe

    return read_recipe(file) if file else Recipe(wavelength=wavelength)


def drawable(path: Path | None) -> None:
    """Refuse, before any work, a figure that cannot be drawn or written; None is no figure."""
    if path:
        with extra("plots", f"{path}: a figure"):
            from bragglens.report.figures import check_figure
        check_figure(path)


def save(figure: Any, path: Path) -> None:
    """Write a figure and print its path."""
    from bragglens.report.figures import save_figure

    save_figure(figure, path)
    say(path)


def print_epoch(progress: Any) -> None:
    """Print the progress of training on the error stream."""
    tell(
        f"epoch {progress.epoch:>2}/{progress.epochs}  loss {progress.loss:.4f}  accuracy {progress.accuracy:.4f}  "
        f"validation {progress.validation:.4f}  {progress.seconds:.0f} s"
    )


@contextmanager
def bar(text: str, quiet: bool = False) -> Iterator[Any]:
    """A progress bar on the error stream if that is a terminal; yields tick(done, total)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def kill_as_ctrl_c() -> Iterator[None]:
    """Within this, `kill` has the effect of Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def batch(
    text: str,
    items: Sequence[Item],
    answer: Callable[[Item], Iterable[Answer]],
    keep: Callable[[list[Answer]], None],
) -> tuple[list[Answer], bool]:
    """Process items one after another. Ctrl-C or `kill` stops early and keeps the answers so far.

    Args:
        text: name of the work.
        items: the items.
        answer: gives the answers of one item; a file may hold several scans.
        keep: writes the answers so far; called now and then, so that little is lost in a power failure.

    Returns:
        The answers, and whether all items were answered.
    """
    answers: list[Answer] = []
    kept, done = time.monotonic(), 0
    try:
        with kill_as_ctrl_c(), bar(text, quiet=len(items) < 2) as tick:
            for done, item in enumerate(items):
                for one in answer(item):
                    answers.append(one)
                    if time.monotonic() - kept > KEEP_EVERY:
                        keep(answers)
                        kept = time.monotonic()
                tick(done + 1, len(items))
    except KeyboardInterrupt:
        tell(f"interrupted after {done} of {len(items)}", "yellow")
        return answers, False
    return answers, True
