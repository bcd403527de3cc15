"""Commands that test a model, a diffractometer, and this program: evaluate, calibrate, demo, policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bragglens.cli.app import INTERRUPTED, Seed, app, bar, batch, drawable, out, print_epoch, save, say, tell
from bragglens.cli.grouped import grouped
from bragglens.cli.jobs import read_sources, sources_of
from bragglens.cli.parameters import NetworkOnly, Sources

if TYPE_CHECKING:
    from bragglens.identification.evaluate import Judged


@app.command()
@grouped
def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV: file, set, phases, weight_percent, wavelength, note.")],
    *,
    sources: Sources,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Only this set; can be repeated.")] = None,
    alike: Annotated[
        Path | None, typer.Option(help="Phases that count as one: one group per line, separated by commas.")
    ] = None,
    network_only: NetworkOnly = False,
    json: Annotated[Path | None, typer.Option(help="Write answers, labels and scores as JSON.")] = None,
) -> None:
    """Score a model, or structures alone, on labelled scans, set by set. Every false positive is counted.

    The exit status is 1 if any scan could not be judged.
    """
    from bragglens.identification.allowed import check
    from bragglens.identification.evaluate import by_set, evaluation, judge, read_alike, read_manifest, scores
    from bragglens.identification.options import Options
    from bragglens.report.words import scores_table, write_json

    loaded = read_sources(sources_of(sources))
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
        str | None, typer.Option(help="Initial instrument: a preset such as bruker-d8, or an instrument file.")
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
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder for the output.")] = Path("demo"),
    founding_post: Annotated[
        bool,
        typer.Option("--founding-post", help="Train a network on five phases of titania, as the post did."),
    ] = False,
    steps: Annotated[
        int,
        typer.Option(
            min=20, help="With --founding-post: number of training batches; fewer are faster and less accurate."
        ),
    ] = 300,
    rruff: Annotated[
        bool,
        typer.Option("--rruff", help="With --founding-post: also download and identify the eleven RRUFF scans."),
    ] = False,
    seed: Seed = 0,
) -> None:
    """Identify a measured and a simulated scan with the built-in library. Needs no internet connection."""
    if not founding_post:
        from bragglens.demo import run_demo

        run_demo(folder, console=out)
        return
    from bragglens.founding_post import run_founding_post

    run_founding_post(folder, steps=steps, rruff=rruff, seed=seed, console=out, bar=bar, report=print_epoch)


@app.command("policy")
def show_policy(
    source: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Your own thresholds; default: those of the package.")
    ] = None,
) -> None:
    """Print every threshold that affects an answer, with unit, meaning and origin, as a file for `--policy`."""
    from bragglens.policy import policy_of, policy_toml

    print(policy_toml(policy_of(source)), end="")
