"""Candidates: every phase that was considered, with what became of it and its lines."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from made_scans import measured
from rich.console import Console

from bragglens import identify
from bragglens.crystal.library import Library
from bragglens.identification.answer import Identification
from bragglens.policy import DEFAULT
from bragglens.report.candidates import FEATURES, candidate_rows, could_be, print_candidates, why_rows
from bragglens.report.page import write_report


@pytest.fixture(scope="module")
def answer(titania: Library) -> Identification:
    return identify(measured({"anatase": 0.7, "rutile": 0.3}, titania), titania)


def test_named_phases_come_first_and_all_are_there(answer: Identification, titania: Library) -> None:
    states = {one.name: one.state for one in answer.candidates}
    assert [*states][:2] == [one.name for one in answer.phases]
    assert set(states) == set(titania.names)
    assert states["anatase"] == states["rutile"] == "named"
    assert states["tio2_B"] != "named"


def test_lines_speak_for_a_phase_that_is_there(answer: Identification) -> None:
    by_name = {one.name: one for one in answer.candidates}
    assert by_name["anatase"].lines_against == ()
    assert len(by_name["anatase"].lines_for) == 10
    assert by_name["brookite"].lines_against  # 121 at 30.8° is not in the scan
    assert any(abs(place - 30.8) < 0.2 for place in by_name["brookite"].lines_against)
    assert all(15 < place < 85 for one in answer.candidates for place in (*one.lines_for, *one.lines_against))


def test_each_feature_has_words(answer: Identification) -> None:
    for finding in answer.phases:
        assert {one.name for one in finding.why} <= set(FEATURES)
        assert why_rows(finding)


def test_candidates_are_in_json_page_and_terminal(answer: Identification, tmp_path: Path) -> None:
    plain = json.loads(json.dumps(answer.to_dict()))
    assert plain["candidates"][0]["state"] == "named"
    page = write_report(answer, tmp_path / "a.html", None).read_text()
    assert "Candidates: what was considered" in page
    assert "Why: what speaks for and against each phase" in page
    stream = io.StringIO()
    print_candidates([answer], console=Console(file=stream, width=160))
    assert "brookite" in stream.getvalue()
    assert len(candidate_rows(answer, 2)) == 2


def test_no_text_of_a_structure_reaches_the_terminal_as_a_command(answer: Identification) -> None:
    first = replace(answer.candidates[0], name="a\x1b[31m", formula="b\x1b[31m", space_group="c\x1b[31m")
    (row,) = candidate_rows(replace(answer, candidates=(first,)), 1)
    assert not any("\x1b" in cell for cell in row)


def test_the_command_prints_them(titania: Library, tmp_path: Path) -> None:
    scan = measured({"anatase": 1.0}, titania)
    path = tmp_path / "a.xy"
    path.write_text("\n".join(f"{x:.3f} {y:.0f}" for x, y in zip(scan.two_theta, scan.counts, strict=True)))
    done = run("identify", path, "--wavelength", "CuKa", "--elements", "Ti,O", "--candidates")
    assert "candidates of a.xy" in done.stdout


def test_candidates_for_the_unexplained_peaks(titania: Library, tmp_path: Path) -> None:
    """The policy asks for more evidence than any phase has: none is named, and both are candidates for the peaks."""
    scan = measured({"anatase": 0.7, "rutile": 0.3}, titania)
    answer = identify(scan, titania, policy=replace(DEFAULT, least_evidence=1e5))
    assert not answer.phases
    assert {"anatase", "rutile"} <= answer.beside.keys()
    first = next(one for one in answer.candidates if one.explains is not None)
    assert first.state == "fitted beside"
    strongest = max(answer.unexplained_peaks, key=lambda peak: peak.share)
    assert first.name in could_be(answer, strongest)
    assert "of what is unexplained" in " ".join(candidate_rows(answer, 5)[len(answer.phases) + len(answer.relatives)])
    assert "could be" in write_report(answer, tmp_path / "a.html", None).read_text()
