"""Workbooks of Excel and LibreOffice (.xlsx): the first sheet that holds a scan, read as text in columns.

The parts used are those of ECMA-376 (Office Open XML): `xl/worksheets/sheet1.xml` and `xl/sharedStrings.xml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from bragglens.errors import ScanError
from bragglens.scan.assemble import about
from bragglens.scan.formats.text import read_columns
from bragglens.scan.markup import children
from bragglens.scan.scan import Scan
from bragglens.scan.unpack import Archive, holds

_SHEETS = r"xl/worksheets/sheet[0-9]+\.xml"
_MOST_COLUMNS = 256
_LONGEST_TEXT = 32_767  # characters of a cell, Excel's own limit


@dataclass
class _Left:
    """The remaining limits for all sheets together; a few kB can repeat one long text a million times.

    Attributes:
        rows, cells: cells are counted up to the last one of each row, including empty ones.
        characters: of the texts of the cells; a text file of such a size is read in some seconds.
    """

    rows: int = 200_000
    cells: int = 2_000_000
    characters: int = 8 * 2**20

    def take(self, cells: dict[int, str]) -> None:
        """Count a row.

        Raises:
            ScanError: a limit is exceeded.
        """
        self.rows -= 1
        self.cells -= max(cells, default=0) + 1
        self.characters -= sum(map(len, cells.values()))
        if min(self.rows, self.cells, self.characters) < 0:
            raise ScanError("expands to more rows, cells or characters than a powder scan has: is this the right file?")


def recognises(data: bytes) -> bool:
    """Whether it is an archive with the members of a workbook."""
    return holds(data, rf"xl/workbook\.xml|{_SHEETS}")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan of the first sheet that has one; dates and texts next to its columns are refused as in text.

    Raises:
        ScanError: damaged, unpacks to more than a scan can hold, or no sheet holds a scan.
    """
    with about(name):
        archive = Archive(data)
        sheets = archive.names(_SHEETS)
        if not sheets:
            raise ScanError("is a workbook without sheets: save it again, or export the scan as .csv")
        strings = _strings(archive)
        problem, left = None, _Left()
        for number, sheet in enumerate(sheets, 1):
            rows = "\n".join(_rows(archive.parse(sheet), strings, left))
            try:
                scans = read_columns(rows, name)
            except ScanError as error:
                problem = problem or error
                continue
            note = (f"took sheet {number} of {len(sheets)}",) if len(sheets) > 1 else ()
            return tuple(replace(scan, notes=scan.notes + note) for scan in scans)
        raise ScanError(str(problem))


def _strings(archive: Archive) -> list[str]:
    """Texts that cells refer to by number."""
    if not archive.names(r"xl/sharedStrings\.xml"):
        return []
    items = children(archive.parse("xl/sharedStrings.xml"), "si")
    strings = ["".join(part.text or "" for part in item.iterfind(".//{*}t")) for item in items]
    if (longest := max(map(len, strings), default=0)) > _LONGEST_TEXT:
        raise ScanError(f"has a text of {longest} characters, more than a cell can hold: is this the right file?")
    return strings


def _rows(sheet: Element, strings: list[str], left: _Left) -> Iterator[str]:
    """Rows as lines with tabs between the cells."""
    for row in (row for data in children(sheet, "sheetData") for row in children(data, "row")):
        cells: dict[int, str] = {}
        for place, cell in enumerate(row[:_MOST_COLUMNS]):
            column = _column(cell.get("r") or "", place)
            if column < _MOST_COLUMNS:
                cells[column] = _shown(cell, strings)
        left.take(cells)
        plain = {column: re.sub(r"\s+", " ", text) for column, text in cells.items()}
        yield "\t".join(plain.get(column, "") for column in range(max(cells, default=-1) + 1))


def _column(reference: str, place: int) -> int:
    """Column of a cell such as AB12, from 0; else its position in the row."""
    found = re.match(r"[A-Z]{1,3}(?=\d)", reference)
    if not found:
        return place
    column = 0
    for letter in found[0]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return column - 1


def _shown(cell: Element, strings: list[str]) -> str:
    """The content of a cell: a number as stored, or text."""
    written = cell.findtext("{*}v") or ""
    if cell.get("t") == "s":
        known = written.isascii() and written.isdigit() and len(written) < 9 and int(written) < len(strings)
        return strings[int(written)] if known else ""
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iterfind(".//{*}t"))
    return written
