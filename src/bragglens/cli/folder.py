"""identify --json FOLDER: an answer for each scan, by as many workers as there are, going on where it was killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import typer

from bragglens.cli.app import bar, err, out
from bragglens.errors import BragglensError
from bragglens.parallel import Lost, results, workers_of

AHEAD = 4  # pieces for each worker, so that none waits for the next


@dataclass(frozen=True)
class Who:
    """Who is asked, as a worker finds it.

    Attributes:
        model, phases: the file or folder, one of them.
        identity: of what was read from there (`identity_of`), so that no worker answers from another.
    """

    model: Path | None
    phases: Path | None
    identity: str


@dataclass(frozen=True)
class Piece:
    """A file of scans to be answered.

    Attributes:
        scan: the file, as it was given.
        place, target: where it is and where its answer goes, in full.
        who: who is asked.
        options: how scans are looked at, see `identify.Options`.
    """

    scan: Path
    place: Path
    target: Path
    who: Who
    options: dict[str, Any]

    @property
    def asked(self) -> dict[str, Any]:
        """What the answer depends on, as JSON gives it back; the answer states it, and is known by it."""
        try:
            content = sha256(self.place.read_bytes()).hexdigest()
        except OSError:
            content = "unreadable"
        given = {key: value for key, value in self.options.items() if value is not None}
        asked = {"sha256": content, "of": self.who.identity, "bragglens": version("bragglens"), "options": given}
        plain: dict[str, Any] = json.loads(json.dumps(asked))
        return plain

    @property
    def answered(self) -> bool:
        """Whether its answer stands there, without an error."""
        try:
            found = json.loads(self.target.read_text(encoding="utf-8"))
            return bool(found["asked"] == self.asked) and not any(scan["error"] for scan in found["scans"])
        except (OSError, ValueError, KeyError, TypeError):
            return False


def answer_folder(
    files: Sequence[Path], folder: Path, who: Who, options: dict[str, Any], *, workers: int, scheduler: str | None
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
    left = (piece for piece in pieces if not piece.answered)
    done, failed = 0, 0
    with workers_of(workers, scheduler) as working, bar("identifying") as tick:
        for piece, said in results(answer_piece, left, working.start, ahead=AHEAD * working.count):
            done += 1
            tick(done, len(files))
            if isinstance(said, Lost):
                said = f"{piece.scan}: {said.why}: ask it again; if it stays so, please report this"
            if said:
                failed += 1
                err.print(said, style="red", highlight=False, markup=False, soft_wrap=True)
    told = f"{folder}  {done} answered, {len(files) - done} stood there, {failed} with errors"
    out.print(told, highlight=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def pieces_of(files: Sequence[Path], folder: Path, who: Who, options: dict[str, Any]) -> list[Piece]:
    """A piece for each file, with paths that hold in whatever folder a worker was started."""
    there = folder.resolve()
    return [Piece(file, file.resolve(), there / f"{file.name}.json", who, options) for file in files]


def answer_piece(piece: Piece) -> str:
    """Identify the scans of a file and write their answers; the first error's sentence comes back, or nothing."""
    from bragglens.identify.identification import document
    from bragglens.identify.identify import identify_each, source
    from bragglens.report.words import write_json

    asked = piece.asked  # before the file is read: one that grows meanwhile is asked again
    who = _read(piece.who)
    answers = [
        replace(one, file=f"{piece.scan}{one.file.removeprefix(str(piece.place))}", pattern=None, fit=None)
        for one in identify_each(piece.place, who, **piece.options)  # type: ignore[arg-type]
    ]
    write_json({**document(source(who), answers), "asked": asked}, piece.target)
    return next((answer.error for answer in answers if answer.error), "")


@lru_cache(maxsize=1)
def _read(who: Who) -> Any:
    """Who is asked, read once by each worker."""
    from bragglens.learn.model import load_model
    from bragglens.match.catalogue import read_catalogue

    found = read_catalogue(who.phases) if who.phases else load_model(who.model or "")
    if identity_of(found) != who.identity:
        raise BragglensError(f"{who.phases or who.model}: is not what it was when the run began: start it again")
    return found


def who_of(model: Path | None, phases: Path | None, asked: Any) -> Who:
    """Who is asked, by paths that hold in whatever folder a worker was started."""
    return Who(model and model.resolve(), phases and phases.resolve(), identity_of(asked))


def identity_of(asked: Any) -> str:
    """What tells one library or model from another: the hash of its phases, and of its network or of the matcher."""
    from bragglens.identify.asked import library_of
    from bragglens.learn.model import Model

    own = isinstance(asked, Model)
    network = asked.network if own else (resources("bragglens.match") / "matcher.zip").read_bytes()
    return f"{library_of(asked).hash} {sha256(network).hexdigest()}"
