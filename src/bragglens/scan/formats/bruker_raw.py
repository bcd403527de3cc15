"""RAW of Siemens and Bruker diffractometers, versions 1 to 3, binary (.raw).

Version 1 (DIFFRAC-AT, magic `RAW `), 2 (DIFFRAC-AT, `RAW2`) and 3 (DIFFRAC plus, `RAW1.01`). The DIFFRAC manuals
describe them in an appendix, "raw data file format". The offsets used here are commonly repeated from it. Each was
checked on files whose scans and headers are also available as text.
"""

from __future__ import annotations

import re

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, even_axis, scans
from bragglens.scan.record import Record
from bragglens.scan.scan import Scan

_UNSET = -1e6  # what the programs write where an angle was not set
_MOST_RANGES = 1000


def recognises(data: bytes) -> bool:
    """Whether these bytes begin as versions 1 to 3 do. GSAS files begin with a title, which may be `RAW data`."""
    return data.startswith((b"RAW2", b"RAW1.01")) or (data.startswith(b"RAW ") and b"\0" in data[:156])


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each range.

    Raises:
        ScanError: cut short, damaged, or of several ranges in version 1.
    """
    version = {b"RAW ": _version_1, b"RAW2": _version_2, b"RAW1": _version_3}[data[:4]]
    with about(name):
        return scans(name, version(Record(data)))


def _version_1(record: Record) -> list[Range]:
    """A header of 156 bytes, then single-precision counts."""
    points = record.u32(4)
    if len(record) != 156 + 4 * points:
        raise ScanError(
            f"holds {len(record)} bytes, where one range of {points} points takes {156 + 4 * points}: "
            "copy it again, or convert it to .uxd or .xy if it holds several ranges"
        )
    two_theta = even_axis(record.f32(24), record.f32(12), points)
    metadata = {
        "counting_time_s": record.f32(8),
        "wavelength_2": record.f32(76),
        "sample": record.text(40, 32),
    }
    return [Range(two_theta, record.array(156, points, "<f4"), metadata, record.f32(72))]


def _version_2(record: Record) -> list[Range]:
    """A header of 256 bytes, then ranges: a header that states its own length, and single-precision counts."""
    common: dict[str, object] = {
        "anode": record.text(188, 2).capitalize(),
        "wavelength_2": record.f32(194),
        "wavelength_2_weight": record.f32(198),
        "sample": record.text(8, 32),
        "started": record.text(168, 20),
    }
    ranges, at = list[Range](), 256
    for _ in range(_ranges(record.u16(4))):
        header, points = record.u16(at), record.u16(at + 2)
        two_theta = even_axis(record.f32(at + 16), record.f32(at + 12), points)
        counts = record.array(at + header, points, "<f4")
        metadata = {**common, "counting_time_s": record.f32(at + 8)}
        ranges.append(Range(two_theta, counts, metadata, record.f32(190)))
        at += header + 4 * points
    return ranges


def _version_3(record: Record) -> list[Range]:
    """A header of 712 bytes, then ranges: a header, a supplementary header and single-precision counts."""
    common: dict[str, object] = {
        "radius_mm": record.f32(564),
        "anode": record.text(608, 4).capitalize(),
        "wavelength_2": record.f64(632),
        "wavelength_2_weight": record.f64(648),
        "sample": record.text(326, 60),
        "started": f"{record.text(16, 10)} {record.text(26, 10)}",
    }
    ranges, at = list[Range](), 712
    for _ in range(_ranges(record.u32(12))):
        header, points, more = record.u32(at), record.u32(at + 4), record.u32(at + 256)
        if header < 304:
            raise ScanError("has a range header that is too short: it is damaged, copy it again")
        two_theta = even_axis(record.f64(at + 16), record.f64(at + 176), points)
        counts = record.array(at + header + more, points, "<f4")
        slit = divergence(record.text(at + 72, 4), record.f32(568))
        metadata = {**common, **slit, "counting_time_s": record.f32(at + 192)}
        notes = _moved_alone(record.f64(at + 8), record.f64(at + 16))
        ranges.append(Range(two_theta, counts, metadata, record.f64(624), notes))
        at += header + more + 4 * points
    return ranges


def divergence(variable: str, fixed: float | None) -> dict[str, object]:
    """The divergence slit: `V6` is an automatic one that illuminates 6 mm, whatever opening is stated."""
    automatic = re.fullmatch(r"V(\d{1,2})", variable)
    if automatic:
        return {"automatic_slit_mm": automatic[1]}
    return {"divergence_slit_deg": fixed} if fixed and 0 < fixed < 10 else {}


def _ranges(stated_ranges: int) -> int:
    if not 1 <= stated_ranges <= _MOST_RANGES:
        raise ScanError(f"says it holds {stated_ranges} ranges: it is damaged or empty, copy or export it again")
    return stated_ranges


def _moved_alone(theta: float, two_theta: float) -> list[str]:
    """A note where the range did not begin at θ = 2θ/2, as at grazing incidence."""
    if theta in (0.0, _UNSET) or abs(theta - two_theta / 2) < 1:
        return []
    return [f"began with θ at {theta:g}° and 2θ at {two_theta:g}°: intensities differ from those of a θ/2θ scan"]
