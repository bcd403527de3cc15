"""Scans of a short range: what they can show, and that they are never more certain than the whole range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.errors import ScanError
from bragglens.identification.identify import identify
from bragglens.learn.model import Model
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(5.0, 90.0, 0.03)
INSTRUMENT = Instrument(emission("CuKa"), W=0.005)


@pytest.fixture(scope="module")
def whole(titania: Library) -> Scan:
    """A scan of rutile."""
    (crystal,) = reflections_in_range([p for p in titania if p.name == "rutile"], INSTRUMENT.lines, GRID)
    clean = pattern(crystal, INSTRUMENT, Specimen(size=60.0), GRID)
    counts = np.random.default_rng(3).poisson(50 + 5000 * clean / clean.max()).astype(float)
    return Scan("rutile", GRID.two_theta, counts, wavelength=INSTRUMENT.lines[0].wavelength)


def cut(scan: Scan, first: float, last: float) -> Scan:
    kept = (scan.two_theta >= first) & (scan.two_theta <= last)
    return replace(scan, two_theta=scan.two_theta[kept], counts=scan.counts[kept])


def test_a_short_range_has_lower_probabilities(whole: Scan, titania: Library) -> None:
    answer = identify(cut(whole, 10, 40), titania)
    assert [one.name for one in answer.phases] == ["rutile"]
    assert answer.verdict == "tentative"
    assert answer.phases[0].probability < identify(whole, titania).phases[0].probability
    assert "a short range: probabilities are multiplied by 0.88" in answer.notes


def test_the_matcher_replaces_the_network_in_short_ranges(whole: Scan, small_model: Model) -> None:
    short = cut(whole, 10, 40)
    assert [one.name for one in identify(short, small_model).phases] == ["rutile"]
    with pytest.raises(ScanError, match="cover 35% of the model's 5-90°, too little for the network alone"):
        identify(short, small_model, network_only=True)


def test_fewer_than_three_lines_of_any_phase_are_refused(whole: Scan, titania: Library) -> None:
    with pytest.raises(ScanError, match=r"contain at most \d lines of any phase that may be named, 3 are needed"):
        identify(cut(whole, 20, 22.5), titania)


def test_phases_with_fewer_lines_are_not_considered(whole: Scan, titania: Library) -> None:
    silicon = standard("Si")
    answer = identify(cut(whole, 10, 40), Library((*titania, silicon)))
    assert silicon.name not in (answer.probabilities or {})
    assert any(note.startswith("1 phases with fewer than 3 lines") for note in answer.notes)
