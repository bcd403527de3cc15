"""CPI, the text of Sietronics' programs (.cpi): a header with one value per line, then counts after `SCANDATA`.

The layout is evident from the file: start, end and step in degrees 2θ, anode, wavelength in Å, date, seconds per step,
title.
"""

from __future__ import annotations

from bragglens.errors import ScanError
from bragglens.scan.assemble import Range, about, number, numbers, plain, scans
from bragglens.scan.scan import Scan
from bragglens.scan.stated import stated_axis

_MARK = b"SIETRONICS XRD SCAN"


def recognises(data: bytes) -> bool:
    """Whether it begins with the marker."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[: len(_MARK)].upper() == _MARK


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: cut short, damaged, or without its range.
    """
    with about(name):
        header, mark, body = plain(data).partition("SCANDATA")
        lines = [line.strip() for line in header.strip().split("\n")]
        start, stop, step = (number(line.replace(",", ".")) for line in [*lines[1:4], "", "", ""][:3])
        if not mark or start is None or step is None:
            raise ScanError("does not state its range or holds no SCANDATA: it is cut short, copy or export it again")
        # One a line, so that a comma is a decimal one.
        counts, notes = numbers(body.replace(",", "."), "counts"), list[str]()
        two_theta = stated_axis(counts.size, start=start, stop=stop, step=step, notes=notes)
        anode, wavelength, date, seconds, sample = [*lines[4:9], "", "", "", "", ""][:5]
        metadata = {
            "anode": anode.title() if anode.isalpha() else "",
            "counting_time_s": number(seconds),
            "started": date,
            "sample": sample,
        }
        stated = number(wavelength.replace(",", "."))
        return scans(name, [Range(two_theta, counts[: two_theta.size], metadata, stated, notes)])
