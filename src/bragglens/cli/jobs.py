"""Jobs: the files of scans that a command answers, each with the library that is asked and how it is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bragglens.cli.app import phases_of
from bragglens.cli.parameters import Sources
from bragglens.cli.remembered import identity_of
from bragglens.errors import BragglensError

if TYPE_CHECKING:
    from bragglens.identification.answer import Identification
    from bragglens.identification.options import Options
    from bragglens.identification.proposers import Proposer


@dataclass(frozen=True)
class Who:
    """Who is asked, as a worker finds it.

    Attributes:
        sources: as `sources.proposer_of` takes them; None is the built-in library.
        identity: of what was read from there (`identity_of`), so that no worker answers from another.
    """

    sources: tuple[str, ...] | None
    identity: str

    @property
    def name(self) -> str:
        """The files' names without their folders."""
        return ", ".join(Path(one).name for one in self.sources or ["the built-in library"])


def who_of(sources: Sequence[str] | None, asked: Proposer) -> Who:
    """Who is asked, for workers to find."""
    return Who(None if sources is None else tuple(sources), identity_of(asked))


@dataclass(frozen=True)
class Job:
    """A file of scans to be answered.

    Attributes:
        scan: the file, as it was given.
        who: who is asked; None where `error` is stated.
        options: how its scans are looked at.
        name: what files about it are called; the scan's own name, but where several have it.
        row: the row of a table that it stands in, for sentences about it; empty where there is no table.
        error: why it cannot be done.
    """

    scan: Path
    who: Who | None
    options: Options
    name: str
    row: str = ""
    error: str = ""

    def told(self, error: str) -> str:
        """An error with the row and the file that it is about."""
        if not self.row:
            return error
        return f"{self.row}: {error}" if self.scan.name in error else f"{self.row}: {self.scan}: {error}"


@dataclass(frozen=True)
class Libraries:
    """The libraries and models that a command asks, each read once."""

    _known: dict[tuple[str, ...] | None, tuple[Who, Proposer]] = field(default_factory=dict)

    def who(self, sources: Sequence[str] | None) -> Who:
        """Who is asked, for workers to find; read where it was not yet.

        Raises:
            BragglensError: it cannot be read.
        """
        there = None if sources is None else tuple(sources)
        if there not in self._known:
            asked = read_sources(there)
            self._known[there] = who_of(sources, asked), asked
        return self._known[there][0]

    def read(self, who: Who) -> Proposer:
        """The model, or the library of structures, that `who` has read."""
        return self._known[who.sources][1]


def jobs_of(files: Sequence[Path], who: Who, options: Options) -> list[Job]:
    """A job for each file, all looked at in one way."""
    return [Job(file, who, options, file.name) for file in files]


def answers_of(job: Job, asked: Proposer | None, place: Path) -> Iterator[Identification]:
    """The answers to the scans of a file, with their fits.

    Args:
        job: what is to be answered.
        asked: who is asked, as read.
        place: where the file is found here.
    """
    from bragglens.identification.answer import Identification
    from bragglens.identification.identify import identify_each

    if job.error:
        yield Identification(str(job.scan), job.who.name if job.who else "", None, error=job.told(job.error))
        return
    for one in identify_each(place, asked, job.options):
        error = job.told(one.error) if one.error else None
        yield replace(one, file=f"{job.scan}{one.file.removeprefix(str(place))}", error=error)


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and those of folders in the order of their names, 2 before 10."""

    def order(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]

    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = [one for one in path.glob("*") if one.exists() and not one.is_dir() and one.name[0] != "."]
        if not inside:
            raise BragglensError(f"{path}: has no readable file: give scans, or the folder with them")
        files += sorted(inside, key=order)
    return files


def sources_of(given: Sources) -> list[str] | None:
    """Who is asked, by words that hold in whatever folder a worker is started; None is the built-in library."""
    if given.model and (given.phases or given.library):
        raise typer.BadParameter("a model knows its own phases: leave out --phases and --library, or --model")
    paths = [str(path.resolve()) for path in ([given.model] if given.model else given.phases or ())]
    files, parts = [], []
    for word in given.library or ():
        try:
            named = libraries_named(word)
        except BragglensError as error:
            raise typer.BadParameter(f"--library {error}") from None
        files += [one for one in named if Path(one).is_absolute()]
        parts += [one for one in named if not Path(one).is_absolute()]
    return [*paths, *files, *parts] or None


def libraries_named(word: str, folder: Path = Path()) -> list[str]:
    """What a word names: parts of the built-in library, and files and folders of structures by their full path.

    Args:
        word: one of them, or several between commas, semicolons or blanks.
        folder: that relative paths start from.

    Raises:
        BragglensError: a part of it is neither.
    """
    from bragglens.match.builtin import SCOPES

    parts = [word] if (folder / word).exists() else re.split(r"[\s,;]+", word.strip(" ,;"))
    for part in parts:
        if part not in SCOPES and not (folder / part).exists():
            raise BragglensError(
                f"{part}: is neither a part of the built-in library nor a file: give {', '.join(SCOPES)}, or a file"
            )
    return [part if part in SCOPES else str((folder / part).resolve()) for part in parts]


def read_sources(sources: Sequence[str] | None) -> Proposer:
    """Who proposes the phases of a model or of libraries; what was left out of folders is said."""
    from bragglens.identification.sources import proposer_of

    def read(source: str) -> Any:  # paths are absolute, so that no folder is taken for a part of the library
        path = Path(source)
        return phases_of(path) if path.is_absolute() and path.is_dir() else source

    return proposer_of(sources and [read(one) for one in sources])
