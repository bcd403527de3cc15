"""batch --json FOLDER: an answer for each file of scans, with any number of workers; it can be resumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bragglens.cli.app import INTERRUPTED, bar, kill_as_ctrl_c, say, tell
from bragglens.cli.jobs import Job, Who, answers_of
from bragglens.cli.parameters import Shares
from bragglens.cli.remembered import asked_of_file, identity_of, stands, write_answers
from bragglens.errors import BragglensError
from bragglens.files import safe_name

if TYPE_CHECKING:
    from bragglens.identification.proposers import Proposer
    from bragglens.parallel import Lost

AHEAD = 4  # jobs queued for each worker, so that none is idle


@dataclass(frozen=True)
class Piece:
    """A job for a worker.

    Attributes:
        job: the job.
        place, target: full paths of the file and of its answer.
    """

    job: Job
    place: Path
    target: Path

    @property
    def asked(self) -> dict[str, Any]:
        """Everything that the answer depends on."""
        return asked_of_file(self.place, self.job.who.identity if self.job.who else "", self.job.options)


def answer_folder(jobs: Sequence[Job], folder: Path, shares: Shares) -> None:
    """Write each answer to `folder/NAME.json`; an existing one for this content, model and options is kept.

    A run that was killed and repeated gives the same files as an uninterrupted one, except for the seconds of each
    answer. The exit status is 1 if a scan could not be judged; such a scan is tried again the next time.

    Raises:
        BragglensError: two files have the same name, or the answers would be in the folder of the scans.
    """
    from bragglens.parallel import Lost, results, workers_of

    check_names(jobs)
    if folder.resolve() in {job.scan.parent.resolve() for job in jobs}:
        raise BragglensError(f"{folder}: answers need another folder than the scans: give another")
    pieces = pieces_of(jobs, folder)
    left = (piece for piece in pieces if not stands(piece.target, piece.asked))
    done, failed = 0, 0
    try:
        with kill_as_ctrl_c(), workers_of(shares.workers, shares.scheduler) as working, bar("identifying") as tick:
            for piece, said in results(answer_piece, left, working.start, ahead=AHEAD * working.count):
                done += 1
                tick(done, len(jobs))
                if isinstance(said, Lost):
                    said = lost(piece, said)
                if said:
                    failed += 1
                    tell(said, "red")
    except KeyboardInterrupt:
        tell("interrupted; finished answers are kept, the same command continues", "yellow")
        raise typer.Exit(INTERRUPTED) from None
    _count(folder, done, len(jobs) - done, failed)


def _count(folder: Path, done: int, before: int, failed: int) -> None:
    """Print how many were answered; exit status 1 if some failed."""
    say(
        f"{folder}  {done} answered"
        + f", {before} answered before" * bool(before)
        + f", {failed} with errors" * bool(failed)
    )
    if failed:
        raise typer.Exit(1)


def check_names(jobs: Sequence[Job]) -> None:
    """Refuse files with the same name where output files are named after them."""
    double = [name for name, count in Counter(job.name for job in jobs).items() if count > 1]
    if double:
        raise BragglensError(
            f"{double[0]}: several files have this name, and their answers would too: identify them in separate runs"
        )


def lost(piece: Piece, why: Lost) -> str:
    """Message about a job whose workers died."""
    return piece.job.told(f"{piece.job.scan}: {why.why}: try it again; if it fails again, please report it")


def pieces_of(jobs: Sequence[Job], folder: Path) -> list[Piece]:
    """A piece for each job, with absolute paths, because workers may start in another folder."""
    there = folder.resolve()
    return [Piece(job, job.scan.absolute(), there / safe_name(job.name, ".json")) for job in jobs]


def answer_piece(piece: Piece) -> str:
    """Identify the scans of a file and write their answers. Returns the first error, or an empty text."""
    asked = piece.asked  # before the file is read: one that grows meanwhile is identified again
    who = read_there(piece.job)
    answers = [one.without_patterns for one in answers_of(piece.job, who, piece.place)]
    write_answers(answers, piece.target, model="" if who is None else who.identity, asked=asked)
    return next((answer.error for answer in answers if answer.error), "")


def read_there(job: Job) -> Proposer | None:
    """The proposer, as a worker reads it; None where the job cannot be done."""
    from bragglens.scan.reader_process import reader

    reader()  # it starts while the library is read
    return None if job.error or job.who is None else _read(job.who)


@cache
def _read(who: Who) -> Proposer:
    """The proposer, read once by each worker."""
    from bragglens.identification.sources import proposer_of

    found = proposer_of(who.sources)
    if identity_of(found) != who.identity:
        raise BragglensError(f"{who.name}: has changed since the run began: start it again")
    return found
