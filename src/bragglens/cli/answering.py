"""Commands about measured scans: identify, evaluate, calibrate, demo."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bragglens.cli.app import (
    INTERRUPTED,
    AskedLibrary,
    AskedModel,
    AskedPhases,
    Elements,
    Seed,
    app,
    bar,
    batch,
    drawable,
    out,
    phases_of,
    print_epoch,
    save,
    say,
    tell,
)
from bragglens.cli.exporting import Exports, check_exports, export
from bragglens.cli.folder import answer_folder, who_of
from bragglens.cli.outputs import Output, done, figures, json_file, report_file, screen, series_file, table_file
from bragglens.cli.remembered import identity_of
from bragglens.cli.sharing import shared
from bragglens.cli.watching import SETTLE
from bragglens.cli.watching import watch as watch_folder
from bragglens.errors import BragglensError

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification

NetworkOnly = Annotated[
    bool, typer.Option("--network-only", help="Leave out the fit: far faster, no fractions, more easily deceived.")
]


@app.command()
def identify(
    scans: Annotated[
        list[Path] | None, typer.Argument(help="Measured scans, or folders of them.", show_default=False)
    ] = None,
    model: AskedModel = None,
    phases: AskedPhases = None,
    library: AskedLibrary = None,
    wavelength: Annotated[str | None, typer.Option(help="CuKa, CoKa, ... or Å, whatever the files state.")] = None,
    wavelength_if_missing: Annotated[
        str | None, typer.Option(help="--wavelength-if-missing: for files that state none.", metavar="TEXT")
    ] = None,
    elements: Elements = None,
    standard: Annotated[
        str | None,
        typer.Option(help="Internal standard, wt% of the specimen: tells amorphous content.", metavar="NAME=WT"),
    ] = None,
    particle_size: Annotated[
        float | None, typer.Option(help="Diameter of the grains in µm, for microabsorption; 0 for none.", metavar="µM")
    ] = None,
    instrument: Annotated[
        Path | None, typer.Option(help="Instrument file that `calibrate` made: sizes without its breadth, with errors.")
    ] = None,
    network_only: NetworkOnly = False,
    json: Annotated[
        str | None,
        typer.Option(help="Write the answers as JSON ('-' for the screen); a folder/ gets one each.", metavar="<path>"),
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Write a row for each scan: a .csv or .parquet.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page about all scans, to read and mail.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw scan, fit and phases: a .png, .svg or .pdf; a folder for several scans.")
    ] = None,
    series: Annotated[
        Path | None, typer.Option(help="Draw all scans side by side, fractions beneath: a .png, .svg or .pdf.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="Write the fitted profile: .xye or powder .cif; a folder for several scans, with both."),
    ] = None,
    rietx: Annotated[
        Path | None,
        typer.Option(help="Write a project for rietx, to go on with; a folder of them for several scans."),
    ] = None,
    rietveld: Annotated[bool, typer.Option("--rietveld", help="Run rietx's Rietveld refinement of the fit.")] = False,
    watch: Annotated[
        Path | None,
        typer.Option(help="Go on with every scan that is written to this folder, until Ctrl-C.", metavar="FOLDER"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the scans.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="A Dask cluster that shares them, tcp://HOST:8786.")] = None,
    settle: Annotated[
        float, typer.Option(min=0, help="With --watch: seconds for which a file must not have changed.")
    ] = SETTLE,
) -> None:
    """Tell which phases are in measured scans, and how much of each. A scan that cannot be read never stops the others.

    Every scan of a file is answered. Ends with status 1 where any scan could not be judged. Ctrl-C ends a batch early
    and keeps what is answered.
    """
    from bragglens.identification.allowed import check
    from bragglens.identification.asked import source
    from bragglens.identification.identify import identify_each
    from bragglens.identification.options import read_options
    from bragglens.scan.apart import reader

    if bool(scans) == bool(watch):
        raise typer.BadParameter("give the scans, or a folder to --watch")
    if watch and (table or report or series):
        raise typer.BadParameter("--watch has no end at which to write --table, --report or --series: leave them out")
    reader()  # it starts while the model is read
    sources = sources_of(model, phases, library)
    asked = asked_of(sources)
    options = read_options(
        wavelength=wavelength,
        wavelength_if_missing=wavelength_if_missing,
        elements=elements,
        network_only=network_only,
        particle_size=particle_size,
        standard=standard,
        instrument=instrument,
    )
    check(asked, options)
    files = _files(scans or [])
    several = workers > 1 or scheduler is not None
    target = Path(json) if json else None
    if json and target and not watch and is_folder(json, several=several):
        if table or report or figure or series or profile or rietx or rietveld:
            raise typer.BadParameter("an answer for each scan goes with no other output: leave the others out")
        answer_folder(files, target, who_of(sources, asked), options, workers=workers, scheduler=scheduler)
        return
    if watch and several:
        raise typer.BadParameter("--watch answers scan by scan as they come: leave out --workers and --scheduler")
    sole = str(files[0]) if files == scans and len(files) == 1 else None
    exports = Exports(profile, rietx, rietveld, sole=sole)
    check_exports(exports, network_only=network_only)

    def each(file: Path) -> Iterator[Identification]:
        return exported(identify_each(file, asked, options))

    def exported(answers: Iterator[Identification]) -> Iterator[Identification]:
        for answer in answers:
            yield answer if answer.error else export(answer, exports)

    drawn = [figures(figure, asked, sole=sole)] if figure else []
    if watch:
        watch_folder(
            watch,
            target or watch / "answers",
            each,
            drawn,
            model=source(asked),
            identity=identity_of(asked),
            options=options,
            settle=settle,
        )
        return
    written: list[Output] = [
        *([json_file(target, asked)] if target else []),
        *([table_file(table)] if table else []),
        *drawn,
        *([report_file(report, asked, files, series=series is not None)] if report else []),
        *([series_file(series, files)] if series else []),
        *([] if json == "-" else [screen()]),  # the last: who reads the screen may have gone
    ]
    if several:
        with shared(files, who_of(sources, asked), options, workers=workers, scheduler=scheduler) as ahead:
            answered = _answer(files, lambda file: exported(ahead(file)), written)
    else:
        answered = _answer(files, each, written)
    _finish(*answered, written)


def is_folder(json: str, *, several: bool) -> bool:
    """Whether `--json` asks for an answer a scan: a folder, a path that ends in a slash, a bare name for workers."""
    bare = Path(json).suffix == "" and json != "-"
    return json.endswith(("/", os.sep)) or Path(json).is_dir() or (several and bare)


def _answer(
    files: Sequence[Path], each: Callable[[Path], Iterator[Identification]], written: Sequence[Output]
) -> tuple[list[Identification], bool, list[Output]]:
    """Answer file by file and hand each answer to the outputs, with its fit; what is held has none.

    Returns:
        The answers, whether all files were answered, and the outputs that are still whole: one that fails, as its disk
        is full, never takes batch and others with it.
    """
    whole = [*written]

    def of_file(file: Path) -> Iterator[Identification]:
        for answer in each(file):
            whole[:] = [output for output in whole if done(output.add, answer)]
            yield replace(answer, pattern=None, fit=None)  # a million scans must fit into memory

    def keep(answers: list[Identification]) -> None:
        for output in whole:
            done(output.keep, answers)

    return *batch("identifying", files, of_file, keep), whole


def _finish(answers: list[Identification], all_answered: bool, whole: list[Output], written: list[Output]) -> None:
    """Close the outputs, and end with the status that tells how it went."""
    closed = [output for output in whole if done(output.close, answers)]
    if not all_answered:
        raise typer.Exit(INTERRUPTED)
    if len(closed) < len(written):
        raise typer.Exit(2)
    if any(answer.error for answer in answers):
        raise typer.Exit(1)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and those of folders in the order of their names, 2 before 10."""

    def order(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]

    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = [one for one in path.glob("*") if one.exists() and not one.is_dir() and one.name[0] != "."]
        if not inside:
            raise BragglensError(f"{path}: holds no file that can be opened: give scans, or the folder they are in")
        files += sorted(inside, key=order)
    return files


def sources_of(model: Path | None, phases: list[Path] | None, library: list[str] | None) -> list[str] | None:
    """Who is asked, by words that hold in whatever folder a worker is started; None is the built-in library."""
    from bragglens.match.builtin import SCOPES

    if model and (phases or library):
        raise typer.BadParameter("a model knows its own phases: leave out --phases and --library, or --model")
    named = [part for word in library or () for part in _parts(word)]
    paths = [str(path.resolve()) for path in ([model] if model else phases or ())]
    files = [str(Path(part).resolve()) for part in named if part not in SCOPES]
    return [*paths, *files, *(part for part in named if part in SCOPES)] or None


def _parts(word: str) -> list[str]:
    """What one --library names: parts of the built-in library, files and folders of structures, between commas."""
    from bragglens.match.builtin import SCOPES

    parts = [word] if Path(word).exists() else word.replace(",", " ").split()
    for part in parts:
        if part not in SCOPES and not Path(part).exists():
            raise typer.BadParameter(
                f"--library {part}: is no part of the built-in library and no file: give {', '.join(SCOPES)}, or a file"
            )
    return parts


def asked_of(sources: Sequence[str] | None) -> Any:
    """A model, or a library of structures; what was left out of folders is said."""
    from bragglens.identification.asked import asked_of

    def read(source: str) -> Any:  # paths are absolute, so that no folder is taken for a part of the library
        path = Path(source)
        return phases_of(path) if path.is_absolute() and path.is_dir() else source

    return asked_of(sources and [read(one) for one in sources])


@app.command()
def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV: file, set, phases, weight_percent, wavelength, note.")],
    model: AskedModel = None,
    phases: AskedPhases = None,
    library: AskedLibrary = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Only this set; may be given again.")] = None,
    alike: Annotated[Path | None, typer.Option(help="Phases that count as one: a line each, between commas.")] = None,
    network_only: NetworkOnly = False,
    json: Annotated[Path | None, typer.Option(help="Write answers, labels and scores as JSON.")] = None,
) -> None:
    """Score a model, or structures alone, on labelled scans, set by set. Every wrong confident answer is counted.

    Ends with status 1 where any scan could not be judged.
    """
    from bragglens.identification.allowed import check
    from bragglens.identification.evaluate import Judged, by_set, evaluation, judge, read_alike, read_manifest, scores
    from bragglens.identification.options import Options
    from bragglens.report.words import scores_table, write_json

    loaded = asked_of(sources_of(model, phases, library))
    options = Options(network_only=network_only)
    check(loaded, options)
    groups = read_alike(alike) if alike else ()
    labels = read_manifest(manifest, sets=sets or ())

    def keep(judged: list[Judged]) -> None:
        if json:
            write_json(evaluation(loaded, judged), json)

    judged, whole = batch("judging", labels, lambda label: [judge(label, loaded, groups, options)], keep)
    scores_table({name: scores(members) for name, members in by_set(judged).items()}, console=out)
    for one in judged:
        if one.answer.error:
            tell(one.answer.error, "red")
    keep(judged)
    if not whole:
        raise typer.Exit(INTERRUPTED)
    if any(one.answer.error for one in judged):
        raise typer.Exit(1)


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
    from bragglens.fit.calibrate import calibrate as fit_instrument
    from bragglens.report.calibration_words import calibration_words
    from bragglens.scan.read import read_scan
    from bragglens.simulate.from_scan import starting_instrument
    from bragglens.simulate.instrument_file import write_instrument

    drawable(figure)
    measured = read_scan(scan)
    start = starting_instrument(measured, instrument=instrument, wavelength=wavelength)
    calibration = fit_instrument(measured, standard(reference), start)
    write_instrument(calibration.instrument, target)
    say(calibration_words(calibration))
    say(target)
    if figure:
        from bragglens.report.calibration import calibration_figure

        save(calibration_figure(calibration), figure)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder for all that it makes.")] = Path("demo"),
    founding_post: Annotated[
        bool,
        typer.Option("--founding-post", help="Train a network on five phases of titania, as the post did."),
    ] = False,
    steps: Annotated[
        int, typer.Option(min=20, help="With --founding-post: batches to train on; fewer is faster and worse.")
    ] = 300,
    rruff: Annotated[
        bool,
        typer.Option("--rruff", help="With --founding-post: fetch and identify the eleven RRUFF scans too."),
    ] = False,
    seed: Seed = 0,
) -> None:
    """Identify a measured and a simulated scan with the built-in library. Needs no network."""
    if not founding_post:
        from bragglens.demo import run_demo

        run_demo(folder, console=out)
        return
    from bragglens.founding_post import run_founding_post

    run_founding_post(folder, steps=steps, rruff=rruff, seed=seed, console=out, bar=bar, report=print_epoch)
