"""GSAS powder data (.gsa, .gda, .fxye, .xra, .cwn, .raw): a title and BANK records, constant wavelength.

The records are described in the GSAS manual (Larson & Von Dreele, Los Alamos report LAUR 86-748, 2004, "Powder
diffraction data"): angles are in hundredths of a degree; STD has ten counts per line, each after the number of
detectors that were averaged, ESD five pairs of intensity and its error, FXYE and FXY one point per line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import MOST_POINTS, Range, about, even_axis, number, numbers, scans
from bragglens.scan.scan import Scan
from bragglens.scan.wavelength import wavelength_in

Array = NDArray[np.float64]
_BANK = re.compile(rb"^BANK\s+\d+\s+\d+", re.MULTILINE)


def recognises(data: bytes) -> bool:
    """Whether a BANK record stands near the beginning."""
    return b"\0" not in data[:4096] and _BANK.search(data[:4096]) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scans in these bytes, one for each BANK.

    A GSAS file need not state its wavelength; one in the title or a comment is used.

    Raises:
        ScanError: time of flight, a kind of record that is none of these, or damaged.
    """
    with about(name):
        lines = data.decode("latin-1").splitlines()
        banks = [i for i, line in enumerate(lines) if _BANK.match(line.encode("latin-1"))]
        title = [line.lstrip("# ").rstrip()[:200] for line in lines[: banks[0]]]
        wavelength, notes = wavelength_in(title)
        ends = [*banks[1:], len(lines)]
        metadata = {"sample": title[0] if title else ""}
        columns = [_bank(lines[start].split(), lines[start + 1 : end]) for start, end in zip(banks, ends, strict=True)]
        return scans(name, [Range(*found, metadata, wavelength, list(notes)) for found in columns])


def _bank(words: Sequence[str], lines: Sequence[str]) -> tuple[Array, Array]:
    """2θ and counts of one BANK: `BANK number points records binning start step 0 0 type`."""
    points, binning = int(number(words[2]) or 0), words[4] if len(words) > 4 else ""
    start, step = (number(word) for word in (*words[5:7], "", "")[:2])
    kind = words[9] if len(words) > 9 else "STD"
    if binning in ("SLOG", "RALF", "LPSD", "TIME_MAP") or start is None or step is None:
        raise ScanError(f"its bank is binned as {binning[:20] or 'nothing'}, not in even steps of 2θ: give a 2θ scan")
    if not 0 < points <= MOST_POINTS:
        raise ScanError(f"says that a bank holds {points} points, which is not possible: copy or export it again")
    kept = [line for line in lines if not line.startswith(("#", "TIME_MAP"))]
    if kind in ("FXYE", "FXY"):
        return _listed(kept, points, width=len(kind) - 1)
    counts = _pairs(kept, points) if kind == "ESD" else _counts(kept, points, kind)
    return even_axis(start / 100, step / 100, points), counts


def _listed(lines: Sequence[str], points: int, *, width: int) -> tuple[Array, Array]:
    table = _enough(numbers(" ".join(lines), "points"), points * width).reshape(-1, width)
    return table[:, 0] / 100, table[:, 1]


def _pairs(lines: Sequence[str], points: int) -> Array:
    """Intensities of ESD records: pairs in fields of eight characters, perhaps without blanks."""
    fields = [line[i : i + 8] for line in lines for i in range(0, 80, 8)]
    return _enough(_fields(fields), points * 2)[::2]


def _counts(lines: Sequence[str], points: int, kind: str) -> Array:
    """Counts of STD records: two characters for the number of detectors, six for the counts."""
    if kind != "STD":
        raise ScanError(
            f"holds records of the kind {kind[:20]!r}, which is not supported (STD, ESD, FXY and FXYE are): convert it"
        )
    fields = [line[i + 2 : i + 8] for line in lines for i in range(0, 80, 8)]
    return _enough(_fields(fields), points)


def _fields(fields: Sequence[str]) -> Array:
    try:
        return np.array([float(field) for field in fields if field.strip()])
    except ValueError as error:
        raise ScanError(f"its counts are not all numbers ({str(error)[-30:]}): copy or export it again") from None


def _enough(values: Array, wanted: int) -> Array:
    """The first so many numbers; records are padded at the end."""
    if values.size < wanted:
        raise ScanError(f"holds {values.size} of the {wanted} numbers that its BANK states: copy or export it again")
    return values[:wanted]
