"""RAS, the text of Rigaku's SmartLab and MiniFlex programs (.ras): `*KEY "value"` headers, each with its points.

The layout is evident from the file: `*RAS_HEADER_START`, entries, `*RAS_HEADER_END`, `*RAS_INT_START`, rows of angle,
intensity and attenuation factor, `*RAS_INT_END`. `rigaku_rasx` reads .rasx files, which have the same keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, number, numbers, plain, scans, unattenuated
from bragglens.scan.scan import Scan

Array = NDArray[np.float64]
_ENTRY = re.compile(r'^\*(\S+)[ \t]+"?([^"\r\n]*)"?', re.MULTILINE)


def recognises(data: bytes) -> bool:
    """Whether RAS markers are near the beginning."""
    return b"\0" not in data[:4096] and b"*RAS_HEADER_START" in data[:4096]


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each header with its points.

    Raises:
        ScanError: cut short, damaged, or a scan of another axis than 2θ.
    """
    with about(name):
        return scans(name, [_block(block) for block in plain(data).split("*RAS_HEADER_START\n")[1:]])


def _block(block: str) -> Range:
    """One header with its points."""
    header, _, points = block.partition("*RAS_INT_START\n")
    rows, end, _ = points.partition("*RAS_INT_END")
    if not end:
        raise ScanError("does not end as a RAS file does: it is cut short, copy or export it again")
    return _range(dict(_ENTRY.findall(header)), rows)


def _range(entries: Mapping[str, str], rows: str) -> Range:
    axis = entries.get("MEAS_SCAN_AXIS_X_INTERNAL") or entries.get("MEAS_SCAN_AXIS_X", "")
    check_axis(axis, entries.get("MEAS_SCAN_UNIT_X", "deg"))
    notes: list[str] = []
    two_theta, counts = columns(rows, notes)
    positions = {
        entries.get(f"MEAS_COND_AXIS_NAME_INTERNAL-{key.rpartition('-')[2]}", ""): value
        for key, value in entries.items()
        if key.startswith("MEAS_COND_AXIS_POSITION-")
    }
    time = counting_time(
        number(entries.get("MEAS_SCAN_SPEED")),
        entries.get("MEAS_SCAN_SPEED_UNIT", ""),
        number(entries.get("MEAS_SCAN_STEP")),
    )
    metadata = {
        "anode": entries.get("HW_XG_TARGET_NAME"),
        "wavelength_2": number(entries.get("HW_XG_WAVE_LENGTH_ALPHA2")),
        "scan_axis": axis,
        "counting_time_s": time,
        "intensity_unit": entries.get("MEAS_SCAN_UNIT_Y"),
        "started": entries.get("MEAS_SCAN_START_TIME"),
        "sample": entries.get("FILE_SAMPLE"),
        "diffractometer": entries.get("FILE_SYSTEM_NAME") or entries.get("HW_GONIOMETER_NAME"),
        **optics(positions),
    }
    return Range(two_theta, counts, metadata, number(entries.get("HW_XG_WAVE_LENGTH_ALPHA1")), notes)


def check_axis(axis: str, unit: str) -> None:
    """Refuse a scan of ω, φ or χ, and one not in degrees; an `axis` in Japanese is accepted."""
    if axis.isascii() and axis and not re.match(r"(two|2)[-_ ]?theta|theta/2", axis, re.IGNORECASE):
        raise ScanError(f"is a scan of {axis[:30]}, not of 2θ: give a 2θ scan")
    if not unit.startswith("deg"):
        raise ScanError(f"states its angles in {unit[:20]!r}, not in degrees: export it again")


def columns(rows: str, notes: list[str]) -> tuple[Array, Array]:
    """Angles and counts of rows of two or three numbers; a third is the factor of the attenuator."""
    width = len(rows.lstrip().partition("\n")[0].split())
    values = numbers(rows, "points")
    if width not in (2, 3) or values.size % width:
        raise ScanError("has rows that are not angle, intensity and factor: it is damaged, copy or export it again")
    table = values.reshape(-1, width)
    return table[:, 0], unattenuated(table[:, 1], table[:, 2], notes) if width == 3 else table[:, 1]


def counting_time(speed: float | None, unit: str, step: float | None) -> float | None:
    """Seconds per point, from a speed in degrees per minute or from seconds per step."""
    if not speed or speed < 0:
        return None
    if unit.startswith("deg/min"):
        return 60 * step / speed if step else None
    return speed if unit.startswith("sec") else None


def optics(positions: Mapping[str, str]) -> dict[str, object]:
    """Slits, filter and monochromator among the positions of all axes; a slit in mm is useless without distances."""

    def degrees(*axes: str) -> float | None:
        found = next((positions[axis] for axis in axes if positions.get(axis, "").endswith("deg")), None)
        return number(found)

    soller = degrees("IncidentSollerSlit", "ReceivingSollerSlit")
    crystal = positions.get("CounterMonochromator", "")
    return {
        "divergence_slit_deg": degrees("IncidentSlitBox"),
        "soller_rad": math.radians(soller) if soller else None,
        "filter": positions.get("Filter"),
        "monochromator": f"diffracted: {crystal}" if crystal not in ("", "None") else "",
    }
