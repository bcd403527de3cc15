"""Plain: text from outside, made safe for a terminal, a spreadsheet, or an output with few characters."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# A spreadsheet runs a cell that begins with one of these as a formula, also after blanks or in full-width form
# (owasp.org/www-community/attacks/CSV_Injection); a leading `'` makes it text.
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")
_IN_ASCII = {"θ": "theta", "Å": "A", "°": "deg", "±": "+-", "µ": "u", "μ": "u", "×": "x", "–": "-", "—": "-"} | {
    "…": "...", "≤": "<=", "≥": ">=", "→": "->", "·": ".", "•": "*", "α": "alpha", "β": "beta", "γ": "gamma"
}  # fmt: skip


def clean(text: str) -> str:
    """Text without control characters, which file names may contain and terminals would execute."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def cell(text: str) -> str:
    """A CSV cell that every spreadsheet takes for text; `of_cell` gives the text back."""
    return f"'{text}" if _FORMULA.match(text) else text


def of_cell(cell: str) -> str:
    """The text from which `cell` was made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, end: str = "\r\n") -> str:
    """Rows as CSV under their column titles: texts by `cell`, numbers with six digits, None as an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerow([cell(column) for column in columns])
    for row in rows:
        writer.writerow([_written(row[column]) for column in columns])
    return text.getvalue()


def _written(value: Any) -> Any:
    return cell(value) if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else value


def print_what_can_be() -> None:
    """For output streams with few characters, such as ASCII, replace others by similar ones or by `?`."""
    codecs.register_error("bragglens", _others)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="bragglens")


def _others(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_IN_ASCII.get(letter, "?") for letter in error.object[error.start : error.end]), error.end
