"""Tables as a spreadsheet and pandas read them."""

from __future__ import annotations

import builtins
import csv
from pathlib import Path
from typing import Any

import pandas
import pytest

from bragglens.crystal.cell import Cell
from bragglens.errors import BragglensError
from bragglens.identification.answer import Finding, Identification
from bragglens.report.tidy import check_table, phase_frame, summary, write_summary

CELL = Cell(4.594, 4.594, 2.959, 90.0, 90.0, 90.0, "tetragonal")
BOTH = (Finding("rutile", 0.9, 60.0, 2.0, ("TiO",), cell=CELL, size=40.0), Finding("anatase", 0.8, 40.0, 2.0))
ANSWERS = [
    Identification("a.xy", "m", "known", (Finding("anatase", 0.9, 100.0, 0.0),), unexplained=0.01, rwp=0.05),
    Identification("b.xy", "m", "mixture", BOTH, unexplained=0.1, rwp=0.06, goodness=1.2, seconds=0.5),
    Identification("=c.xy", "m", None, error="c.xy: is empty: copy it again"),
]


def test_each_phase_of_any_scan_has_a_pair_of_columns() -> None:
    rows = summary(ANSWERS)
    pairs = ["anatase wt%", "anatase ±", "rutile wt%", "rutile ±"]  # the one in more scans first
    assert list(rows[0])[:6] == ["file", "verdict", *pairs]
    assert all(list(row) == list(rows[0]) for row in rows)
    assert rows[0]["anatase wt%"] == 100.0
    assert rows[0]["anatase ±"] is None  # a single phase is 100%, without an error
    assert rows[0]["rutile wt%"] is None
    assert [row["fraction_of"] for row in rows] == ["named phases", "named phases", None]
    assert rows[1]["rutile ±"] == 2.0
    assert rows[2]["error"] == "c.xy: is empty: copy it again"


def test_the_network_alone_has_probabilities_and_no_fractions() -> None:
    (row,) = summary([Identification("a.xy", "m", "known", (Finding("rutile", 0.9),))])
    assert row["rutile p"] == 0.9
    assert "rutile wt%" not in row


def test_csv_is_read_back_and_has_no_formulas(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_summary(ANSWERS, path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["file"] for row in rows] == ["a.xy", "b.xy", "'=c.xy"]
    assert float(rows[1]["rutile wt%"]) == 60.0
    assert rows[0]["rutile wt%"] == ""
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # without it Excel shows ± as two characters


def test_parquet_keeps_numbers_as_numbers(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    write_summary(ANSWERS, path)
    frame = pandas.read_parquet(path)
    assert frame["rutile wt%"].tolist()[1] == 60.0
    assert frame["rutile wt%"].isna().tolist() == [True, False, True]
    assert str(frame["goodness"].dtype) == "float64"


def test_unknown_extension_or_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BragglensError, match=r"t\.xls: no table can be written as '\.xls'"):
        check_table(Path("t.xls"))
    usual = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name in ("pyarrow", "pandas"):
            raise ModuleNotFoundError(name, name=name)
        return usual(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BragglensError, match=r'pip install "bragglens\[parquet\]"'):
        check_table(Path("t.parquet"))
    with pytest.raises(BragglensError, match="to_frame needs pandas"):
        phase_frame(ANSWERS[0])


def test_a_frame_has_a_row_for_each_phase() -> None:
    frame = ANSWERS[1].to_frame()
    assert frame["name"].tolist() == ["rutile", "anatase"]
    assert frame["c"].tolist()[0] == 2.959
    assert frame["rivals"].tolist() == ["TiO", ""]
