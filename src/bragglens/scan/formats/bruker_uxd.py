"""UXD, the text that Bruker's XCH makes of RAW files (.uxd): `_KEY=value` lines, then counts after `_COUNTS`.

Described in the DIFFRAC plus manual "File Exchange" (Bruker AXS): ranges follow each other, each with the keys that
changed; `_COUNTS` and `_CPS` list intensities, `_2THETACOUNTS` and `_2THETACPS` pairs of 2θ and intensity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, even_axis, number, numbers, scans
from bragglens.scan.formats.bruker_raw import divergence
from bragglens.scan.scan import Scan

_LISTS = re.compile(r"_(?P<pairs>2THETA)?(?P<unit>COUNTS|CPS)\s*$")
_TWO_THETA_DRIVES = ("", "COUPLED", "2THETA", "TWOTHETA")


def recognises(data: bytes) -> bool:
    """Whether the file's version is stated near the beginning."""
    return b"\0" not in data[:4096] and re.search(rb"^_FILEVERSION\s*=", data[:4096], re.MULTILINE) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each range; keys of a range hold for those that follow.

    Raises:
        ScanError: cut short, damaged, or a scan of another drive than 2θ.
    """
    with about(name):
        entries: dict[str, str] = {}
        ranges, rows, listed = list[Range](), list[str](), None
        for line in [*data.decode("latin-1").splitlines(), "_END="]:
            if not line.startswith(("_", ";")):
                rows += [line] if listed else []
                continue
            if line.startswith("_") and listed:
                ranges.append(_range(entries, rows, listed))
                rows, listed = [], None
            if found := _LISTS.match(line):
                listed = found
            elif "=" in line and not line.startswith(";"):
                key, _, value = line.partition("=")
                entries[key.strip()] = value.strip().strip("'")
        return scans(name, ranges)


def _range(entries: Mapping[str, str], rows: Sequence[str], listed: re.Match[str]) -> Range:
    drive = entries.get("_DRIVE", "")
    if drive not in _TWO_THETA_DRIVES:
        raise ScanError(f"is a scan of {drive[:20]}, not of 2θ: give a 2θ scan")
    values = numbers(" ".join(rows), "counts")
    if listed["pairs"]:
        if values.size % 2:
            raise ScanError("ends with an angle without its count: it is cut short, copy or export it again")
        two_theta, counts = values.reshape(-1, 2).T
    else:
        start, step = number(entries.get("_START")), number(entries.get("_STEPSIZE"))
        if start is None:
            start = number(entries.get("_2THETA"))
        if start is None or step is None:
            raise ScanError("does not state where its range begins or its step: export it again")
        two_theta, counts = even_axis(start, step, values.size), values
    _check_count(entries, counts.size)
    return Range(two_theta, counts, _metadata(entries, listed["unit"]), _wavelength(entries))


def _check_count(entries: Mapping[str, str], held: int) -> None:
    """Version 2 may state the number of points; some converters state the number of steps."""
    expected = number(entries.get("_STEPCOUNT"))
    if expected and held not in (expected, expected + 1):
        raise ScanError(f"states {expected:g} points, but holds {held}: it is cut short, copy or export it again")


def _wavelength(entries: Mapping[str, str]) -> float | None:
    """Kα1 in Å."""
    nanometres = entries.get("_WL_UNIT", "A").lower().startswith("n")
    value = number(entries.get("_WL1"))
    return value * 10 if value and nanometres else value


def _metadata(entries: Mapping[str, str], unit: str) -> dict[str, object]:
    """`_SOLLER_SLITS` only says whether there are some, `_BETA_FILTER` too."""
    return {
        "radius_mm": number(entries.get("_GONIOMETER_RADIUS")),
        **divergence(entries.get("_VARDIVERGENCE", ""), number(entries.get("_FIXED_DIVSLIT"))),
        "anode": entries.get("_ANODE"),
        "wavelength_2": number(entries.get("_WL2")),
        "wavelength_2_weight": number(entries.get("_WLRATIO")),
        "counting_time_s": number(entries.get("_STEPTIME")),
        "scan_axis": entries.get("_DRIVE"),
        "intensity_unit": "cps" if unit == "CPS" else "",
        "started": entries.get("_DATEMEASURED"),
        "sample": entries.get("_SAMPLE"),
    }
