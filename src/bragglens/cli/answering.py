"""Commands that identify scans: identify, batch, watch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bragglens.cli.app import app
from bragglens.cli.batching import Batch, answer_together, exporter
from bragglens.cli.folder import answer_folder
from bragglens.cli.grouped import grouped
from bragglens.cli.job_table import is_table, jobs_of_table, refuse_tables
from bragglens.cli.jobs import Libraries, files_of, jobs_of, sources_of
from bragglens.cli.outputs import figures
from bragglens.cli.parameters import SETTLE, Answers, Drawn, Given, Older, Settle, Shares, Sources
from bragglens.cli.watching import Asking, watch_folder
from bragglens.collector import starting

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification


@app.command()
@grouped
def identify(
    scans: Annotated[
        list[Path] | None, typer.Argument(help="Measured scans, or folders of them.", show_default=False)
    ] = None,
    *,
    sources: Sources,
    given: Given,
    answers: Answers,
    drawn: Drawn,
    older: Older,
) -> None:
    """Identify the phases in measured scans, with weight fractions. An unreadable scan does not stop the others.

    Every scan of a file is identified. The exit status is 1 if any scan could not be judged. Ctrl-C stops the command
    and keeps finished answers. For folders, many scans and several processes use `bragglens batch`.
    """
    shares = Shares(older.workers, older.scheduler)
    if bool(scans) == bool(older.watch):
        raise typer.BadParameter("give the scans; `bragglens watch FOLDER` identifies new files")
    if not older.watch:
        _answer(_work(scans or [], sources, given), answers, drawn, shares, bare=shares.several)
        return
    if answers.table or answers.report or answers.series:
        raise typer.BadParameter(
            "--watch never ends, so --table, --report and --series cannot be written: leave them out"
        )
    if shares.several:
        raise typer.BadParameter("--watch identifies one scan at a time: leave out --workers and --scheduler")
    _watch(older.watch, sources, given, drawn, json=answers.json, settle=older.settle)


@app.command("batch")
@grouped
def answer_batch(
    scans: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER|jobs.csv",
            help="Folder of scans, or a CSV with a row for each scan: file, and optionally wavelength, elements, "
            "standard, library.",
            show_default=False,
        ),
    ],
    *,
    sources: Sources,
    given: Given,
    answers: Answers,
    drawn: Drawn,
    shares: Shares,
) -> None:
    """Identify a folder of scans, or the scans of a table, in one or more processes.

    With `--json FOLDER` each file of scans gets its own answer, and the same command continues after an interruption.
    Values in a row of a table override the options. Relative paths in it start from its folder. A bad scan or row does
    not stop the others. The exit status is 1 if any scan could not be judged.
    """
    _answer(_work(scans, sources, given, tables=True), answers, drawn, shares, bare=True)


@app.command()
@grouped
def watch(
    folder: Annotated[Path, typer.Argument(help="Folder that a diffractometer writes to.", show_default=False)],
    *,
    sources: Sources,
    given: Given,
    json: Annotated[
        str | None,
        typer.Option(help="Folder for the answers, a JSON file for each scan.", show_default="FOLDER/answers"),
    ] = None,
    drawn: Drawn,
    settle: Settle = SETTLE,
) -> None:
    """Identify every scan in a folder, present and new ones, until Ctrl-C or `kill`."""
    _watch(folder, sources, given, drawn, json=json, settle=settle)


@starting()
def _work(paths: Sequence[Path], sources: Sources, given: Given, *, tables: bool = False) -> Batch:
    """The jobs for scans and folders, or for a table.

    Raises:
        BragglensError: an option, a library or a table is not valid.
    """
    from bragglens.scan.reader_process import reader

    reader()  # it starts while the library is read
    from bragglens.identification.allowed import check

    named, options, libraries = sources_of(sources), given.read(), Libraries()
    if tables and is_table(paths):
        return Batch(jobs_of_table(paths[0], named, options, libraries), None)
    refuse_tables(paths)
    who = libraries.who(named)
    check(who.asked, options)
    files = files_of(paths)
    sole = str(files[0]) if files == [*paths] and len(files) == 1 else None
    return Batch(jobs_of(files, who, options), sole)


def _answer(work: Batch, answers: Answers, drawn: Drawn, shares: Shares, *, bare: bool) -> None:
    """Write an answer file for each scan into a folder, or one output for all of them."""
    folder = answers.folder(bare=bare)
    if folder is None:
        answer_together(work, answers, drawn, shares)
    elif answers.table or answers.report or answers.series or drawn != Drawn():
        raise typer.BadParameter("--json FOLDER cannot be combined with other outputs: leave the others out")
    else:
        answer_folder(work.jobs, folder, shares)


def _watch(folder: Path, sources: Sources, given: Given, drawn: Drawn, *, json: str | None, settle: float) -> None:
    """Identify the scans that are in a folder and new ones."""
    from bragglens.scan.reader_process import reader

    reader()  # it starts while the library is read
    from bragglens.identification.allowed import check
    from bragglens.identification.identify import identify_each

    libraries, options = Libraries(), given.read()
    with starting():
        who = libraries.who(sources_of(sources))
        check(who.asked, options)
    exported = exporter(drawn, None, [options])

    def each(scan: Path) -> Iterator[Identification]:
        return exported(identify_each(scan, who.asked, options))

    outputs = [figures(drawn.figure, sole=None)] if drawn.figure else []
    asking = Asking(who, who.asked.identity, options, each, outputs)
    watch_folder(folder, Path(json) if json else folder / "answers", asking, settle=settle)
