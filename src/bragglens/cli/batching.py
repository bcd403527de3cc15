"""Batching: jobs done one after another or by workers, and the outputs of their answers."""

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
from bragglens.cli.jobs import Job, answers_of
from bragglens.cli.outputs import Output, done, figures, json_file, report_file, screen, series_file, table_file
from bragglens.cli.parameters import Answers, Drawn, Shares
from bragglens.cli.sharing import Each, shared

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification
    from bragglens.identification.options import Options


@dataclass(frozen=True)
class Batch:
    """The work of one command.

    Attributes:
        jobs: the files of scans, in order.
        sole: the file if a single one was given by name: outputs are then files, not folders.
    """

    jobs: Sequence[Job]
    sole: str | None

    @property
    def asked(self) -> list[Any]:
        """The libraries and models, each once."""
        return [who.asked for who in dict.fromkeys(job.who for job in self.jobs if job.who)]


def answer_together(work: Batch, answers: Answers, drawn: Drawn, shares: Shares) -> None:
    """Process all jobs and write the requested outputs; the exit status shows success."""
    exported = exporter(drawn, work.sole, [job.options for job in work.jobs])
    written = _outputs(work, answers, drawn)
    with _answering(work, shares) as each:
        answered = _answer(work.jobs, lambda job: exported(each(job)), written)
    _finish(*answered, written)


def exporter(
    drawn: Drawn, sole: str | None, options: Sequence[Options]
) -> Callable[[Iterator[Identification]], Iterator[Identification]]:
    """A function that exports each answer to other programs. Impossible exports are refused at once.

    Raises:
        BragglensError: an export is not possible, see `check_exports`.
    """
    exports = Exports(drawn.profile, drawn.rietx, drawn.rietveld, sole=sole)
    check_exports(exports, network_only=any(one.network_only for one in options))

    def exported(answers: Iterator[Identification]) -> Iterator[Identification]:
        for answer in answers:
            yield export(answer, exports) if exports.any and not answer.error else answer

    return exported


def _outputs(work: Batch, answers: Answers, drawn: Drawn) -> list[Output]:
    """The requested outputs, the screen last: its reader may have closed it."""
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
    return made if answers.json == "-" else [*made, screen(candidates=answers.candidates)]


@contextmanager
def _answering(work: Batch, shares: Shares) -> Iterator[Each]:
    """Where a job is processed: in this process or by workers."""
    if shares.several:
        with shared(work.jobs, shares) as each:
            yield each
        return

    def here(job: Job) -> Iterator[Identification]:
        return answers_of(job, job.who.asked if job.who else None, job.scan)

    yield here


def _answer(
    jobs: Sequence[Job], each: Each, written: Sequence[Output]
) -> tuple[list[Identification], bool, list[Output]]:
    """Process job by job and give each answer with its fit to the outputs; answers that are kept have no fit.

    Returns:
        The answers, whether all jobs were done, and the outputs without failures. An output that fails, for example on
        a full disk, does not stop the batch or the other outputs.
    """
    whole = [*written]

    def of_job(job: Job) -> Iterator[Identification]:
        for answer in each(job):
            whole[:] = [output for output in whole if done(output.add, answer)]
            yield answer.without_patterns  # answers for a million scans must fit into memory

    def keep(answers: list[Identification]) -> None:
        for output in whole:
            done(output.keep, answers)

    return *batch("identifying", jobs, of_job, keep), whole


def _finish(answers: list[Identification], all_answered: bool, whole: list[Output], written: list[Output]) -> None:
    """Close the outputs and exit with the right status."""
    closed = [output for output in whole if done(output.close, answers)]
    if not all_answered:
        raise typer.Exit(INTERRUPTED)
    if len(closed) < len(written):
        raise typer.Exit(2)
    if any(answer.error for answer in answers):
        raise typer.Exit(1)
