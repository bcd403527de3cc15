"""Details of one scan in the terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from bragglens.crystal.cell import Cell
from bragglens.fit.residual import Peak
from bragglens.identification.answer import Finding, Identification
from bragglens.report.details import print_answers

TETRAGONAL = (3.785, 3.785, 9.514, 90.0, 90.0, 90.0)
TETRAGONAL = Cell(3.785, 3.785, 9.514, 90, 90, 90, "tetragonal")
CELL = Cell(12.1787, 3.7412, 6.5249, 90.0, 107.054, 90.0, "monoclinic")
PHASES = (
    Finding(
        "anatase",
        0.9984,
        61.23,
        1.5,
        ("rutile",),
        0.31,
        812.4,
        0.078,
        0.32,
        TETRAGONAL,
        61,
    ),
    Finding("tio2_B", 0.7, 38.77, 1.5, (), 0.9, 25.0, 0.2, 0.1, CELL, 450.0),
)
PEAKS = tuple(Peak(20.0 + i, 4.0 - i / 10, 0.001 * i) for i in range(7))
ANSWER = Identification(
    "folder/scan.xy",
    "my.bragglens",
    "mixture",
    PHASES,
    {"anatase": 0.31, "tio2_B": 0.9},
    unexplained=0.021,
    unexplained_peaks=PEAKS,
    rwp=0.084,
    goodness=1.3,
    detection_limits={"brookite": 0.8},
    wavelength=1.5405929,
    notes=("the angles descend: reversed",),
)


def printed(*answers: Identification, width: int = 80) -> str:
    stream = io.StringIO()
    print_answers(answers, console=Console(file=stream, width=width, force_terminal=True, color_system=None))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_the_row_of_a_phase_is_complete(width: int) -> None:
    text = printed(ANSWER, width=width)
    rows = [" ".join(line.split()) for line in text.splitlines()]
    phase = next(row for row in rows if row.startswith("anatase or rutile"))
    assert phase.startswith("anatase or rutile 61.2 ± 1.5 0.998 0.310 812 7.8% 32.0% 61 a 3.785")
    other = next(row for row in rows if row.startswith("tio2_B"))
    assert other.startswith("tio2_B 38.8 ± 1.5 0.700 0.900 25 20.0% 10.0% >200 a 12.179")
    assert "β 107.05" in text
    assert max(map(len, text.splitlines())) <= width


def test_unexplained_peaks_and_assumptions_are_printed() -> None:
    text = " ".join(printed(ANSWER).split())
    for expected in (
        "scan.xy mixture",
        "wt%: share among the named phases",
        "Rwp 8.4%, goodness of fit 1.3",
        "unexplained: 2.1% of the intensity of all peaks, the strongest 5 of 7 peaks",
        "26.00 3.400 0.6%",
        "brookite 0.8 wt%",
        "model my.bragglens",
        "wavelength 1.5406 Å",
        "grains of 3 µm, assumed",
        "the angles descend: reversed",
    ):
        assert expected in text
    assert "20.00 4.000" not in text  # the weakest of seven


def test_given_values_are_not_called_assumed() -> None:
    stated = replace(
        ANSWER,
        options={"particle_size": 0.5, "standard": ("corundum", 20.0), "elements": "Ti,O"},
        amorphous_percent=12.0,
        amorphous_percent_error=4.0,
    )
    text = " ".join(printed(stated).split())
    for expected in (
        "grains of 0.5 µm as stated",
        "standard corundum, 20 wt%",
        "elements Ti,O",
        "wt% of the whole sample",
    ):
        assert expected in text
    assert "amorphous, or none of these: 12.0 ± 4.0 wt%" in text


def test_a_scan_without_phases_is_a_sentence() -> None:
    text = " ".join(printed(replace(ANSWER, verdict="unknown", phases=())).split())
    assert "No phase of the library was found: the network proposes tio2_B (probability 0.900)" in text
    assert "evid." not in text


def test_several_scans_are_a_table() -> None:
    assert "evid." not in printed(ANSWER, ANSWER)
