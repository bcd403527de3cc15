"""JCAMP-DX (.jdx, .dx): `##LABEL=value` records, then points as (X++(Y..Y)) or as pairs.

McDonald & Wilks, Appl. Spectrosc. 42 (1988) 151: in (X++(Y..Y)) a line begins with the X of its first Y, and the
others follow at even steps; X and Y are to be multiplied by XFACTOR and YFACTOR. Read are numbers between blanks or
signs (AFFN, PAC); the compressed forms (SQZ, DIF, DUP) and lists of peaks are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from bragglens.errors import ScanError
from bragglens.scan.assemble import Array, Range, about, ascending, number, scans
from bragglens.scan.scan import Scan
from bragglens.scan.stated import Stated, missing
from bragglens.scan.table import decode
from bragglens.scan.titles import columns_of, spelled, two_theta_of
from bragglens.scan.wavelength import wavelength_in

_MARK = re.compile(rb"^##[ \t]*(?:JCAMP-?DX|XYDATA|XYPOINTS|PEAK[ _]?TABLE)[ \t]*=", re.MULTILINE | re.IGNORECASE)
_RECORD = re.compile(r"^##([^=\n]{1,80})=[ \t]*([^\n]*)$", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_HUGE = 1e30  # no count and no angle
_TABLES = ("XYDATA", "XYPOINTS")


def recognises(data: bytes) -> bool:
    """Whether one of its own labels stands near the beginning; RRUFF's files have others."""
    return b"\0" not in data[:4096] and _MARK.search(data[:8192]) is not None


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in these bytes.

    Raises:
        ScanError: another spectrum than a powder scan, a list of peaks, compressed, or damaged.
    """
    with about(name):
        text = re.sub(r"\$\$[^\n]*", "", decode(data).replace("\r\n", "\n").replace("\r", "\n"))
        found = list(_RECORD.finditer(text))
        entries = {_label(record[1]): record[2].strip() for record in reversed(found)}
        at = next((i for i, record in enumerate(found) if _label(record[1]) in _TABLES), None)
        if at is None:
            raise ScanError(
                f"is JCAMP-DX without {' or '.join(_TABLES)}, as lists of peaks are: give the scan as two columns"
            )
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        axis, counts, notes = _points(found[at][2], text[found[at].end() : end], entries)
        wavelength, more = wavelength_in([f"{record[1]}={record[2]}"[:500] for record in found])
        notes += more
        label = _axis_label(entries)
        two_theta = two_theta_of(axis, label, wavelength, notes)
        ordered = ascending(two_theta, counts, notes)
        return scans(name, [Range(*ordered, {"sample": entries.get("TITLE", "")}, wavelength, notes)])


def _label(written: str) -> str:
    """Labels are the same in any case, and with blanks, dashes, slashes and underscores or without."""
    return re.sub(r"[\s/_-]", "", written.upper())


def _axis_label(entries: Mapping[str, str]) -> str:
    """What XUNITS calls the axis, where that is 2θ or can be converted."""
    units, kind = spelled(entries.get("XUNITS", "")), entries.get("DATATYPE", "")
    label = columns_of([f"{units}\tcounts"], r"\t", 2).label if units else ""
    diffraction = re.search(r"X-?RAY|XRD|DIFFR|POWDER", kind.upper()) is not None
    if not label and (units or not diffraction):
        raise ScanError(f"is JCAMP-DX of {kind[:40] or 'no type'} over {units[:20]!r}, not of a powder scan over 2θ")
    return label


def _points(form: str, body: str, entries: Mapping[str, str]) -> tuple[Array, Array, list[str]]:
    """The axis, intensities and notes."""
    if re.search(r"[A-DF-Za-df-z@%]", body.replace("nan", "")):
        raise ScanError("is JCAMP-DX in a compressed form (SQZ, DIF, DUP): export it as two columns, 2θ and intensity")
    x_factor, y_factor = ((number(entries.get(key)) or 1.0) for key in ("XFACTOR", "YFACTOR"))
    lines = [np.array([float(word) for word in _NUMBER.findall(line)]) for line in body.split("\n")]
    lines = [line for line in lines if line.size]
    if not all((np.abs(line) < _HUGE).all() for line in lines):
        raise ScanError("holds numbers that are not finite: it is damaged, copy or export it again")
    if re.search(r"X\+\+", form.upper()):
        axis, counts = _stepped([line for line in lines if line.size > 1], x_factor, entries)
    else:
        listed = np.concatenate([*lines, np.empty(0)])
        axis, counts = listed[: listed.size // 2 * 2].reshape(-1, 2).T
        axis = axis * x_factor
    points = number(entries.get("NPOINTS"))
    stated = Stated(points=int(points)) if points and 0 < points < 1e9 else Stated(stop=number(entries.get("LASTX")))
    return axis, counts * y_factor, missing(stated, axis) if axis.size else []


def _stepped(lines: list[Array], x_factor: float, entries: Mapping[str, str]) -> tuple[Array, Array]:
    """Even steps through the X that begin the lines; all of them must lie on it."""
    if not lines:
        raise ScanError("holds no points after XYDATA: it is cut short, copy or export it again")
    counts = np.concatenate([line[1:] for line in lines])
    begins = np.cumsum([0, *(line.size - 1 for line in lines[:-1])])
    firsts = np.array([line[0] for line in lines]) * x_factor
    step = (firsts[-1] - firsts[0]) / begins[-1] if len(lines) > 1 else number(entries.get("DELTAX")) or 0.0
    if not step or np.abs(firsts[0] + step * begins - firsts).max() > 0.5 * abs(step):
        raise ScanError("has lines that do not begin where its steps lead: points are missing, copy or export it again")
    return np.round(firsts[0] + step * np.arange(counts.size), 6), counts
