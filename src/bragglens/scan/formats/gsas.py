"""GSAS powder data (.gsa, .gda, .fxye, .xra): a title and BANK records, read by rietx (seconds to import)."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np

from bragglens.errors import ScanError
from bragglens.scan.scan import Scan

_BANK = re.compile(rb"^BANK\s+\d+\s+\d+", re.MULTILINE)


def recognises(data: bytes) -> bool:
    """Whether a BANK record stands near the beginning."""
    return b"\0" not in data[:4096] and _BANK.search(data[:4096]) is not None


def read(data: bytes, name: str) -> Scan:
    """The scan in these bytes; a GSAS file does not state its wavelength."""
    from rietx.io.readers import read_pattern

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "scan.gsa"  # rietx reads paths
        copy.write_bytes(data)
        try:
            pattern = read_pattern(str(copy))
        except Exception as error:  # rietx raises many kinds
            reason = str(error).replace(str(copy), name).splitlines()[0] if str(error) else type(error).__name__
            raise ScanError(f"{name}: looks like GSAS powder data but cannot be read: {reason}") from error
    if pattern.axis != "two_theta":
        raise ScanError(f"{name}: its axis is {pattern.axis}, not 2θ: convert it to 2θ in degrees")
    return Scan(name, np.asarray(pattern.two_theta, dtype=float), np.asarray(pattern.intensity, dtype=float))
