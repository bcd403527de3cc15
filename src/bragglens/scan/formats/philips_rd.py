"""RD, the binary file of Philips' PC-APD, versions 3 and 5 (.rd, .sd): a header and packed counts.

Offsets as commonly described, checked on files of version 3 whose scans are also available as text; version 5 is
untested. Two bytes hold ten times the square root of the counts, which is exact to about 0.2 of the standard error.
"""

from __future__ import annotations

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, agreed_points, even_axis, scans
from bragglens.scan.record import Record
from bragglens.scan.scan import Scan

_BEGIN = {b"V3RD": 250, b"V5RD": 810}  # where the counts begin
_ANODES = {0: "Cu", 1: "Mo", 2: "Fe", 3: "Cr"}


def recognises(data: bytes) -> bool:
    """Whether these bytes begin as version 3 or 5 do."""
    return data[:4] in _BEGIN


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: cut short or damaged.
    """
    with about(name):
        record, notes = Record(data), list[str]()
        step, start, stop = record.f64(214), record.f64(222), record.f64(230)
        begin = _BEGIN[data[:4]]
        held = (len(record) - begin) // 2
        if held < 1:
            raise ScanError("ends before its counts: it is cut short, copy it again")
        even_axis(start, step, held)  # refuses nonsense before it is divided by
        points = agreed_points(held, start=start, stop=stop, step=step, notes=notes)
        packed = record.array(begin, points, "<u2")
        two_theta = even_axis(start, step, points)
        return scans(name, [Range(two_theta, (packed / 10) ** 2, _metadata(record), record.f64(94), notes)])


def _metadata(record: Record) -> dict[str, object]:
    second, weight = record.f64(102), record.f64(110)
    return {
        "anode": _ANODES.get(record.data[85]) if record.data[84] < 32 else "",  # converters leave text there
        "wavelength_2": second if 0.1 < second < 3 else None,
        "wavelength_2_weight": weight if 1e-3 < weight < 2 else None,
        "sample": record.text(138, 8),
    }
