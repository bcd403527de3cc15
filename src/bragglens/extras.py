"""Extras: what only some uses need is installed where it is wanted; where it is missing, one sentence says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bragglens.errors import BragglensError


@contextmanager
def extra(name: str, use: str) -> Iterator[None]:
    """Import within what an extra of `pyproject.toml` brings.

    Args:
        name: of the extra.
        use: what needs it; the sentence begins with it.

    Raises:
        BragglensError: a package of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == __package__:
            raise
        raise BragglensError(f'{use} needs {package}: pip install "bragglens[{name}]"') from None
