"""Commands that collect structures: fetch, library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from bragglens.cli.app import Elements, bar, fetch_app, library_app, say, tell
from bragglens.errors import BragglensError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from bragglens.crystal.provenance import Gathered

FEW = 3  # duplicate structures that are listed without --verbose

Folder = Annotated[
    Path, typer.Option("-o", "--output", help="Folder for the CIFs and manifest.csv.", show_default=False)
]


@fetch_app.command("cod")
def fetch_from_cod(
    folder: Folder,
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Numbers of seven digits, or with a revision: 9015662@176465.", show_default=False),
    ] = None,
    elements: Elements = None,
    query: Annotated[
        str | None, typer.Option(help="Words that COD searches for in names, titles and authors.", show_default=False)
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Revision for numbers without one.", show_default="the newest")
    ] = None,
    base_url: Annotated[str | None, typer.Option("--url", help="A mirror of COD.", show_default="COD itself")] = None,
) -> None:
    """Fetch structures of the Crystallography Open Database, by number or by its search.

    One request per second. Fetched files are cached ($BRAGGLENS_CACHE, else the cache folder of the platform), so that
    the same command continues after an interruption. The exit status is 1 if any number could not be fetched.
    """
    from bragglens.crystal.cod import COD, fetch_cod, search_cod

    wanted, base_url = list(ids or ()), base_url or COD
    if elements or query or not wanted:
        wanted += search_cod(elements=elements, text=query, base_url=base_url)
        say(f"{len(wanted)} structures, one second each unless cached")
    with bar("fetching", quiet=len(wanted) < 2) as tick:
        gathered = fetch_cod(folder, wanted, revision=revision, base_url=base_url, tick=tick)
    _tell(gathered, folder, failing=True)


@fetch_app.command("optimade")
def fetch_from_optimade(
    url: Annotated[str, typer.Argument(help="Base URL of the provider, with or without /v1.", show_default=False)],
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            help="""Filter: 'elements HAS ALL "Ti","O" AND nelements=2'.""",
            show_default=False,
        ),
    ],
    folder: Folder,
    most: Annotated[int, typer.Option(min=1, help="Maximum number of entries.")] = 200,
) -> None:
    """Fetch structures from an OPTIMADE provider (optimade.org/providers-dashboard lists them).

    Most providers hold computed structures, whose cells differ from measured ones by some percent. The exit status is 1
    if an entry could not be fetched, none matches, or more match than were fetched.
    """
    from bragglens.crystal.optimade import fetch_optimade

    with bar("fetching") as tick:
        gathered = fetch_optimade(folder, url, wanted, most=most, tick=tick)
    _tell(gathered, folder, failing=True)


@library_app.command("minerals")
def library_minerals(
    folder: Folder,
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of minerals, in upper or lower case.", show_default="all minerals")
    ] = None,
    elements: Elements = None,
    formula: Annotated[str | None, typer.Option(help="Only phases of this composition: TiO2.")] = None,
    compounds: Annotated[bool, typer.Option("--compounds", help="Also compounds without a mineral name.")] = False,
) -> None:
    """Collect minerals of AMCSD, one structure for each phase; manifest.csv gives the reason of the choice.

    The database is installed by `python -m pip install --no-deps larixite`. The exit status is 1 if a name is unknown.
    """
    from bragglens.crystal.minerals import gather_minerals

    with bar("choosing") as tick:
        gathered = gather_minerals(
            folder, names or (), elements=elements, formula=formula, compounds=compounds, tick=tick
        )
    _tell(gathered, folder, failing=bool(names))


@library_app.command("build")
def library_build(
    source: Annotated[
        str,
        typer.Argument(metavar="FOLDER|minerals", help="Folder of CIFs, or the minerals of AMCSD.", show_default=False),
    ],
    file: Annotated[Path, typer.Option("-o", "--output", help="The .library file to write.", show_default=False)],
    elements: Elements = None,
    compounds: Annotated[bool, typer.Option("--compounds", help="Also compounds without a mineral name.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
    verbose: Annotated[bool, typer.Option("--verbose", help="List every duplicate.")] = False,
) -> None:
    """Build a library of thousands of phases in one file. `--phases` and PHASES take it in place of a folder.

    CIFs in subfolders are included. A bad CIF is left out and reported. Of duplicates one is kept. After an
    interruption the same command continues, and a rebuild processes only new files. --elements and --compounds select
    from the minerals. These are the files of a folder `minerals` if it exists.
    """
    from bragglens.simulate.build import build_library, library_path

    if source != "minerals" or Path(source).is_dir():
        if elements or compounds:
            raise typer.BadParameter("--elements and --compounds choose among the minerals of AMCSD, not from a folder")
        with _executor(workers) as executor, bar("building") as tick:
            built = build_library(source, file, executor=executor, tick=tick)
    else:
        from bragglens.crystal.minerals import gather_minerals

        with TemporaryDirectory() as folder:
            with bar("choosing") as tick:
                gathered = gather_minerals(folder, elements=elements, compounds=compounds, tick=tick)
            with _executor(workers) as executor, bar("building") as tick:
                built = build_library(folder, file, problems=gathered.problems, executor=executor, tick=tick)
    _print([f"left out: {problem}" for problem in built.library.problems])
    _print(_repeats(built.same, whole=verbose))
    look_alikes = f"{sum(map(len, built.groups))} in {len(built.groups)} groups of look-alikes"
    say(
        f"{library_path(file)}  {len(built.library)} phases, {look_alikes}; {len(built.same)} duplicates, "
        f"{len(built.library.problems)} left out; {library_path(file).stat().st_size / 1e6:.1f} MB, {built.hash[:12]}"
    )


def _repeats(same: Mapping[str, str], *, whole: bool) -> list[str]:
    """Messages about duplicates: their number and the first few, or a line for each."""
    if whole or len(same) <= FEW:
        return [f"{name}: is a duplicate of {first}" for name, first in same.items()]
    some = ", ".join(f"{name} as {first}" for name, first in islice(same.items(), FEW))
    return [f"{len(same)} structures repeat others and are kept once: {some}, ...; --verbose lists them all"]


@contextmanager
def _executor(workers: int) -> Iterator[Executor | None]:
    """An executor with this number of processes; None where this process does the work.

    Raises:
        BragglensError: one of the processes died.
    """
    if workers == 1:
        yield None
        return
    from concurrent.futures import BrokenExecutor

    from bragglens.parallel import workers_of

    try:
        with workers_of(workers) as working:
            yield working.start()
    except BrokenExecutor:
        raise BragglensError(
            "a process of the build has died, perhaps out of memory: run the command again, it continues"
        ) from None


@library_app.command("show")
def library_show(
    source: Annotated[
        Path, typer.Argument(metavar="LIBRARY", help="Folder of CIFs, or a .library file.", show_default=False)
    ],
    names: Annotated[list[str] | None, typer.Argument(help="Names of phases.", show_default="all phases")] = None,
) -> None:
    """List the phases of a library: formula, space group, and corrections to the CIF, one line each."""
    from bragglens.crystal.formula import chemical_formula
    from bragglens.crystal.library import read_library

    library = read_library(source)
    for phase in [library[name] for name in names] if names else library:
        say(f"{phase.name}  {chemical_formula(phase.formula)}, {phase.space_group}")
        for note in phase.notes:
            say(f"    {note}")
    _print([f"left out: {problem}" for problem in library.problems])


def _tell(gathered: Gathered, folder: Path, *, failing: bool) -> None:
    """Report what was collected and what failed; exit status 1 if a requested name failed."""
    _print(gathered.problems)
    say(f"{folder}  {len(gathered.files)} structures, {len(gathered.problems)} problems")
    if failing and gathered.problems:
        raise typer.Exit(1)


def _print(problems: Sequence[str]) -> None:
    for problem in problems:
        tell(problem, "yellow")
