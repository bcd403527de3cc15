"""Extras: packages that only some uses need; where one is missing, a message says how to install it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bragglens.errors import BragglensError


@contextmanager
def extra(name: str, use: str) -> Iterator[None]:
    """Context for imports of packages from an extra of `pyproject.toml`.

    Args:
        name: name of the extra.
        use: what needs it; the message begins with it.

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
