"""Batching: jobs answered one after the other or by workers, and what is written of their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bragglens.cli.app import INTERRUPTED, batch
from bragglens.cli.exporting import Exports, check_exports, export
from bragglens.cli.folder import check_names
from bragglens.cli.jobs import Job, Libraries, answers_of
from bragglens.cli.outputs import Output, done, figures, json_file, report_file, screen, series_file, table_file
from bragglens.cli.parameters import Answers, Drawn, Shares
from bragglens.cli.sharing import Each, shared

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification
    from bragglens.identification.options import Options


@dataclass(frozen=True)
class Batch:
    """What a command has to answer.

    Attributes:
        jobs: the files, in order.
        libraries: what they are asked about.
        sole: the file, where a single one was given by its name: outputs are then files, and no folders.
    """

    jobs: Sequence[Job]
    libraries: Libraries
    sole: str | None

    @property
    def asked(self) -> list[Any]:
        """The libraries and models, each once."""
        return [self.libraries.read(who) for who in dict.fromkeys(job.who for job in self.jobs if job.who)]


def answer_together(work: Batch, answers: Answers, drawn: Drawn, shares: Shares) -> None:
    """Answer all jobs, and write what is wanted of their answers; the exit status tells how it went."""
    exported = exporter(drawn, work.sole, [job.options for job in work.jobs])
    written = _outputs(work, answers, drawn)
    with _answering(work, shares) as each:
        answered = _answer(work.jobs, lambda job: exported(each(job)), written)
    _finish(*answered, written)


def exporter(
    drawn: Drawn, sole: str | None, options: Sequence[Options]
) -> Callable[[Iterator[Identification]], Iterator[Identification]]:
    """What hands each answer on to other programs; what could only fail after the work is refused.

    Raises:
        BragglensError: an export is not possible, see `check_exports`.
    """
    exports = Exports(drawn.profile, drawn.rietx, drawn.rietveld, sole=sole)
    check_exports(exports, network_only=any(one.network_only for one in options))

    def exported(answers: Iterator[Identification]) -> Iterator[Identification]:
        for answer in answers:
            yield answer if answer.error else export(answer, exports)

    return exported


def _outputs(work: Batch, answers: Answers, drawn: Drawn) -> list[Output]:
    """What is written, the screen last: who reads it may have gone."""
    asked, files = work.asked, [job.scan for job in work.jobs]
    only = asked[0] if len(asked) == 1 else None
    if not work.sole and (drawn.figure or drawn.profile or drawn.rietx):
        check_names(work.jobs)
    made: list[Output] = []
    if answers.json:
        made.append(json_file(Path(answers.json), asked))
    if answers.table:
        made.append(table_file(answers.table))
    if drawn.figure:
        made.append(figures(drawn.figure, sole=work.sole))
    if answers.report:
        made.append(report_file(answers.report, only, files, series=answers.series is not None))
    if answers.series:
        made.append(series_file(answers.series, files))
    return made if answers.json == "-" else [*made, screen()]


@contextmanager
def _answering(work: Batch, shares: Shares) -> Iterator[Each]:
    """What answers a job: this process, or workers."""
    if shares.several:
        with shared(work.jobs, shares) as each:
            yield each
        return
    libraries = work.libraries

    def here(job: Job) -> Iterator[Identification]:
        return answers_of(job, libraries.read(job.who) if job.who else None, job.scan)

    yield here


def _answer(
    jobs: Sequence[Job], each: Each, written: Sequence[Output]
) -> tuple[list[Identification], bool, list[Output]]:
    """Answer job by job and hand each answer to the outputs, with its fit; what is held has none.

    Returns:
        The answers, whether all jobs were answered, and the outputs that are still whole: one that fails, as its disk
        is full, never takes batch and others with it.
    """
    whole = [*written]

    def of_job(job: Job) -> Iterator[Identification]:
        for answer in each(job):
            whole[:] = [output for output in whole if done(output.add, answer)]
            yield answer.without_patterns  # a million scans must fit into memory

    def keep(answers: list[Identification]) -> None:
        for output in whole:
            done(output.keep, answers)

    return *batch("identifying", jobs, of_job, keep), whole


def _finish(answers: list[Identification], all_answered: bool, whole: list[Output], written: list[Output]) -> None:
    """Close the outputs, and end with the status that tells how it went."""
    closed = [output for output in whole if done(output.close, answers)]
    if not all_answered:
        raise typer.Exit(INTERRUPTED)
    if len(closed) < len(written):
        raise typer.Exit(2)
    if any(answer.error for answer in answers):
        raise typer.Exit(1)
