"""Commands about measured scans: identify, evaluate, calibrate, demo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bragglens.cli.app import (
    ModelFile,
    Seed,
    app,
    bar,
    batch,
    err,
    internal_standard,
    out,
    print_epoch,
    save,
    stated_wavelength,
)
from bragglens.cli.exporting import Exports, check_exports, export
from bragglens.cli.watching import SETTLE
from bragglens.cli.watching import watch as watch_folder
from bragglens.crystal.library import Library

NetworkOnly = Annotated[
    bool, typer.Option("--network-only", help="Leave out the fit: far faster, no fractions, more easily deceived.")
]
INTERRUPTED = 130  # status that shells give to what Ctrl-C ended


@app.command()
def identify(
    scans: Annotated[list[Path] | None, typer.Argument(help="Measured scans.", show_default=False)] = None,
    model: Annotated[Path | None, typer.Option("--model", "-m", help="Model file that `train` made.")] = None,
    phases: Annotated[
        Path | None, typer.Option(help="Folder of CIFs in place of a model: the fit alone, without training.")
    ] = None,
    wavelength: Annotated[
        str | None, typer.Option(help="CuKa, CoKa, ... or Å; needed where the file does not state it.")
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(help="Only phases of these elements, `Ti,O`; or none with those, `-Fe,-Pb`.", metavar="SYMBOLS"),
    ] = None,
    standard: Annotated[
        str | None,
        typer.Option(help="Internal standard, wt% of the specimen: tells amorphous content.", metavar="NAME=WT"),
    ] = None,
    particle_size: Annotated[
        float | None, typer.Option(help="Diameter of the grains in µm, for microabsorption; 0 for none.", metavar="µM")
    ] = None,
    network_only: NetworkOnly = False,
    json: Annotated[
        Path | None, typer.Option(help="Write the answers as JSON ('-' for the screen); a folder with --watch.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw scan, fit and phases: a .png, .svg or .pdf; a folder for several scans.")
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
    settle: Annotated[
        float, typer.Option(min=0, help="With --watch: seconds for which a file must not have changed.")
    ] = SETTLE,
) -> None:
    """Tell which phases are in measured scans, and how much of each. A scan that cannot be read never stops the others.

    Ends with status 1 where any scan could not be judged. Ctrl-C ends a batch early and keeps what is answered.
    """
    from bragglens.identify.identification import Identification, document
    from bragglens.identify.identify import Options, check, identify_file, source
    from bragglens.report.details import print_answers
    from bragglens.report.words import write_json

    if bool(scans) == bool(watch):
        raise typer.BadParameter("give the scans, or a folder to --watch")
    files = scans or []
    asked = _asked(model, phases)
    options: Options = {
        "wavelength": stated_wavelength(wavelength),
        "elements": elements,
        "network_only": network_only,
        "particle_size": particle_size,
        "standard": internal_standard(standard),
    }
    check(asked, options)
    exports = Exports(profile, rietx, rietveld, several=len(files) != 1)
    check_exports(exports, network_only=network_only)

    def one(scan: Path) -> Identification:
        answer = identify_file(scan, asked, **options)
        if figure and not answer.error:
            _draw(answer, asked, figure if len(files) == 1 else figure / f"{scan.name}.png")
        if not answer.error:
            answer = export(answer, asked if isinstance(asked, Library) else asked.library, exports)
        return replace(answer, pattern=None, fit=None)  # a million scans must fit into memory

    def keep(answers: list[Identification]) -> None:
        if json and json != Path("-"):
            write_json(document(source(asked), answers), json)

    if watch:
        watch_folder(watch, json or watch / "answers", one, model=source(asked), options={**options}, settle=settle)
        return
    answers = batch("identifying", files, one, keep)
    if json == Path("-"):
        write_json(document(source(asked), answers), json)
    else:
        print_answers(answers, console=out)
        keep(answers)
    if len(answers) < len(files):
        raise typer.Exit(INTERRUPTED)
    if any(answer.error for answer in answers):
        raise typer.Exit(1)


def _asked(model: Path | None, phases: Path | None) -> Any:
    """Who is asked: a model, or a library of structures alone."""
    from bragglens.crystal.library import read_library
    from bragglens.learn.model import load_model

    if (model is None) == (phases is None):
        raise typer.BadParameter("give one of --model FILE (made by `train`) and --phases FOLDER (of CIFs)")
    if phases is None:
        return load_model(model or "")
    library = read_library(phases)
    for problem in library.problems:
        err.print(problem, style="red", highlight=False)
    return library


@app.command()
def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV: file, set, phases, weight_percent, wavelength, note.")],
    model: ModelFile,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Only this set; may be given again.")] = None,
    alike: Annotated[Path | None, typer.Option(help="Phases that count as one: a line each, between commas.")] = None,
    network_only: NetworkOnly = False,
    json: Annotated[Path | None, typer.Option(help="Write answers, labels and scores as JSON.")] = None,
) -> None:
    """Score a model on labelled scans, set by set. Every wrong confident answer is counted."""
    from bragglens.identify.evaluate import Judged, by_set, evaluation, judge, read_alike, read_manifest, scores
    from bragglens.learn.model import load_model
    from bragglens.report.words import scores_table, write_json

    loaded = load_model(model)
    groups = read_alike(alike) if alike else ()
    labels = read_manifest(manifest, sets=sets or ())

    def keep(judged: list[Judged]) -> None:
        if json:
            write_json(evaluation(loaded, judged), json)

    judged = batch("judging", labels, lambda label: judge(label, loaded, groups, network_only=network_only), keep)
    scores_table({name: scores(members) for name, members in by_set(judged).items()}, console=out)
    for one in judged:
        if one.answer.error:
            err.print(one.answer.error, style="red", highlight=False)
    keep(judged)
    if len(judged) < len(labels):
        raise typer.Exit(INTERRUPTED)


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
        save(calibration_figure(calibration), figure)


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

    run_demo(folder, steps=steps, rruff=rruff, seed=seed, console=out, bar=bar, report=print_epoch)


def _draw(answer: Any, model: Any, path: Path) -> None:
    from bragglens.report.identified import identification_figure

    save(identification_figure(answer, model), path)
