"""Column text in any dialect: .xy .xye .csv .txt .dat .asc and RRUFF's.

Bytes become a header and a table (`scan.table`). The header states what the columns are (`scan.titles`) and what range
they should cover (`scan.stated`). What stays ambiguous is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.assemble import about, few, measured
from bragglens.scan.lists import refuse_lists
from bragglens.scan.scan import LEAST_POINTS, Scan
from bragglens.scan.stated import missing, range_in
from bragglens.scan.table import Table, check_commas, decode, table_in
from bragglens.scan.titles import Columns, columns_of, two_theta_of
from bragglens.scan.wavelength import wavelength_in

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")


def recognises(data: bytes) -> bool:
    """Whether these bytes are text. Column text has no marker, so try every other format first."""
    text = decode(data)
    return len(_CONTROL.findall(text)) <= len(text) / 100


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan in columns of text: 2θ in degrees and intensity; or θ, d or Q where the header says so, converted.

    `notes` say what was done to the data. Raises ScanError for anything that is no scan, or is ambiguous.
    """
    return read_columns(decode(data), name)


def read_columns(text: str, name: str) -> tuple[Scan, ...]:
    """The scans in columns of decoded text: several if the angles start again."""
    with about(name):
        table = table_in(text)
        wavelength, notes = wavelength_in(table.header)
        columns = _columns(table)
        if len(columns.titles) > 2:
            numbers = f"{columns.axis + 1} and {columns.counts + 1} of {len(columns.titles)}"
            notes.append(f"used columns {numbers} as angle and intensity")
        if not np.isfinite(table.numbers[:, columns.axis]).all():
            raise ScanError("holds angles that are not finite: it is damaged, copy or export it again")
        refuse_lists(table.numbers[:, columns.axis], columns.titles)
        two_theta = two_theta_of(table.numbers[:, columns.axis], columns.label, wavelength, notes)
        notes += missing(range_in(table.header), two_theta)
        found = []
        for angles, counts in few(_runs(two_theta, table.numbers[:, columns.counts])):
            said = list(notes)
            ordered = measured(angles, counts, said)
            found.append(Scan(name, *ordered, wavelength, tuple(said), _metadata(table.header)))
            _check_axis(found[-1], said=bool(columns.label))
    return tuple(found)


def _columns(table: Table) -> Columns:
    """The columns by their titles; a first column without a title that only numbers the rows is skipped."""
    columns = columns_of(table.header, table.dialect.separator, table.numbers.shape[1])
    numbered = not columns.label and _numbers_rows(table.numbers[:, columns.axis])
    if numbered and not any(columns.titles) and table.numbers.shape[1] > 2 and columns.axis == 0:
        columns = Columns(1, 2, "", columns.titles)
        numbered = False
    check_commas(table, columns.axis, titled=any(columns.titles))
    if numbered:
        raise ScanError(
            "its first column numbers the points, and no column of angles is recognised: "
            "save it again with 2θ and intensity, and a line of column titles"
        )
    return columns


def _numbers_rows(column: NDArray[np.float64]) -> bool:
    """Whether it counts 0, 1, 2, ... or 1, 2, 3, ...; no powder scan has steps of a degree."""
    return bool(column[0] in (0.0, 1.0) and (np.diff(column) == 1).all())


def _metadata(header: Sequence[str]) -> dict[str, str]:
    """The entries of the form key = value."""
    entries = (re.split(r"\s*[=:,;\t]\s*", line, maxsplit=1) for line in header)
    return {entry[0]: entry[1] for entry in entries if len(entry) == 2 and entry[0]}


def _runs(two_theta: NDArray[np.float64], counts: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], ...]]:
    """Columns split where the angles start again; not split if a piece would be no scan, as in an unsorted table."""
    begins = np.flatnonzero(np.diff(two_theta) < 0) + 1
    pieces = np.split(np.arange(two_theta.size), begins)
    if len(pieces) == 1 or min(piece.size for piece in pieces) < LEAST_POINTS:
        return [(two_theta, counts)]
    return [(two_theta[piece], counts[piece]) for piece in pieces]


def _check_axis(scan: Scan, *, said: bool) -> None:
    """Refuse an axis that can hardly be 2θ in degrees; `said` if the header calls it 2θ, or it was converted."""
    steps, last = np.diff(scan.two_theta), scan.two_theta[-1]
    if last < 3.2:
        raise ScanError(f"{scan.name}: its angles end at {last:g}, probably radians: convert them to 2θ in degrees")
    # Of a scan with even steps in 2θ, the steps in d grow a hundredfold.
    if not said and (last < 12 or np.median(steps[-5:]) > 6 * np.median(steps[:5])):
        raise ScanError(
            f"{scan.name}: its axis, {scan.two_theta[0]:g} to {last:g}, looks like d or Q: convert it to 2θ, "
            "or, if it is 2θ, add the title line '2theta intensity'"
        )
