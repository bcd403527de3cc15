"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from bragglens.errors import BragglensError


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to write; an existing one is replaced only once the new one is complete.

    Raises:
        BragglensError: it cannot be written there, or the disk is full.
    """
    path = partial = Path(path)
    try:
        if "\0" in str(path):
            raise OSError(errno.EINVAL, "its name holds a zero byte")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.is_file():  # /dev/null, or a pipe, must not be replaced by a file
            path = path.resolve()  # so that a link stays a link
            partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as handle:
            yield handle
        if partial != path:
            partial.replace(path)
    except BaseException as error:
        if partial != path:
            with suppress(OSError):
                partial.unlink()  # what stood there before is left as it was
        if isinstance(error, OSError):
            reason = (error.strerror or str(error)).lower()
            raise BragglensError(f"{path}: cannot be written ({reason}): choose another place") from error
        raise


@contextmanager
def read_whole(path: str | Path, kind: type[BragglensError], *, missing: str, damaged: str) -> Iterator[None]:
    """Whatever goes wrong while a file is read and understood becomes one sentence about it.

    Args:
        path: the file.
        kind: of the error that is raised; those of ours pass as they are.
        missing, damaged: what the sentence says where there is no such file, and where it cannot be understood.
    """
    try:
        yield
    except BragglensError:
        raise
    except FileNotFoundError:
        raise kind(f"{path}: {missing}") from None
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # zipfile, zlib, json, numpy and torch raise a dozen kinds on damaged bytes
        raise kind(f"{path}: {damaged}") from error


def cache_folder() -> Path:
    """Where fetched things are kept: $BRAGGLENS_CACHE, or the platform's place for caches.

    ~/.cache/bragglens ($XDG_CACHE_HOME) on Linux, ~/Library/Caches/bragglens on macOS, %LOCALAPPDATA% on Windows.
    """
    if own := os.environ.get("BRAGGLENS_CACHE"):
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "bragglens"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "bragglens" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bragglens"
