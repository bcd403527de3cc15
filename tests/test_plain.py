"""Hostile names: formulas in spreadsheets, codes for terminals, characters outside ASCII."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bragglens.crystal.provenance import Origin, read_manifest, write_manifest
from bragglens.plain import cell, clean, csv_text, of_cell

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1",
    "\t",
    "=cmd|' /C calc'!A0",
    "\u00a0-1",
]
HARMLESS = ["rutile", "a=b", "Fe-O", "'quoted", "α-quartz", "", "2-1", "x@y"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_and_no_title_begins_a_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_text([text, "n"], [{text: text, "n": -1.5}]), newline="")))
    assert rows == [[f"'{text}", "n"], [f"'{text}", "-1.5"]]
    assert of_cell(cell(text)) == text
    assert of_cell(cell(cell(text))) == cell(text)


def test_harmless_text_is_unchanged() -> None:
    assert [cell(text) for text in HARMLESS] == HARMLESS == [of_cell(text) for text in HARMLESS]


@given(st.text())
def test_text_is_read_back(text: str) -> None:
    assert of_cell(cell(text)) == text


def test_a_manifest_is_read_back(tmp_path: Path) -> None:
    """Ids and remarks come from unknown providers."""
    origin = Origin("a.cif", "https://x", "=HYPERLINK(1)", revision="@now", reference="-; 'Title'", chosen="'=1")
    (tmp_path / "a.cif").write_text("data_a")
    write_manifest(tmp_path, {"a.cif": origin})
    assert read_manifest(tmp_path) == {"a.cif": origin}
    assert "'=HYPERLINK" in (tmp_path / "manifest.csv").read_text()


SHOW = [sys.executable, "-m", "bragglens", "recipe", "show"]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_any_encoding_can_be_printed(encoding: str) -> None:
    done = subprocess.run(SHOW, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}, timeout=300)
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode(encoding)
    assert ("theta" if encoding == "ascii" else "θ") in said


def test_ascii_locale_and_terminal_codes(tmp_path: Path) -> None:
    name = "\x1b[31mred\x9b32m\u202eÅ.xy"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [
        sys.executable,
        "-m",
        "bragglens",
        "identify",
        os.fsencode(tmp_path / name),
        "--phases",
        "nowhere-\x1b[1m",
    ]
    for environment in ({}, plain):
        done = subprocess.run(command, capture_output=True, env=os.environ | environment, timeout=300)
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        assert done.stderr.count(b"error:") == 1


def test_clean_removes_all_control_characters() -> None:
    assert clean("a\x1b[31m\x9b\r\n\t\u202e\u200bb") == "a\ufffd[31m\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdb"
