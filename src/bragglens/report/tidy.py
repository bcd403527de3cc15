"""Tidy: answers as tables for spreadsheets and pandas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.identification.answer import Identification
from bragglens.plain import clean, csv_text
from bragglens.report.words import structure, write_file

if TYPE_CHECKING:
    from pandas import DataFrame

_SUFFIXES = (".csv", ".parquet")
_BEFORE = ("file", "verdict")
_WORDS = (*_BEFORE, "fraction_of", "error", "structures")
_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_NOT_PLAIN = ("cell", "rivals", "why", "tried", "solid_solution")


def summary(answers: Sequence[Identification]) -> list[dict[str, Any]]:
    """A row for each scan with the same columns; None where something is not known.

    Columns: file and verdict. For each phase found in any of the scans its wt%, and as `NAME ±` half of the 95%
    interval (without a fraction, as by the network alone, its probability as `NAME p`). Then the total of the
    fractions, amorphous, unexplained (share of the intensity of all peaks), rwp, goodness, seconds, error, and
    structures (formula and space group of the phases). A phase that was not found has an empty cell and not 0: its
    limit of detection is in the JSON.
    """
    return [{key: row.get(key) for key in _columns(answers)} for row in map(_row, answers)]


def _columns(answers: Sequence[Identification]) -> list[str]:
    """The columns of all rows; phases are ordered by the number of scans that contain them."""
    holding: dict[str, int] = {}
    for one in answers:
        for finding in one.phases:
            holding[finding.name] = holding.get(finding.name, 0) + 1
    present = {key for answer in answers for key in _row(answer)}
    ranked = sorted(holding, key=lambda name: (-holding[name], name))
    pairs = [key for name in ranked for key in _of_phase(name) if key in present]
    after = [key for key in _row(Identification("", "", None)) if key not in _BEFORE]
    return [*_BEFORE, *pairs, *after]


def _of_phase(name: str) -> tuple[str, str, str]:
    return f"{name} wt%", f"{name} ±", f"{name} p"


def _row(answer: Identification) -> dict[str, Any]:
    row: dict[str, Any] = {"file": answer.file, "verdict": answer.verdict}
    for finding in answer.phases:
        weight, error, probability = _of_phase(finding.name)
        if finding.weight_percent is None:
            row[probability] = finding.probability
        else:
            row |= {weight: finding.weight_percent, error: finding.weight_percent_error or None}
    return row | {
        "fraction_of": answer.fraction_of,
        "amorphous wt%": answer.amorphous_percent,
        "amorphous ±": answer.amorphous_percent_error,
        "unexplained": answer.unexplained,
        "rwp": answer.rwp,
        "goodness": answer.goodness,
        "seconds": answer.seconds,
        "error": answer.error,
        "structures": "; ".join(f"{one.name}: {structure(one)}" for one in answer.phases if structure(one)) or None,
    }


def check_table(path: Path) -> None:
    """Refuse a table that cannot be written, before any work.

    Raises:
        BragglensError: its extension is not a known format, or a package for it is missing.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise BragglensError(f"{path}: no table can be written as '{path.suffix}': end the name in .csv or .parquet")
    if path.suffix.lower() == ".parquet":
        with extra("parquet", f"{path}: Parquet"):
            import pandas  # noqa: F401
            import pyarrow  # noqa: F401


def write_summary(answers: Sequence[Identification], path: Path) -> None:
    """Write `summary` as .csv (UTF-8 with a byte order mark, so that Excel reads ± and names correctly) or .parquet.

    Raises:
        BragglensError: as `check_table`; or the file cannot be written.
    """
    check_table(path)
    rows = summary(answers)
    if path.suffix.lower() == ".parquet":
        from pandas import DataFrame

        content = io.BytesIO()
        numbers = {key: float for key in rows[0] if key not in _WORDS} if rows else {}
        DataFrame(rows).astype(numbers).to_parquet(content, index=False)
        return write_file(content.getvalue(), path)
    text = csv_text([*map(clean, _columns(answers))], [{clean(k): _plain(v) for k, v in row.items()} for row in rows])
    return write_file(text.encode("utf-8-sig", "replace"), path)


def _plain(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def phase_frame(answer: Identification) -> DataFrame:
    """The phases of an answer, one row each, with the cell in columns (Å and degrees).

    Raises:
        BragglensError: pandas is not installed.
    """
    with extra("parquet", "to_frame"):
        from pandas import DataFrame
    rows = []
    for finding in answer.phases:
        plain = {key: value for key, value in vars(finding).items() if key not in _NOT_PLAIN}
        cell = dict(zip(_CELL, finding.cell or [None] * 6, strict=True))
        mixed = finding.solid_solution
        solution = {"solid_solution": mixed and mixed.name, "mol_percent": mixed and mixed.mol_percent}
        rows.append({**plain, **cell, **solution, "rivals": ", ".join(finding.rivals)})
    return DataFrame(rows)
