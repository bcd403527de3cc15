"""Scans of a batch identified in several processes or a cluster. Answers keep the order of the jobs, for any output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bragglens.cli.folder import AHEAD, Piece, lost, pieces_of, read_there
from bragglens.cli.jobs import Job, answers_of
from bragglens.cli.parameters import Shares

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification

Each = Callable[[Job], "Iterator[Identification]"]


@contextmanager
def shared(jobs: Sequence[Job], shares: Shares) -> Iterator[Each]:
    """A function that gives the answers of one job after another, with their fits, while workers are ahead of it.

    Args:
        jobs: all jobs, in the order of the requests.
        shares: the workers.
    """
    from bragglens.identification.answer import Identification
    from bragglens.parallel import Lost, results, workers_of

    with workers_of(shares.workers, shares.scheduler) as working:
        answered = results(_answers, pieces_of(jobs, Path()), working.start, ahead=AHEAD * working.count)

        def each(job: Job) -> Iterator[Identification]:
            piece, said = next(answered)
            if isinstance(said, Lost):
                yield Identification(str(job.scan), job.who.name if job.who else "", None, error=lost(piece, said))
            else:
                yield from said

        yield each


def _answers(piece: Piece) -> list[Identification]:
    return list(answers_of(piece.job, read_there(piece.job), piece.place))
