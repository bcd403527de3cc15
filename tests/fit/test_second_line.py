"""Whether a scan shows the Kα2 of its tube."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scans import GRID

from bragglens import identify
from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.fit.observed import observe
from bragglens.fit.second_line import told_by_scan
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen


def lines_seen(tube: str, alone: bool, size: float, name: str = "LaB6") -> int:
    instrument = Instrument(emission(tube), W=0.003)
    used = replace(instrument, lines=instrument.lines[:1]) if alone else instrument
    (crystal,) = reflections_in_range([standard(name)], used.lines, GRID)
    clean = pattern(crystal, used, Specimen(size=size), GRID)
    counts = np.random.default_rng(0).poisson(3e3 * (clean / clean.max() + 0.02)).astype(float)
    return len(told_by_scan(observe(Scan("made up", GRID.two_theta, counts)), instrument).lines)


@settings(max_examples=10)
@given(st.sampled_from(["CuKa", "CoKa", "MoKa"]), st.floats(60, 500), st.sampled_from(["LaB6", "corundum"]))
def test_a_doublet_is_seen(tube: str, size: float, name: str) -> None:
    assert lines_seen(tube, False, size, name) == len(emission(tube))


@pytest.mark.parametrize("tube", ["CuKa", "CoKa"])
@pytest.mark.parametrize("name", ["LaB6", "corundum"])
def test_a_scan_without_the_second_line_says_so(tube: str, name: str) -> None:
    assert lines_seen(tube, True, 300.0, name) == 1


def test_broad_lines_say_nothing() -> None:
    assert lines_seen("CuKa", True, 6.0) == 2


def test_a_measured_scan_whose_second_line_was_stripped(shared: Path) -> None:
    scan = read_scan(next((shared / "scans" / "single_rruff").glob("*R060855*")))
    scan = replace(scan, wavelength=1.5406)
    assert len(told_by_scan(observe(scan), instrument_of(scan)).lines) == 1


def test_the_answer_says_that_the_second_line_is_missing() -> None:
    instrument = Instrument(emission("CuKa")[:1], W=0.003)
    (crystal,) = reflections_in_range([standard("corundum")], instrument.lines, GRID)
    clean = pattern(crystal, instrument, Specimen(size=300.0), GRID)
    counts = np.random.default_rng(0).poisson(3e3 * (clean / clean.max() + 0.02)).astype(float)
    library = Library((standard("corundum"), standard("Si")))
    answer = identify(Scan("made up", GRID.two_theta, counts), library, wavelength="CuKa")
    assert answer.verdict == "known"
    assert any(note.startswith("the scan shows no Kα2") for note in answer.notes)
    assert answer.rwp is not None
    assert answer.rwp < 0.1
