"""UDF, the text of Philips' PC-APD (.udf): `Key,value,/` lines, then counts after `RawScan` up to a `/`.

The layout is evident from the file: `DataAngleRange` and `ScanStepSize` make the axis.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, number, numbers, plain, scans
from bragglens.scan.scan import Scan
from bragglens.scan.stated import stated_axis

_ENTRY = re.compile(r"^(\w+),([^\r\n]*?),?/[ \t]*$", re.MULTILINE)


def recognises(data: bytes) -> bool:
    """Whether it begins with the sample's name, or states the range near the beginning."""
    head = data[:4096]
    return b"\0" not in head and re.search(rb"^(SampleIdent|DataAngleRange),", head, re.MULTILINE) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: cut short, damaged, or without its range.
    """
    with about(name):
        header, body = _parts(plain(data))
        counts, end, _ = body.partition("/")
        found = _range(dict(_ENTRY.findall(header)), counts)
        if not end and found.notes:  # some converters leave it out
            raise ScanError("does not end with a '/' after its counts: it is cut short, copy or export it again")
        return scans(name, [found])


def _parts(text: str) -> tuple[str, str]:
    found = re.search(r"^(?:RawScan|Data)[ \t]*$", text, re.MULTILINE)
    if not found:
        raise ScanError("holds no counts: it is cut short, copy or export it again")
    return text[: found.start()], text[found.end() :]


def _range(entries: Mapping[str, str], listed: str) -> Range:
    start, _, stop = entries.get("DataAngleRange", "").partition(",")
    first, last, step = number(start), number(stop), number(entries.get("ScanStepSize"))
    if first is None or last is None or step is None:
        raise ScanError("does not state its range or its step: export it again")
    counts, notes = numbers(listed, "counts"), list[str]()
    two_theta = stated_axis(counts.size, start=first, stop=last, step=step, notes=notes)
    wavelength = number(entries.get("LabdaAlpha1"))  # Philips' own spelling
    return Range(two_theta, counts[: two_theta.size], _metadata(entries), wavelength, notes)


def _metadata(entries: Mapping[str, str]) -> dict[str, object]:
    kind, _, opening = entries.get("DivergenceSlit", "").partition(",")
    slit = "automatic_slit_mm" if kind.startswith("Auto") else "divergence_slit_deg"
    return {
        slit: number(opening),
        "anode": entries.get("Anode"),
        "monochromator": "used, its kind not stated" if entries.get("MonochromatorUsed", "").startswith("Y") else "",
        "wavelength_2": number(entries.get("LabdaAlpha2")),
        "wavelength_2_weight": number(entries.get("RatioAlpha21")),
        "counting_time_s": number(entries.get("ScanStepTime")),
        "started": entries.get("FileDateTime"),
        "sample": entries.get("SampleIdent"),
        "diffractometer": entries.get("DiffrType"),
    }
