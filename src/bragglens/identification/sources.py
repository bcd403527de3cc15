"""Sources: the proposer of a model, a library, or the path of one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce, singledispatch
from pathlib import Path
from typing import Any

from bragglens.crystal.library import Library
from bragglens.crystal.library_file import SUFFIX
from bragglens.crystal.structure_file import SUFFIXES
from bragglens.errors import BragglensError
from bragglens.identification.proposers import Matching, Proposer, Trained
from bragglens.learn.model import Model, load_model
from bragglens.match.builtin import SCOPES, builtin
from bragglens.match.catalogue import Catalogue, catalogue, joined, read_catalogue

Source = Proposer | Model | Library | Catalogue | str | Path | Sequence[Library | Catalogue | str | Path] | None


@singledispatch
def proposer_of(source: Any) -> Proposer:
    """The proposer of a source, read where a path is given.

    Args:
        source: a model or a library. Or the path of a model file, a folder of CIFs, one CIF, or a `.library` file. Or a
            part of the built-in library, one of `SCOPES`. Several of these except models are combined. None is the
            whole built-in library. A proposer is returned as it is.

    Raises:
        BragglensError: the file does not exist, or is none of these.
    """
    if not isinstance(source, Proposer):
        raise BragglensError(f"{source!r}: names no phases: give a model, a library, or the path of one")
    return source


@proposer_of.register
def _(source: Model) -> Proposer:
    return Trained(source)


@proposer_of.register
def _(source: Library) -> Proposer:
    return Matching(catalogue(source))


@proposer_of.register
def _(source: Catalogue) -> Proposer:
    return Matching(source)


@proposer_of.register(type(None))
def _(source: None) -> Proposer:
    return Matching(builtin())


@proposer_of.register
def _(source: str) -> Proposer:
    return Matching(builtin([source])) if source in SCOPES else _read(Path(source))


@proposer_of.register
def _read(source: Path) -> Proposer:
    if source.is_dir() or source.suffix.lower() in (SUFFIX, *SUFFIXES):
        return Matching(read_catalogue(source))
    if not source.exists() and source.suffix != ".bragglens":  # for a missing model its reader has the message
        raise BragglensError(
            f"{source}: does not exist: give a model file, a folder of CIFs, a {SUFFIX} file, or a part of the "
            f"built-in library ({', '.join(SCOPES)})"
        )
    return Trained(load_model(source))


@proposer_of.register
def _(source: Sequence) -> Proposer:  # type: ignore[type-arg]
    """Several libraries combined; parts of the built-in one count as one."""
    if len(source) == 1:
        return proposer_of(source[0])
    scopes = [one for one in source if one in SCOPES]
    parts = [_structures(one) for one in source if one not in SCOPES] + ([builtin(scopes)] if scopes else [])
    if not parts:
        raise BragglensError("no library is given: name one, or leave it out for the built-in library")
    return Matching(reduce(joined, parts))


def _structures(source: Any) -> Catalogue:
    who = proposer_of(source)
    if who.network is not None:
        raise BragglensError(f"{source}: is a model, which knows only its own phases: give it alone")
    return who.catalogue


def is_path(source: Source) -> bool:
    """Whether a source is read to make a proposer of it, so that the caller does not know which files failed."""
    return source is None or isinstance(source, str | Path | Sequence)
