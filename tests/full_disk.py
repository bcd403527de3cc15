"""A full disk: files opened for writing accept no byte."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch


class _Full(io.FileIO):
    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def full_disk() -> Iterator[None]:
    usual = Path.open

    def opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        return usual(path, mode, *rest, **more) if mode in ("r", "rb") else io.BufferedWriter(_Full(path, mode))

    with patch.object(Path, "open", opened):
        yield
