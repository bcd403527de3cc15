"""Who is asked what a scan holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

from bragglens.crystal.library import Library
from bragglens.crystal.library_file import SUFFIX
from bragglens.crystal.structure_file import SUFFIXES
from bragglens.errors import BragglensError
from bragglens.identification.proposers import Proposer, proposer
from bragglens.learn.model import Model, load_model
from bragglens.match.builtin import SCOPES, builtin
from bragglens.match.catalogue import Catalogue, catalogue, joined, read_catalogue

Asked = (
    Model | Library | Catalogue | Proposer
)  # a network trained for a library; or structures, for the matcher and the fit
Source = Asked | str | Path | Sequence[Library | Catalogue | str | Path] | None


def library_of(asked: Asked) -> Library:
    """The phases that can be named."""
    return asked if isinstance(asked, Library) else asked.library


def asked_of(source: Source = None) -> Asked:
    """Who is asked, read where a path is given.

    Args:
        source: a model or a library; the path of a model file, of a folder of CIFs, of one CIF, of a `.library` file;
            a part of the built-in library, one of `SCOPES`; several of these but models, whose phases are put together;
            None is the whole built-in library.

    Raises:
        BragglensError: there is no such file, or it is none of these.
    """
    if source is None:
        return builtin()
    if isinstance(source, str | Path):
        return _read(source)
    if not isinstance(source, Sequence):
        if hasattr(source, "library") or isinstance(source, Library):
            return source
        raise BragglensError(f"{source!r}: nothing can be asked of it: give a model, a library, or the path of one")
    if len(source) == 1:
        return asked_of(source[0])
    scopes = [str(one) for one in source if _is_scope(one)]
    parts = [_structures(one) for one in source if not _is_scope(one)] + ([builtin(scopes)] if scopes else [])
    if not parts:
        raise BragglensError("no library is given: name one, or leave it out for the built-in library")
    return reduce(joined, parts)


def _is_scope(source: object) -> bool:
    """Whether a word is a part of the built-in library; a folder of that name is `./minerals`, or a `Path`."""
    return isinstance(source, str) and source in SCOPES


def _structures(source: Library | Catalogue | str | Path) -> Catalogue:
    found = _read(source) if isinstance(source, str | Path) else source
    if isinstance(found, Model):
        raise BragglensError(f"{source}: is a model, which knows the phases that it was trained for: give it alone")
    return catalogue(found) if isinstance(found, Library) else found


def _read(source: str | Path) -> Model | Catalogue:
    path = Path(source)
    if _is_scope(source):
        return builtin([str(source)])
    if path.is_dir() or path.suffix.lower() in (SUFFIX, *SUFFIXES):
        return read_catalogue(path)
    if not path.exists() and path.suffix != ".bragglens":  # of a model its reader says it
        raise BragglensError(
            f"{path}: is not there: give a model file, a folder of CIFs, a {SUFFIX} file, or a part of the built-in "
            f"library ({', '.join(SCOPES)})"
        )
    return load_model(path)


def proposer_of(source: Source = None) -> Proposer:
    """Who proposes phases, read where a path is given; `source` as `asked_of` takes it, or a proposer.

    Raises:
        BragglensError: as `asked_of` does.
    """
    return proposer(asked_of(source))


def is_path(source: Source) -> bool:
    """Whether something was read to make a proposer of it, so that what could not be read is not known yet."""
    return source is None or isinstance(source, str | Path | Sequence)


def source(asked: Source) -> str:
    """What an answer says it comes from."""
    return proposer_of(asked).identity
