"""read_scan and read_scans: the only functions that read measured files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bragglens.errors import ScanError
from bragglens.files import read_bytes
from bragglens.scan.scan import Scan

LARGEST = 16 * 2**20
"""Bytes of the largest file that is opened: a powder scan has a few megabytes at most."""

_SAME_ANGLES = 1e-4  # degrees between the axes of two scans that are called the same range
_EACH_ITS_OWN = ("started",)  # what may differ between repeats of one measurement


def read_scan(path: str | Path) -> Scan:
    """Read a measured powder scan, in any format of `formats.known`.

    Args:
        path: the file; its content decides the format, not the file extension.

    Returns:
        The scan with ascending 2θ in degrees, intensity as written and, where the file states it, the wavelength in Å.
        If the file has several scans that repeat one measurement: their sum, with a note.

    Raises:
        ScanError: the file cannot be opened, is empty or over 16 MB, holds several different scans (use
            `read_scans`), or cannot be read as a powder scan without guessing. No other exception is raised, whatever
            the file holds.
    """
    return one_scan(read_scans(path), Path(path).name)


def read_scans(path: str | Path) -> list[Scan]:
    """Read all scans of a file: ranges, repeats, temperatures.

    Args:
        path: as for `read_scan`.

    Returns:
        The scans in the order of the file; if there are several, each name ends in its number.

    Raises:
        ScanError: as `read_scan`, except that several scans are allowed.
    """
    return scans_in(content_of(path), Path(path).name)


def content_of(path: str | Path) -> bytes:
    """The content of a file of scans, for `scans_in`.

    Raises:
        ScanError: the file is missing, not readable, not a regular file (a folder, a device, a pipe), or too large.
    """
    return read_bytes(path, ScanError, largest=LARGEST, what="a powder scan")


def scans_in(data: bytes, name: str) -> list[Scan]:
    """The scans in the content of a file, as from `read_scans`; `name` is the name of the file."""
    if not data.strip():
        raise ScanError(f"{name}: is empty: export or copy the scan again")
    if len(data) > LARGEST:
        raise ScanError(f"{name}: is over {LARGEST >> 20} MB, too large for a powder scan: is this the right file?")
    from bragglens.scan.formats.known import FORMATS  # here, as few processes read

    for form in FORMATS:
        if form.recognises(data):
            scans = form.read(data, name)
            if len(scans) == 1:
                return list(scans)
            return [replace(scan, name=f"{name} [{number}]") for number, scan in enumerate(scans, 1)]
    raise ScanError(
        f"{name}: is binary and of an unknown format: "
        "export the scan as text with two columns, 2θ and intensity (.xy), from the program that wrote it"
    )


def one_scan(scans: Sequence[Scan], name: str) -> Scan:
    """The only scan of a file called `name`, or the sum of those that repeat one measurement.

    Raises:
        ScanError: they differ in range, wavelength or anything the file states of them.
    """
    return scans[0] if len(scans) == 1 else _summed(scans, name)


def _summed(scans: Sequence[Scan], name: str) -> Scan:
    """The sum of scans that repeat one measurement.

    Raises:
        ScanError: they differ in range, wavelength or anything the file states of them.
    """
    first = scans[0]
    if not all(_same(first, scan) for scan in scans[1:]):
        ranges = [f"{scan.two_theta[0]:.4g}-{scan.two_theta[-1]:.4g}°" for scan in scans]
        listed = ", ".join(ranges[:4]) + (", ..." if len(ranges) > 4 else "")
        raise ScanError(
            f"{name}: holds {len(scans)} different scans ({listed}): "
            "export one of them as a file of its own, or use bragglens.read_scans"
        )
    counts = np.sum([scan.counts for scan in scans], axis=0)
    note = f"{len(scans)} scans of the same range: summed"
    return replace(first, name=name, counts=counts, notes=(*first.notes, note))


def _same(one: Scan, other: Scan) -> bool:
    def said(scan: Scan) -> dict[str, str]:
        return {key: value for key, value in scan.metadata.items() if key not in _EACH_ITS_OWN}

    alike = one.two_theta.size == other.two_theta.size and one.wavelength == other.wavelength
    return alike and said(one) == said(other) and bool(np.abs(one.two_theta - other.two_theta).max() < _SAME_ANGLES)
