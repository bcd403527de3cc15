"""Job table: jobs from a CSV with a row for each scan, as laboratory software writes it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from bragglens.cli.jobs import Job, Libraries, Who, libraries_named
from bragglens.errors import BragglensError
from bragglens.files import read_bytes

if TYPE_CHECKING:
    from bragglens.identification.options import Options

COLUMNS = ("file", "wavelength", "elements", "standard", "temperature", "library")
_LARGEST = 2**28  # bytes: over a million rows
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Row:
    """A row of a table of jobs.

    Attributes:
        number: as in a spreadsheet, where the header is row 1.
        cells: the cells that are not empty, by column.
        error: why the row is not valid.
    """

    number: int
    cells: dict[str, str]
    error: str = ""


def is_table(paths: Sequence[Path]) -> bool:
    """Whether the argument of a batch is a table of jobs: one CSV."""
    return len(paths) == 1 and paths[0].suffix.lower() == ".csv" and not paths[0].is_dir()


def refuse_tables(paths: Sequence[Path]) -> None:
    """Refuse a table of jobs that is given as a scan, and name the right command.

    Raises:
        BragglensError: one of the files is such a table.
    """
    for path in filter(_holds_jobs, paths):
        raise BragglensError(f"{path}: is a table of jobs, not a scan: give it to `bragglens batch`")


def _holds_jobs(path: Path) -> bool:
    try:
        return is_table([path]) and bool(read_rows(path))
    except BragglensError:
        return False


def jobs_of_table(table: Path, sources: Sequence[str] | None, options: Options, libraries: Libraries) -> list[Job]:
    """A job for each row; values in a row override the options of the command.

    Args:
        table: the CSV; relative paths in it start from its folder.
        sources: the model or libraries for rows that name no library.
        options: the options for rows that do not set them.
        libraries: reads each library once.

    Raises:
        BragglensError: the table cannot be read, has an unknown column, or names no scan.
    """
    rows = read_rows(table)
    usual = libraries.who(sources) if any("library" not in row.cells for row in rows) else None
    taken: Counter[str] = Counter()
    jobs = []
    for row in rows:
        job = _job(row, table, options, usual, libraries)
        taken[job.name] += 1
        again = f"{job.name}.row{row.number}" if taken[job.name] > 1 else job.name
        jobs.append(replace(job, name=again))
    return jobs


def _job(row: Row, table: Path, options: Options, usual: Who | None, libraries: Libraries) -> Job:
    """The job of a row; with an error if the row is not valid."""
    from bragglens.identification.options import read_options

    number, file = f"{table}, row {row.number}", row.cells.get("file")
    if not file:
        error = f"{number}: has no file: give the scan in the column file"
        return Job(Path(number), usual, options, Path(number).name, error=error)
    scan = table.parent / file
    job = Job(scan, usual, options, scan.name, number)
    try:
        if row.error:
            raise BragglensError(row.error)
        stated = {name: text for name, text in row.cells.items() if name not in ("file", "library")}
        who = usual
        if library := row.cells.get("library"):
            who = libraries.who(libraries_named(library, table.parent))
        return replace(job, who=who, options=replace(options, **read_options(**stated).given()))
    except BragglensError as error:
        return replace(job, error=str(error))


def read_rows(table: Path) -> list[Row]:
    """The rows of a table of jobs, without blank ones.

    Raises:
        BragglensError: it cannot be read, lacks the column file, has an unknown column, or has no row.
    """
    text = _text(table)
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=first.count)))
    except csv.Error as error:
        raise BragglensError(f"{table}: the table cannot be read ({error}): save it as CSV again") from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if any(cell.strip() for cell in line)]
    header = _header(table, numbered[0][1] if numbered else [])
    rows = [_row(number, line, header) for number, line in numbered[1:]]
    if not rows:
        raise BragglensError(f"{table}: has no scans: add a row for each below the header")
    return rows


def _text(table: Path) -> str:
    data = read_bytes(table, BragglensError, largest=_LARGEST, what="a table of jobs")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise BragglensError(f"{table}: is not UTF-8 text: save it as 'CSV UTF-8'") from None


def _header(table: Path, cells: Sequence[str]) -> list[str]:
    """The column names; a column without a name is empty."""
    header = [cell.strip().lower() for cell in cells]
    known = f"a table of jobs has the columns {', '.join(COLUMNS)}, of which only file is required"
    for name in filter(None, header):
        if name not in COLUMNS:
            raise BragglensError(f"{table}: the column '{name}' is not known: {known}")
        if header.count(name) > 1:
            raise BragglensError(f"{table}: the column {name} occurs twice: {known}")
    if "file" not in header:
        raise BragglensError(f"{table}: the column file is missing: {known}")
    return header


def _row(number: int, line: Sequence[str], header: Sequence[str]) -> Row:
    """A row.

    If it has more cells than the header, a cell contains an unquoted comma and the rest is in wrong columns.
    """
    cells = [cell.strip() for cell in line]
    stated = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}
    unnamed = [cell for name, cell in zip_longest(header, cells, fillvalue="") if not name and cell]
    if unnamed or len(cells) > len(header) > 1:
        return Row(number, stated, 'has more cells than the header: put text with commas in quotes, "Ti,O"')
    return Row(number, stated)
