"""BRML, the archive of Bruker's DIFFRAC.SUITE (.brml): XML, of which `RawData*.xml` holds the points.

The layout is evident from the file: every `Datum` is a row. The `RawDataView` elements say which of its columns are
the scanned axes and which the counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, numbers, scans, unattenuated
from bragglens.scan.markup import number, text, value
from bragglens.scan.scan import Scan
from bragglens.scan.unpack import Archive, holds

Array = NDArray[np.float64]
_NOT_TAKEN = -9999.0  # counts of a point at which the scan was stopped before
_RAW_DATA = r"(?:[^/]+/)*RawData[0-9]*\.xml"


@dataclass(frozen=True)
class _Stated:
    """What a file of raw data states about all its routes: Kα1 in Å, and entries of `Scan.metadata`."""

    wavelength: float | None
    metadata: Mapping[str, object]


def recognises(data: bytes) -> bool:
    """Whether it is an archive with raw data, or with the container that lists them."""
    return holds(data, rf"{_RAW_DATA}|(?:[^/]+/)*(?:DataContainer|experimentCollection)\.xml")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each route of each file of raw data.

    Raises:
        ScanError: damaged, unpacks to more than a scan can hold, two-dimensional, or a scan of another axis than 2θ.
    """
    with about(name):
        archive = Archive(data)
        roots = [archive.parse(member) for member in archive.names(_RAW_DATA)]
        routes = [(stated, route) for root in roots for stated in [_stated(root)] for route in root.iter("DataRoute")]
        measured = [(stated, route) for stated, route in routes if route.find("Datum") is not None]
        if not measured:
            raise ScanError("holds no points, only images or nothing: integrate or export it as .xy first")
        original = [pair for pair in measured if pair[1].get("RouteFlag") == "Measured"] or measured
        return scans(name, (_range(stated, route) for stated, route in original))


def _range(stated: _Stated, route: Element) -> Range:
    information = route.find("ScanInformation")
    axes = [axis.get("AxisId") or "" for axis in route.iterfind("ScanInformation/ScanAxes/ScanAxisInfo")]
    if "TwoTheta" not in axes:
        raise ScanError(f"is a scan of {', '.join(axes)[:40] or 'no axis'}, not of 2θ: give a 2θ scan")
    rows, notes = _rows(route), list[str]()
    scanned, factor, counter = _place(route, "ScanAxes"), _place(route, "AbsorptionFactor"), _counter(route)
    time = _place(route, "MeasuredTime")
    if not any(route.iterfind("DataViews/RawDataView")):  # old files list no columns: time, factor, axes ..., counter
        time, scanned, factor, counter = 0, 2, 1, rows.shape[1] - 1
    if scanned is None or counter is None:
        raise ScanError("does not say which of its columns are the axes and the counts: export it as .xy")
    at = scanned + axes.index("TwoTheta")
    if max(at, counter, factor or 0, time or 0) >= rows.shape[1]:
        raise ScanError("has rows shorter than its own list of columns: it is damaged, copy or export it again")
    taken = _taken(rows[:, counter], rows[:, time] if time is not None else None)
    if not taken.all():
        notes.append(
            f"{np.count_nonzero(~taken)} of {taken.size} points were not measured (no time, or {_NOT_TAKEN:g} counts): "
            "left out"
        )
        rows = rows[taken]
    counts = rows[:, counter]
    if factor is not None:
        counts = unattenuated(counts, rows[:, factor], notes)
    metadata = {
        **stated.metadata,
        "scan_axis": information.get("ScanName") if information is not None else "",
        "counting_time_s": number(information, "TimePerStep"),
    }
    return Range(rows[:, at], counts, metadata, stated.wavelength, notes)


def _taken(counts: Array, time: Array | None) -> NDArray[np.bool_]:
    """Which rows were measured; in a stopped scan the others have no time and a marker as counts."""
    taken = counts != _NOT_TAKEN
    if time is not None and (time[taken] > 0).any():
        taken &= time > 0
    return np.asarray(taken)


def _rows(route: Element) -> Array:
    listed = [datum.text or "" for datum in route.iterfind("Datum")]
    width = listed[0].count(",") + 1
    values = numbers("\n".join(listed), "points")
    if width < 4 or values.size != width * len(listed):
        raise ScanError("has rows of different length: it is damaged, copy or export it again")
    return values.reshape(-1, width)


def _place(route: Element, logic: str) -> int | None:
    """The first column of a view."""
    for view in route.iterfind("DataViews/RawDataView"):
        names = (view.get("LogicName"), *(varying.get("LogicName") for varying in view.iterfind("Varying")))
        if logic in names:
            return _start(view)
    return None


def _counter(route: Element) -> int | None:
    """The column of the counter, that of the first recording.

    Raises:
        ScanError: the detector recorded more than one number per point.
    """
    view = next((v for v in route.iterfind("DataViews/RawDataView") if v.find("Recording") is not None), None)
    if view is None:
        return None
    if view.get("Length", "1") != "1":
        raise ScanError("has a whole line or image per point, not counts: integrate or export it as .xy first")
    return _start(view)


def _start(view: Element) -> int | None:
    start = view.get("Start") or ""
    return int(start) if start.isascii() and start.isdigit() and len(start) < 6 else None


def _stated(root: Element) -> _Stated:
    """What applies to all routes of a file, read once since there may be thousands."""
    sample = next((item.get("Value") for item in root.iterfind(".//InfoItem") if item.get("Name") == "SampleName"), "")
    before = root.iterfind(".//PrimaryTracks//InfoData")
    crystal = next((optic.get("LogicName") for optic in before if (optic.get("LogicName") or "").startswith("Ge")), "")
    metadata = {
        "radius_mm": value(root.find(".//SecondaryTracks"), "Radius"),
        "anode": text(root.find(".//Tube"), "TubeMaterial"),
        "wavelength_2": value(root, "WaveLengthAlpha2"),
        "wavelength_2_weight": value(root, "WaveLengthRatio"),
        "monochromator": f"incident: {crystal}" if crystal else "",
        "started": text(root, "TimeStampStarted"),
        "sample": sample,
    }
    return _Stated(value(root, "WaveLengthAlpha1"), metadata)
