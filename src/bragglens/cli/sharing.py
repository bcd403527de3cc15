"""Scans of a batch answered by several processes, or by a cluster, in the order of the files, for any output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bragglens.cli.folder import AHEAD, Piece, Who, answers_of, pieces_of
from bragglens.parallel import Lost, results, workers_of

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification
    from bragglens.identification.options import Options

Each = Callable[[Path], "Iterator[Identification]"]


@contextmanager
def shared(files: Sequence[Path], who: Who, options: Options, *, workers: int, scheduler: str | None) -> Iterator[Each]:
    """What gives the answers to one file after the other, whole with their fits, while workers go ahead.

    Args:
        files: all that will be asked, in that order.
        who: who is asked.
        options: how scans are looked at, see `Options`.
        workers: processes, where there is no scheduler.
        scheduler: of a Dask cluster.
    """
    from bragglens.identification.answer import Identification

    pieces = pieces_of(files, Path(), who, options)
    with workers_of(workers, scheduler) as working:
        answered = results(_answers, pieces, working.start, ahead=AHEAD * working.count)

        def each(file: Path) -> Iterator[Identification]:
            _, said = next(answered)
            if isinstance(said, Lost):
                error = f"{file}: {said.why}: ask it again; if it stays so, please report this"
                yield Identification(str(file), who.name, None, error=error)
            else:
                yield from said

        yield each


def _answers(piece: Piece) -> list[Identification]:
    return answers_of(piece)[1]
