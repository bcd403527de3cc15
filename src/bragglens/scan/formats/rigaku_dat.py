"""The text of Rigaku's older programs (.dat, .asc): `*KEY = value` lines, groups from `*BEGIN` to `*END`.

The layout is evident from the file: each group states `*START`, `*STOP`, `*STEP` and `*COUNT`, then lists its counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, number, numbers, plain, scans
from bragglens.scan.scan import Scan
from bragglens.scan.stated import stated_axis

_ENTRY = re.compile(r"^\*(\w+)[ \t]*=[ \t]*([^\r\n]*)$", re.MULTILINE)
_ANODES = {24: "Cr", 26: "Fe", 27: "Co", 28: "Ni", 29: "Cu", 42: "Mo", 47: "Ag", 74: "W"}


def recognises(data: bytes) -> bool:
    """Whether it begins with `*TYPE = Raw`, or states a group near the beginning."""
    head = data[:8192]
    return (
        b"\0" not in head
        and re.search(rb"^\*(TYPE[ \t]*=[ \t]*Raw|GROUP_COUNT[ \t]*=)", head, re.MULTILINE) is not None
    )


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each group.

    Raises:
        ScanError: cut short, damaged, or a scan of another axis than 2θ.
    """
    with about(name):
        common, *groups = re.split(r"^\*BEGIN[^\n]*$", plain(data), flags=re.MULTILINE)
        return scans(name, [_range(common, group) for group in groups])


def _range(common: str, group: str) -> Range:
    entries = dict(_ENTRY.findall(common + group))
    axis, unit = entries.get("SCAN_AXIS", ""), entries.get("XUNIT", "deg.")
    if axis and not re.match(r"2\s*theta", axis, re.IGNORECASE):
        raise ScanError(f"is a scan of {axis[:30]}, not of 2θ: give a 2θ scan")
    if not unit.startswith("deg"):
        raise ScanError(f"states its angles in {unit[:20]!r}, not in degrees: export it again")
    start, stop, step = (number(entries.get(key)) for key in ("START", "STOP", "STEP"))
    if start is None or step is None:
        raise ScanError("does not state where its range begins or its step: export it again")
    body, _, rest = group.partition("\n*END")
    counts = numbers("\n".join(line for line in body.splitlines() if not line.startswith("*")), "counts")
    if not rest or counts.size != number(entries.get("COUNT")):
        raise ScanError(
            f"holds {counts.size} of the {entries.get('COUNT', '?')[:12]} counts it states: "
            "it is cut short, copy it again"
        )
    notes: list[str] = []
    two_theta = stated_axis(counts.size, start=start, stop=stop, step=step, notes=notes)
    two_theta = two_theta + (number(entries.get("OFFSET")) or 0.0)
    return Range(
        two_theta, counts[: two_theta.size], _metadata(entries, group), number(entries.get("WAVE_LENGTH1")), notes
    )


def _metadata(entries: Mapping[str, str], group: str) -> dict[str, object]:
    timed = entries.get("SPEED_DIM", "").startswith("sec")
    slit = re.search(r"^\*SLIT_SPEC\s*=\s*0\s*,\s*\"?(\d+(?:\.\d+)?)(?:/(\d+))?\s*deg", group, re.MULTILINE)
    radius = number(entries.get("GONIO", "").rpartition(",")[2])
    filtered, crystal = entries.get("FILTER", ""), entries.get("C_MONOCHRO", "")
    return {
        "radius_mm": radius if radius and radius > 50 else None,
        "divergence_slit_deg": float(slit[1]) / (float(slit[2] or 1) or 1) if slit else None,
        "anode": _ANODES.get(int(number(entries.get("TARGET")) or 0)),
        "filter": "" if filtered.startswith("Not") else filtered,
        "monochromator": "" if not crystal or crystal.startswith("Not") else f"diffracted: {crystal}",
        "wavelength_2": number(entries.get("WAVE_LENGTH2")),
        "scan_axis": entries.get("SCAN_AXIS"),
        "counting_time_s": number(entries.get("SPEED")) if timed else None,
        "intensity_unit": entries.get("YUNIT"),
        "started": entries.get("DATE"),
        "sample": entries.get("SAMPLE"),
    }
