"""Workbooks of Excel and LibreOffice (.xlsx): the first sheet that holds a scan, read as text in columns.

The parts used are those of ECMA-376 (Office Open XML): `xl/worksheets/sheet1.xml` and `xl/sharedStrings.xml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

from bragglens.errors import ScanError
from bragglens.scan.assemble import about
from bragglens.scan.formats.text import read_columns
from bragglens.scan.markup import parse
from bragglens.scan.scan import Scan
from bragglens.scan.unpack import Archive, holds

_SHEETS = r"xl/worksheets/sheet[0-9]+\.xml"
_MOST_COLUMNS, _MOST_ROWS = 256, 200_000


def recognises(data: bytes) -> bool:
    """Whether it is an archive with the parts of a workbook."""
    return holds(data, rf"xl/workbook\.xml|{_SHEETS}")


def read(data: bytes, name: str) -> tuple[Scan, ...]:
    """The scan of the first sheet that holds one; dates and texts beside its columns are refused as in text.

    Raises:
        ScanError: damaged, unpacks to more than a scan can hold, or no sheet holds a scan.
    """
    with about(name):
        archive = Archive(data)
        sheets = archive.names(_SHEETS)
        if not sheets:
            raise ScanError("is a workbook without sheets: save it again, or export the scan as .csv")
        strings = _strings(archive)
        problem = None
        for number, sheet in enumerate(sheets, 1):
            rows = _rows(parse(archive.read(sheet)), strings)
            try:
                scans = read_columns("\n".join(rows), name)
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
    root = parse(archive.read("xl/sharedStrings.xml"))
    return ["".join(part.text or "" for part in item.iterfind(".//{*}t")) for item in root.iterfind("{*}si")]


def _rows(sheet: Element, strings: list[str]) -> Iterator[str]:
    """Rows as lines with tabs between the cells."""
    for number, row in enumerate(sheet.iterfind(".//{*}sheetData/{*}row")):
        if number == _MOST_ROWS:
            raise ScanError(f"has over {_MOST_ROWS} rows, more than a powder scan: is this the right file?")
        cells: dict[int, str] = {}
        for place, cell in enumerate(row.iterfind("{*}c")):
            column = _column(cell.get("r") or "", place)
            if column < _MOST_COLUMNS:
                cells[column] = re.sub(r"\s+", " ", _shown(cell, strings))
        yield "\t".join(cells.get(column, "") for column in range(max(cells, default=-1) + 1))


def _column(reference: str, place: int) -> int:
    """Column of a cell such as AB12, from 0; its place in the row where it does not say."""
    found = re.match(r"[A-Z]{1,3}(?=\d)", reference)
    if not found:
        return place
    column = 0
    for letter in found[0]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return column - 1


def _shown(cell: Element, strings: list[str]) -> str:
    """What a cell holds: a number as it is stored, or text."""
    written = cell.findtext("{*}v") or ""
    if cell.get("t") == "s":
        known = written.isascii() and written.isdigit() and len(written) < 9 and int(written) < len(strings)
        return strings[int(written)] if known else ""
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iterfind(".//{*}t"))
    return written
