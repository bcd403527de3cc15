"""Packed: a zip archive of JSON and tables, with limits on its size.

A zip of a megabyte can unpack to a gigabyte, and JSON of a megabyte to a hundred megabytes of Python objects. The
stated sizes are therefore checked before anything is unpacked. Nothing that is read is executed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bragglens.errors import BragglensError
from bragglens.files import read_whole

LARGEST = 2_000_000_000  # bytes unpacked; a hundred thousand phases need less
_RATIO = 200  # unpacked over packed; libraries have 2 to 4, models less, and a zip can have 1000 at most
_SMALL = 10_000_000  # bytes that may be unpacked at any ratio
_MOST_VALUES = 10_000_000  # of JSON; 1,800 minerals have 160,000


@dataclass(frozen=True)
class Packed:
    """An open archive.

    Attributes:
        archive: the zip file.
    """

    archive: zipfile.ZipFile

    @property
    def names(self) -> list[str]:
        """The names of its members."""
        return self.archive.namelist()

    def read(self, name: str) -> bytes:
        """The bytes of a member."""
        return self.archive.read(name)

    def fields(self, name: str) -> dict[str, Any]:
        """The named fields of a member in JSON."""
        data = self.read(name)
        if sum(map(data.count, (b"[", b"{", b","))) > _MOST_VALUES:
            raise ValueError("more values than any file of ours has")
        fields = json.loads(data)
        if not isinstance(fields, dict):
            raise ValueError("no named fields")
        return fields


@contextmanager
def unpacked(path: Path, kind: type[BragglensError], *, missing: str, damaged: str) -> Iterator[Packed]:
    """Open an archive; any error until it is closed becomes one message about it.

    Args:
        path: the file.
        kind: class of the error.
        missing, damaged: messages for a missing file, and for one that cannot be decoded.
    """
    with read_whole(path, kind, missing=missing, damaged=damaged):
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            stated = sum(entry.file_size for entry in archive.infolist())
            if stated > min(LARGEST, max(_SMALL, _RATIO * size)):
                raise kind(
                    f"{path}: would unpack to {stated / 1e6:.0f} MB, which is too large for a file of "
                    "bragglens: copy it again"
                )
            yield Packed(archive)
