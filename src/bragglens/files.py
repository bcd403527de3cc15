"""Files: written completely or not at all, with safe names; only regular files are read, up to a limit of size."""

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

LONGEST_NAME = 255  # bytes; of ext4, XFS and APFS; for NTFS in UTF-16 units
_SAFE_NAME = 240  # bytes of the names from `safe_name`, so that a user can still append something
_MACHINE = re.sub(r"[^A-Za-z0-9]", "", platform.node())[:20]
_REFUSED = re.compile(r'[/\\:*?"<>|]')  # separators, and what Windows forbids (learn.microsoft.com, "Naming Files")
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[. ]*(\..*)?", re.IGNORECASE | re.DOTALL)


def safe_name(name: str, suffix: str = "") -> str:
    """A file name that every file system accepts and that contains no path, from any name.

    The same name gives the same file name. A name that is already safe stays as it is. Otherwise the first 8 digits of
    its SHA-256 are appended, because different names may become the same.

    Args:
        name: of a phase, scan, specimen or record, with any characters.
        suffix: appended to it, with its dot.
    """
    safe = "".join(letter if letter.isprintable() else "_" for letter in _REFUSED.sub("_", name))
    if not suffix:
        safe = safe.rstrip(". ")
    if _DEVICE.fullmatch(safe + suffix):
        safe = f"_{safe}"
    longest = _SAFE_NAME - len(suffix.encode())
    if safe == name and 0 < len(safe.encode()) <= longest:
        return safe + suffix
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_cut(safe, longest - len(digest) - 1)}_{digest}{suffix}"


def partial_of(path: Path, ending: str = "") -> Path:
    """A unique name for a partial file beside the file or folder that it will become."""
    own = f".{_MACHINE}-{os.getpid()}-{secrets.token_hex(4)}.partial{ending}"
    return path.with_name(_cut(path.name, LONGEST_NAME - len(own)) + own)


@lru_cache(maxsize=64)
def _tidy(folder: Path) -> None:
    """Remove, once for each folder, partial files of killed processes of this machine."""
    with suppress(OSError):
        left = re.compile(rf".*\.{_MACHINE}-(\d{{1,9}})-[0-9a-f]{{8}}\.partial", re.DOTALL)
        for path in folder.iterdir():
            if (match := left.fullmatch(path.name)) and _ended(int(match[1])):
                with suppress(OSError):
                    path.unlink()


def _ended(pid: int) -> bool:
    """Whether no such process exists. On Windows it need not be known: open files cannot be removed there."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # of another user
        pass
    return False


def _cut(name: str, most: int) -> str:
    """The longest beginning of a name with at most this number of bytes."""
    return name.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to write; an existing one is replaced only when the new one is complete.

    If several processes write one file at once, the last to finish gives the whole file.

    Raises:
        BragglensError: the file cannot be written, or the disk is full.
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
        if not path.exists() or path.is_file():  # /dev/null or a pipe must not be replaced by a file
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
                partial.unlink()  # an existing file stays unchanged
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
    """The content of a file. Only regular files are opened, and at most `largest` bytes are read.

    Args:
        path: the file.
        kind: class of the error.
        largest: largest number of bytes.
        what: its expected content, such as "a powder scan".
        missing: message for a missing file.

    Raises:
        kind: it is missing, may not be read, is not a regular file (a folder, a device, a pipe), or is larger.
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
    """Open a file to read. A pipe would wait for a writer without end, and a device may never end, so both are refused.

    Raises:
        kind: it is not a regular file (a folder, a device, a pipe).
        OSError: it is missing, or may not be opened.
    """

    def check(mode: int) -> None:
        if not stat.S_ISREG(mode):
            raise kind(f"{path}: is a folder, a device or a pipe: give a file with {what}")

    check(os.stat(path).st_mode)  # before it is opened, because opening alone affects some devices
    waits_for_none = getattr(os, "O_NONBLOCK", 0)  # for a file that has become a pipe since
    with ExitStack() as closing:
        handle = open(path, "rb", opener=lambda name, flags: os.open(name, flags | waits_for_none))  # noqa: SIM115
        closing.callback(handle.close)
        check(os.fstat(handle.fileno()).st_mode)
        closing.pop_all()  # the caller closes it
    return handle


def check_format(
    path: str | Path, found: object, reads: int, kind: type[BragglensError], *, of: str, again: str
) -> None:
    """Refuse a file of another format than the one that this version reads.

    Args:
        path: the file.
        found: the format number in the file.
        reads: the format number that is read.
        kind: class of the error.
        of: kind of file, such as "library".
        again: what to do with an older file.

    Raises:
        kind: the numbers differ.
    """
    if found == reads and isinstance(found, int):
        return
    newer = isinstance(found, int | float) and found > reads
    stated = f"{path}: is of {of} format {str(found)[:20]}, this version of bragglens reads {reads}"
    raise kind(f"{stated}: {'update bragglens' if newer else again}")


def _refuse(path: str | Path, error: OSError | ValueError, kind: type[BragglensError], missing: str) -> NoReturn:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise kind(f"{path}: {missing}") from None
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    raise kind(f"{path}: cannot be read ({reason}): check its name and permissions") from error


@contextmanager
def read_whole(path: str | Path, kind: type[BragglensError], *, missing: str, damaged: str) -> Iterator[None]:
    """Context for reading and decoding a file: any error becomes one message about it. It must be a regular file.

    Args:
        path: the file.
        kind: class of the error; a BragglensError passes unchanged.
        missing, damaged: messages for a missing file, and for one that cannot be decoded.
    """
    try:
        open_file(path, kind, what="a library or a model").close()
        yield
    except BragglensError:
        raise
    except FileNotFoundError:
        raise kind(f"{path}: {missing}") from None
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # zipfile, zlib, json, numpy and torch raise a dozen kinds of errors on damaged bytes
        raise kind(f"{path}: {damaged}") from error


def cache_folder() -> Path:
    """Folder for downloaded files: $BRAGGLENS_CACHE, or the cache folder of the platform.

    ~/.cache/bragglens ($XDG_CACHE_HOME) on Linux, ~/Library/Caches/bragglens on macOS, %LOCALAPPDATA% on Windows.
    """
    if own := os.environ.get("BRAGGLENS_CACHE"):
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "bragglens"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "bragglens" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bragglens"
