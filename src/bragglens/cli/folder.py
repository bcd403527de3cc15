"""identify --json FOLDER: an answer for each scan, by as many workers as there are, going on where it was killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bragglens.cli.app import INTERRUPTED, bar, kill_as_ctrl_c, say, tell
from bragglens.cli.remembered import asked_of_file, identity_of, stands, write_answers
from bragglens.errors import BragglensError
from bragglens.files import safe_name
from bragglens.parallel import Lost, results, workers_of

if TYPE_CHECKING:
    from bragglens.identification.options import Options

AHEAD = 4  # pieces for each worker, so that none waits for the next


@dataclass(frozen=True)
class Who:
    """Who is asked, as a worker finds it.

    Attributes:
        sources: as `asked.asked_of` takes them.
        identity: of what was read from there (`identity_of`), so that no worker answers from another.
    """

    sources: tuple[str, ...] | None
    identity: str

    @property
    def name(self) -> str:
        """The files' names without their folders."""
        return ", ".join(Path(one).name for one in self.sources or ["the built-in library"])


@dataclass(frozen=True)
class Piece:
    """A file of scans to be answered.

    Attributes:
        scan: the file, as it was given.
        place, target: where it is and where its answer goes, in full.
        who: who is asked.
        options: how scans are looked at, see `Options`.
    """

    scan: Path
    place: Path
    target: Path
    who: Who
    options: Options

    @property
    def asked(self) -> dict[str, Any]:
        """What the answer depends on."""
        return asked_of_file(self.place, self.who.identity, self.options)


def answer_folder(
    files: Sequence[Path], folder: Path, who: Who, options: Options, *, workers: int, scheduler: str | None
) -> None:
    """Answer each file into `folder/NAME.json`; what stands there already for this content, model and options is kept.

    The files of a run that was killed and called again are those of one that was not, but for the seconds that each
    answer took. Ends with status 1 where a scan could not be judged; such a scan is asked again the next time.

    Raises:
        BragglensError: two files have one name, or the answers would lie among the scans.
    """
    names = Counter(file.name for file in files)
    if double := [name for name, count in names.items() if count > 1]:
        raise BragglensError(f"{double[0]}: several files have this name, and so would their answers: ask them apart")
    if folder.resolve() in {file.parent.resolve() for file in files}:
        raise BragglensError(f"{folder}: answers need a folder of their own, apart from the scans: give another")
    pieces = pieces_of(files, folder, who, options)
    left = (piece for piece in pieces if not stands(piece.target, piece.asked))
    done, failed = 0, 0
    try:
        with kill_as_ctrl_c(), workers_of(workers, scheduler) as working, bar("identifying") as tick:
            for piece, said in results(answer_piece, left, working.start, ahead=AHEAD * working.count):
                done += 1
                tick(done, len(files))
                if isinstance(said, Lost):
                    said = f"{piece.scan}: {said.why}: ask it again; if it stays so, please report this"
                if said:
                    failed += 1
                    tell(said, "red")
    except KeyboardInterrupt:
        tell("interrupted; what is answered is kept, the same command goes on", "yellow")
        raise typer.Exit(INTERRUPTED) from None
    before = len(files) - done
    say(
        f"{folder}  {done} answered"
        + f", {before} answered before" * bool(before)
        + f", {failed} with errors" * bool(failed)
    )
    if failed:
        raise typer.Exit(1)


def pieces_of(files: Sequence[Path], folder: Path, who: Who, options: Options) -> list[Piece]:
    """A piece for each file, with paths that hold in whatever folder a worker was started."""
    there = folder.resolve()
    return [Piece(file, file.absolute(), there / safe_name(file.name, ".json"), who, options) for file in files]


def answer_piece(piece: Piece) -> str:
    """Identify the scans of a file and write their answers; the first error's sentence comes back, or nothing."""
    asked = piece.asked  # before the file is read: one that grows meanwhile is asked again
    model, whole = answers_of(piece)
    answers = [replace(one, pattern=None, fit=None) for one in whole]
    write_answers(answers, piece.target, model=model, asked=asked)
    return next((answer.error for answer in answers if answer.error), "")


def answers_of(piece: Piece) -> tuple[str, list[Any]]:
    """The name of who is asked, and the answers to the scans of a file with their fits."""
    from bragglens.identification.asked import source
    from bragglens.identification.identify import identify_each
    from bragglens.scan.apart import reader

    reader()  # it starts while the library is read
    who = _read(piece.who)
    return source(who), [
        replace(one, file=f"{piece.scan}{one.file.removeprefix(str(piece.place))}")
        for one in identify_each(piece.place, who, piece.options)
    ]


@lru_cache(maxsize=1)
def _read(who: Who) -> Any:
    """Who is asked, read once by each worker."""
    from bragglens.identification.asked import asked_of

    found = asked_of(who.sources)
    if identity_of(found) != who.identity:
        raise BragglensError(f"{who.name}: is not what it was when the run began: start it again")
    return found


def who_of(sources: Sequence[str] | None, asked: Any) -> Who:
    """Who is asked, for workers to find."""
    return Who(None if sources is None else tuple(sources), identity_of(asked))
