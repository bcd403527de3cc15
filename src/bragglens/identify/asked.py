"""Who is asked what a scan holds."""

from __future__ import annotations

from pathlib import Path

from bragglens.crystal.library import Library
from bragglens.crystal.library_file import SUFFIX
from bragglens.errors import BragglensError
from bragglens.learn.model import Model, load_model
from bragglens.match.catalogue import Catalogue, read_catalogue

Asked = Model | Library | Catalogue  # a network trained for a library; or structures, for the matcher and the fit


def library_of(asked: Asked) -> Library:
    """The phases that can be named."""
    return asked if isinstance(asked, Library) else asked.library


def asked_of(source: Asked | str | Path) -> Asked:
    """Who is asked, read where a path is given: a folder of CIFs, a `.library` file or a model file.

    Raises:
        BragglensError: there is no such file, or it is none of these.
    """
    if isinstance(source, Model | Library | Catalogue):
        return source
    if not isinstance(source, str | Path):
        raise BragglensError(f"{source!r}: nothing can be asked of it: give a model, a library, or the path of one")
    path = Path(source)
    if path.is_dir() or path.suffix == SUFFIX:
        return read_catalogue(path)
    if not path.exists():
        raise BragglensError(f"{path}: is not there: give a model file, a folder of CIFs or a {SUFFIX} file")
    return load_model(path)
