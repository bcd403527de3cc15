"""batch --json FOLDER: an answer for each file of scans, by any number of workers, going on where it was killed."""

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

AHEAD = 4  # pieces for each worker, so that none waits for the next


@dataclass(frozen=True)
class Piece:
    """A job as a worker gets it.

    Attributes:
        job: what is to be answered.
        place, target: where the file is and where its answer goes, in full.
    """

    job: Job
    place: Path
    target: Path

    @property
    def asked(self) -> dict[str, Any]:
        """What the answer depends on."""
        return asked_of_file(self.place, self.job.who.identity if self.job.who else "", self.job.options)


def answer_folder(jobs: Sequence[Job], folder: Path, shares: Shares) -> None:
    """Answer each file into `folder/NAME.json`; what stands there already for this content, model and options is kept.

    The files of a run that was killed and called again are those of one that was not, but for the seconds that each
    answer took. Ends with status 1 where a scan could not be judged; such a scan is asked again the next time.

    Raises:
        BragglensError: two files have one name, or the answers would lie among the scans.
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
    """Say how many were answered; status 1 where some could not be."""
    say(
        f"{folder}  {done} answered"
        + f", {before} answered before" * bool(before)
        + f", {failed} with errors" * bool(failed)
    )
    if failed:
        raise typer.Exit(1)


def check_names(jobs: Sequence[Job]) -> None:
    """Refuse files of one name, where files are written that are called after them."""
    double = [name for name, count in Counter(job.name for job in jobs).items() if count > 1]
    if double:
        raise BragglensError(
            f"{double[0]}: several files have this name, and their answers would too: identify them in separate runs"
        )


def lost(piece: Piece, why: Lost) -> str:
    """What is said of a job that took its workers with it."""
    return piece.job.told(f"{piece.job.scan}: {why.why}: try it again; if it fails again, please report it")


def pieces_of(jobs: Sequence[Job], folder: Path) -> list[Piece]:
    """A piece for each job, with paths that hold in whatever folder a worker was started."""
    there = folder.resolve()
    return [Piece(job, job.scan.absolute(), there / safe_name(job.name, ".json")) for job in jobs]


def answer_piece(piece: Piece) -> str:
    """Identify the scans of a file and write their answers; the first error's sentence comes back, or nothing."""
    asked = piece.asked  # before the file is read: one that grows meanwhile is asked again
    who = read_there(piece.job)
    answers = [one.without_patterns for one in answers_of(piece.job, who, piece.place)]
    write_answers(answers, piece.target, model="" if who is None else who.identity, asked=asked)
    return next((answer.error for answer in answers if answer.error), "")


def read_there(job: Job) -> Proposer | None:
    """Who is asked, as a worker reads it; None where the job cannot be done."""
    from bragglens.scan.reader_process import reader

    reader()  # it starts while the library is read
    return None if job.error or job.who is None else _read(job.who)


@cache
def _read(who: Who) -> Proposer:
    """Who is asked, read once by each worker."""
    from bragglens.identification.sources import proposer_of

    found = proposer_of(who.sources)
    if identity_of(found) != who.identity:
        raise BragglensError(f"{who.name}: has changed since the run began: start it again")
    return found
