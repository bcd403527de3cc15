"""Kβ and tungsten lines of named phases are reported and count as explained; peaks of other phases do not."""

from __future__ import annotations

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.identification.answer import Identification
from bragglens.identification.identify import identify
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.formulas import two_theta
from bragglens.simulate.instrument import TUBES, TUNGSTEN, Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(15.0, 85.0, 0.03)


def identified(
    grams: dict[str, float], *, k_beta: float = 0.0, tungsten: float = 0.0, tube: str = "CuKa"
) -> Identification:
    """A scan of standards with these lines of the tube, identified with corundum and LaB6 only."""
    instrument = Instrument(emission(tube, k_beta=k_beta, tungsten=tungsten), W=0.006, zero=0.03)
    crystals = reflections_in_range([standard(name) for name in grams], instrument.lines, GRID)
    specimen = Specimen(size=60.0, displacement=0.05)
    clean = sum(w * pattern(c, instrument, specimen, GRID) for w, c in zip(grams.values(), crystals, strict=True))
    counts = np.random.default_rng(4).poisson(20000 * clean / clean.max() + 100)
    scan = Scan("made up", GRID.two_theta, counts.astype(float))
    return identify(scan, Library((standard("corundum"), standard("LaB6"))), wavelength=TUBES[tube[:2]][0])


@pytest.mark.parametrize("ratio", [0.03, 0.2])
def test_k_beta_is_reported_and_explained(ratio: float) -> None:
    answer = identified({"corundum": 1.0}, k_beta=ratio)
    assert answer.verdict == "known"
    assert answer.unexplained is not None
    assert answer.unexplained < 0.01
    assert {line.line for line in answer.tube_lines} == {"Kβ"}
    assert answer.tube_lines[0].ratio == pytest.approx(ratio, rel=0.2)
    for line in answer.tube_lines:  # each at the d-spacing of its reflection
        d = TUBES["Cu"][0] / 2 / np.sin(np.radians(line.of_two_theta / 2))
        assert line.two_theta == pytest.approx(float(two_theta(d=np.array([d]), wavelength=TUBES["Cu"][2])[0]), abs=0.1)
    (note,) = answer.notes
    assert note.startswith("Kβ of the tube, ")
    assert "31.68° of corundum_676a's 35.1" in note
    assert len(answer.to_dict()["tube_lines"]) == len(answer.tube_lines)


def test_both_lines_of_two_phases_are_distinguished() -> None:
    answer = identified({"corundum": 0.7, "LaB6": 0.3}, k_beta=0.03, tungsten=0.02)
    assert answer.verdict == "mixture"
    assert {line.line for line in answer.tube_lines} == {"Kβ", "W Lα"}
    assert not answer.unexplained_peaks
    for line in answer.tube_lines:
        d = TUBES["Cu"][0] / 2 / np.sin(np.radians(line.of_two_theta / 2))
        there = {"Kβ": TUBES["Cu"][2], "W Lα": TUNGSTEN}[line.line]
        assert line.two_theta == pytest.approx(float(two_theta(d=np.array([d]), wavelength=there)[0]), abs=0.1)


def test_peaks_of_another_phase_stay_unexplained() -> None:
    """Silicon has no line at the places of corundum's Kβ."""
    answer = identified({"corundum": 0.7, "Si": 0.3})
    assert answer.tube_lines == ()
    assert answer.verdict == "partly unknown"
    assert answer.unexplained_peaks


def test_a_clean_tube_has_no_lines() -> None:
    answer = identified({"corundum": 0.6, "LaB6": 0.4})
    assert answer.tube_lines == ()
    assert answer.notes == ()
