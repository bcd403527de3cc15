"""RAW version 4 of Bruker's DIFFRAC.SUITE, binary (.raw): a chain of records, each with its kind and length.

No description is published. The offsets used here were found in files of DIFFRAC.EVA and V5Converter. The scans agree
point by point with rietx and geddes. Records: 10 a name and its text, 30 tube and goniometer, 0 or 160 a range.
"""

from __future__ import annotations

import re

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, even_axis, scans
from bragglens.scan.record import Record
from bragglens.scan.scan import Scan

_FIRST = 61  # where the chain begins
_RANGE = 160  # bytes of a range's header
_MOST_RECORDS = 100_000
_NO_TWO_THETA = re.compile(r"rocking|phi|chi|psi|^theta|^omega|^[xyz]\b", re.IGNORECASE)


def recognises(data: bytes) -> bool:
    """Whether these bytes begin with the magic of version 4."""
    return data.startswith(b"RAW4.")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each range.

    Raises:
        ScanError: cut short, damaged, or a scan of another axis than 2θ.
    """
    with about(name):
        record = Record(data)
        wanted = record.u32(40)
        common: dict[str, object] = {"started": f"{record.text(12, 12)} {record.text(24, 10)}"}
        wavelength, ranges, at = 0.0, list[Range](), _FIRST
        for _ in range(_MOST_RECORDS):
            if len(ranges) == wanted or at + 8 > len(record):
                break
            kind, length = record.u32(at), record.u32(at + 4)
            if kind in (0, 160):
                found, at = _range(record, at, wavelength, common)
                ranges.append(found)
                continue
            if length < 8:
                raise ScanError("has a record without length: it is damaged, copy it again")
            if kind == 10:
                _remember(record, at, length, common)
            elif kind == 30:
                wavelength = _tube(record, at, common)
            at += length
        if len(ranges) < wanted:
            raise ScanError(f"holds {len(ranges)} of the {wanted} ranges it states: it is cut short, copy it again")
        return scans(name, ranges)


def _remember(record: Record, at: int, length: int, common: dict[str, object]) -> None:
    """The sample's name, from entries of the user or the program."""
    if record.text(at + 12, 24) == "SAMPLEID":
        common["sample"] = record.text(at + 36, length - 36)


def _tube(record: Record, at: int, common: dict[str, object]) -> float:
    """Kα1 in Å; other data of tube and goniometer are added to `common`."""
    diameter = record.f32(at + 24)
    if 100 < diameter < 2000:
        common["radius_mm"] = diameter / 2
    common["wavelength_2"] = record.f64(at + 88)
    common["wavelength_2_weight"] = record.f64(at + 104)
    common["anode"] = record.text(at + 116, 4)
    return record.f64(at + 80)


def _range(record: Record, at: int, wavelength: float, common: dict[str, object]) -> tuple[Range, int]:
    """One range, and where the next record begins."""
    points, size, more = record.u32(at + 4), record.u32(at + 136), record.u32(at + 140)
    moved = record.text(at + 32, 24)
    if _NO_TWO_THETA.search(moved):
        raise ScanError(f"is a scan of {moved}, not of 2θ: give a 2θ scan")
    if size not in (4, 8, 12, 16):
        raise ScanError(f"takes {size} bytes for a point, as a two-dimensional or damaged file does: export it as .xy")
    two_theta = even_axis(record.f64(at + 72), record.f64(at + 80), points)
    begin = at + _RANGE + more
    counts = record.array(begin, points, "<f4" if size == 4 else f"<f4,V{size - 4}")
    metadata = {**common, "counting_time_s": record.f32(at + 92), "scan_axis": moved}
    return Range(two_theta, counts, metadata, wavelength), begin + size * points
