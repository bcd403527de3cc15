"""Jobs: the files of scans that a command processes, each with its library and options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
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


@dataclass(frozen=True, eq=False)
class Who:
    """The model or libraries of a job, in a form that a worker can read again.

    Attributes:
        sources: as `sources.proposer_of` takes them; None is the built-in library.
        asked: what was read there. A worker reads it again.
    """

    sources: tuple[str, ...] | None
    asked: Proposer = field(repr=False)

    @cached_property
    def identity(self) -> str:
        """Of what was read (`identity_of`), so that no worker uses a different one. Few commands need it."""
        return identity_of(self.asked)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Who) and (self.sources, self.identity) == (other.sources, other.identity)

    def __hash__(self) -> int:
        return hash(self.sources)

    def __getstate__(self) -> dict[str, Any]:
        return {"sources": self.sources, "identity": self.identity}

    @property
    def name(self) -> str:
        """The names of the files without their folders."""
        return ", ".join(Path(one).name for one in self.sources or ["the built-in library"])


def who_of(sources: Sequence[str] | None, asked: Proposer) -> Who:
    """The description of a proposer for workers."""
    return Who(None if sources is None else tuple(sources), asked)


@dataclass(frozen=True)
class Job:
    """A file of scans to identify.

    Attributes:
        scan: the file, as it was given.
        who: the model or libraries; None where there is an `error`.
        options: the options for its scans.
        name: base name of its output files: that of the scan, unless several have the same.
        row: its row in a table, for messages; empty without a table.
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
    """The libraries and models of a command, each read once."""

    _known: dict[tuple[str, ...] | None, Who] = field(default_factory=dict)

    def who(self, sources: Sequence[str] | None) -> Who:
        """The description of a source for workers; it is read if that has not been done yet.

        Raises:
            BragglensError: it cannot be read.
        """
        there = None if sources is None else tuple(sources)
        if there not in self._known:
            self._known[there] = who_of(there, read_sources(there))
        return self._known[there]


def jobs_of(files: Sequence[Path], who: Who, options: Options) -> list[Job]:
    """A job for each file, with the same options."""
    return [Job(file, who, options, file.name) for file in files]


def answers_of(job: Job, asked: Proposer | None, place: Path) -> Iterator[Identification]:
    """The answers for the scans of a file, with their fits.

    Args:
        job: the job.
        asked: the proposer.
        place: path of the file on this machine.
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
    """Files as given, and those of folders in natural order of their names, 2 before 10."""

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
    """The model or libraries as words that are valid in any folder of a worker; None is the built-in library."""
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
    """Parts of the built-in library, and full paths of files and folders of structures, from one text.

    Args:
        word: one of them, or several separated by commas, semicolons or blanks.
        folder: start of relative paths.

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
    """The proposer of a model or of libraries; files that were left out of folders are reported."""
    from bragglens.identification.sources import proposer_of

    def read(source: str) -> Any:  # paths are absolute, so that no folder is taken for a part of the library
        path = Path(source)
        return phases_of(path) if path.is_absolute() and path.is_dir() else source

    return proposer_of(sources and [read(one) for one in sources])
