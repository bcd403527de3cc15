"""Watch: new files of a folder that another program writes to, each as soon as it no longer changes.

The folder is polled, since change notifications of file systems do not work on network shares.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNFINISHED = (".partial", ".part", ".tmp", ".crdownload", ".filepart")  # that programs give to what they still write


@dataclass(frozen=True)
class Stamp:
    """Size and time of a file, to detect a change.

    Attributes:
        bytes: its size.
        modified: time of the last change, in seconds since 1970 by the clock of its file system.
    """

    bytes: int
    modified: float


def settled_files(folder: Path, *, settle: float, poll: float = 1.0) -> Iterator[tuple[Path, Stamp]]:
    """Each file of a folder when its stamp has not changed for `settle` seconds, again after each change; endless.

    Subfolders, hidden files and files with an extension for unfinished files are ignored. If the folder is missing, as
    after a lost connection, it is waited for. Time is measured locally, so the clock of a share does not matter. Checks
    every `poll` seconds, more often if `settle` is shorter.
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
    """The files of a folder now; files that vanish meanwhile are left out."""
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
