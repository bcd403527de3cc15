"""Files: written whole or not at all, safely named; read only where they are files, and no larger than may be."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NoReturn

from bragglens.errors import BragglensError

LONGEST_NAME = 255  # bytes; of ext4, XFS and APFS, and of NTFS in its own units
_SAFE_NAME = 240  # bytes of the names that `safe_name` makes, so that a user can still put something behind them
_MACHINE = re.sub(r"[^A-Za-z0-9]", "", platform.node())[:20]
_REFUSED = re.compile(r'[/\\:*?"<>|]')  # separators, and what Windows refuses (learn.microsoft.com, "Naming Files")
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[. ]*(\..*)?", re.IGNORECASE | re.DOTALL)


def safe_name(name: str, suffix: str = "") -> str:
    """A file name that every file system takes and that no path hides in, made of the name of anything.

    The same name gives the same file name. Where the name is such a file name it stays as it is; where not, the first 8
    digits of its SHA-256 tell it from others of which the same is left.

    Args:
        name: of a phase, scan, specimen or record, whatever it holds.
        suffix: put behind it, with its dot.
    """
    safe = "".join(letter if letter.isprintable() else "_" for letter in _REFUSED.sub("_", name))
    if not suffix:
        safe = safe.rstrip(". ")
    if _DEVICE.fullmatch(safe + suffix):
        safe = f"_{safe}"
    room = _SAFE_NAME - len(suffix.encode())
    if safe == name and 0 < len(safe.encode()) <= room:
        return safe + suffix
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_cut(safe, room - len(digest) - 1)}_{digest}{suffix}"


def partial_of(path: Path, ending: str = "") -> Path:
    """A name beside a file or folder for what will become it, which no other process uses."""
    own = f".{_MACHINE}-{os.getpid()}-{secrets.token_hex(4)}.partial{ending}"
    return path.with_name(_cut(path.name, LONGEST_NAME - len(own)) + own)


@lru_cache(maxsize=64)
def _tidy(folder: Path) -> None:
    """Take away, once, what processes of this machine that were killed have left half written in a folder."""
    with suppress(OSError):
        left = re.compile(rf".*\.{_MACHINE}-(\d{{1,9}})-[0-9a-f]{{8}}\.partial", re.DOTALL)
        for path in folder.iterdir():
            if (match := left.fullmatch(path.name)) and _ended(int(match[1])):
                with suppress(OSError):
                    path.unlink()


def _ended(pid: int) -> bool:
    """Whether there is no such process; on Windows, which keeps open files from being removed, it need not be known."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # of somebody else
        pass
    return False


def _cut(name: str, most: int) -> str:
    """As much of the beginning of a name as has no more than so many bytes."""
    return name.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to write; an existing one is replaced only once the new one is complete.

    Of several processes that write one file at once, the last to end gives the whole file.

    Raises:
        BragglensError: it cannot be written there, or the disk is full.
    """
    path = partial = Path(path)
    try:
        if "\0" in str(path):
            raise OSError(errno.EINVAL, "its name holds a zero byte")
        try:
            os.fsencode(path)
        except UnicodeEncodeError as error:
            raise OSError(errno.EINVAL, "its name has characters that this system's locale does not support") from error
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.is_file():  # /dev/null, or a pipe, must not be replaced by a file
            path = Path(os.path.realpath(path))  # so that a link stays a link
            partial = partial_of(path)
            _tidy(path.parent)
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


def read_bytes(
    path: str | Path,
    kind: type[BragglensError],
    *,
    largest: int,
    what: str,
    missing: str = "there is no such file: check the path and its spelling",
) -> bytes:
    """The content of a file that is read whole; nothing else is opened, and no more of it is read than may be.

    Args:
        path: the file.
        kind: of the error that is raised.
        largest: bytes that it may have.
        what: it should hold, such as "a powder scan".
        missing: what the sentence says where there is no such file.

    Raises:
        kind: it is missing, may not be read, is no file (a folder, a device, a pipe), or has more bytes.
    """
    try:
        with open_file(path, kind, what=what) as handle:
            size = os.fstat(handle.fileno()).st_size
            content = b"" if size > largest else handle.read(largest + 1)  # it may grow meanwhile
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        _refuse(path, error, kind, missing)
    if max(size, len(content)) > largest:
        raise kind(f"{path}: is over {largest >> 20} MB, too large for {what}: is this the right file?")
    return content


def open_file(path: str | Path, kind: type[BragglensError], *, what: str) -> BinaryIO:
    """A file opened to be read; a pipe would wait for ever for somebody to write, and a device may never end.

    Raises:
        kind: it is no file (a folder, a device, a pipe).
        OSError: it is missing, or may not be opened.
    """

    def check(mode: int) -> None:
        if not stat.S_ISREG(mode):
            raise kind(f"{path}: is a folder, a device or a pipe: give a file of {what}")

    check(os.stat(path).st_mode)  # before it is opened, since that alone does something to some devices
    waits_for_none = getattr(os, "O_NONBLOCK", 0)  # what became a pipe since
    with ExitStack() as closing:
        handle = open(path, "rb", opener=lambda name, flags: os.open(name, flags | waits_for_none))  # noqa: SIM115
        closing.callback(handle.close)
        check(os.fstat(handle.fileno()).st_mode)
        closing.pop_all()  # whoever asked closes it
    return handle


def check_format(
    path: str | Path, found: object, reads: int, kind: type[BragglensError], *, of: str, again: str
) -> None:
    """Refuse a file of another format than the one that this version reads.

    Args:
        path: the file.
        found: the format's number that the file states.
        reads: that which is read.
        kind: of the error that is raised.
        of: what the format is of, such as "library".
        again: what to do with an older file.

    Raises:
        kind: the numbers differ.
    """
    if found == reads and isinstance(found, int):
        return
    newer = isinstance(found, int | float) and found > reads
    told = f"{path}: is of {of} format {str(found)[:20]}, this version of bragglens reads {reads}"
    raise kind(f"{told}: {'update bragglens' if newer else again}")


def _refuse(path: str | Path, error: OSError | ValueError, kind: type[BragglensError], missing: str) -> NoReturn:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise kind(f"{path}: {missing}") from None
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    raise kind(f"{path}: cannot be read ({reason}): check its permissions") from error


@contextmanager
def read_whole(path: str | Path, kind: type[BragglensError], *, missing: str, damaged: str) -> Iterator[None]:
    """Whatever goes wrong while a file is read and understood becomes one sentence about it; first, that it is a file.

    Args:
        path: the file.
        kind: of the error that is raised; those of ours pass as they are.
        missing, damaged: what the sentence says where there is no such file, and where it cannot be understood.
    """
    try:
        open_file(path, kind, what="what was asked for").close()
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
