"""Watch: the files of a folder that something else writes to, each as soon as it stands still.

By looking again and again, since the notices that file systems send do not come through network shares.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNFINISHED = (".partial", ".part", ".tmp", ".crdownload", ".filepart")  # that programs give to what they still write


@dataclass(frozen=True)
class Stamp:
    """What changes when a file does.

    Attributes:
        bytes: its size.
        modified: when it was last written, in seconds since 1970 by the clock of where it lies.
    """

    bytes: int
    modified: float


def settled_files(folder: Path, *, settle: float, poll: float = 1.0) -> Iterator[tuple[Path, Stamp]]:
    """Each file of a folder once its stamp has not changed for `settle` seconds, and whenever it changed; endless.

    Subfolders, hidden files and those whose ending says that they are being written are left out. A folder that is
    gone, as that of a share that lost its connection, is waited for. Time is measured here, so that a share's clock may
    be wrong. Looks every `poll` seconds, sooner where `settle` is shorter.
    """
    since: dict[Path, tuple[Stamp, float]] = {}
    given: dict[Path, Stamp] = {}
    while True:
        now, seen = time.monotonic(), _stamps(folder)
        since = {
            path: since[path] if path in since and since[path][0] == stamp else (stamp, now)
            for path, stamp in seen.items()
        }
        for path, (stamp, first_seen) in sorted(since.items(), key=lambda one: (one[1][0].modified, one[0])):
            if now - first_seen >= settle and given.get(path) != stamp:
                given[path] = stamp
                yield path, stamp
        time.sleep(min(poll, max(settle, 0.1)))


def _stamps(folder: Path) -> dict[Path, Stamp]:
    """What a folder holds now but for folders; what vanishes meanwhile is left out."""
    out = {}
    try:
        names = [path for path in folder.iterdir() if not path.name.startswith((".", "~"))]
    except OSError:
        return {}
    for path in names:
        try:
            state = path.stat()
            if not path.is_dir() and path.suffix.lower() not in _UNFINISHED:
                # a pipe or a device, which is refused, is no other when somebody writes to it
                out[path] = Stamp(state.st_size, round(state.st_mtime, 3)) if path.is_file() else Stamp(0, 0.0)
        except OSError:
            continue
    return out
