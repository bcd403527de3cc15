"""read_scan: the one door through which measured files come in."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bragglens.errors import ScanError
from bragglens.scan.formats import gsas, text, xrdml
from bragglens.scan.scan import Scan

LARGEST = 64 * 2**20
"""Bytes of the largest file that is opened: a powder scan has a few megabytes at most."""


class Format(Protocol):
    """What each file of `formats/` offers."""

    def recognises(self, data: bytes) -> bool:
        """Whether these bytes are of this family; cheap, and never raises."""

    def read(self, data: bytes, name: str) -> Scan:
        """The scan in these bytes; raises ScanError alone."""


# The first that recognises a file reads it, so text, which takes anything readable, stays last.
FORMATS: tuple[Format, ...] = (xrdml, gsas, text)


def read_scan(path: str | Path) -> Scan:
    """Read a measured powder scan, in any format of `FORMATS`.

    Args:
        path: the file; its content decides the format, not its ending.

    Returns:
        The scan with ascending 2θ in degrees, intensity as written and, where the file states it, the wavelength in Å.

    Raises:
        ScanError: the file cannot be opened, is empty or over 64 MB, or its content is no powder scan that can be
            read without guessing. Nothing else is raised, whatever the file holds.
    """
    path = Path(path)
    data = _content(path)
    for form in FORMATS:
        if form.recognises(data):
            return form.read(data, path.name)
    raise ScanError(
        f"{path}: is binary, and of no format that can be read: "
        "export the scan as text with two columns, 2θ and intensity (.xy), from the program that wrote it"
    )


def _content(path: Path) -> bytes:
    """The whole file, or a ScanError that says why not."""
    try:
        if not path.exists():
            raise ScanError(f"{path}: there is no such file: check the path and its spelling")
        if not path.is_file():
            raise ScanError(f"{path}: is a folder or a device, not a file: give the path of one scan")
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ScanError(f"{path}: cannot be opened ({reason}): check that it may be read") from error
    if not data.strip():
        raise ScanError(f"{path}: is empty: export or copy the scan again")
    if len(data) > LARGEST:
        raise ScanError(f"{path}: is over {LARGEST >> 20} MB, too large for a powder scan: is this the right file?")
    return data
