"""Data of an answer for its plots: computed at first use, complete in another process."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.identification.answer import Identification
from bragglens.identification.identify import identify
from bragglens.identification.shown import with_shown
from bragglens.identification.sources import proposer_of
from bragglens.learn.model import Model
from bragglens.report.picture import picture_of
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

LINES, GRID = emission("CuKa"), Grid(20.0, 70.0, 0.04)


@pytest.fixture(scope="module")
def scan(titania: Library) -> Scan:
    (rutile,) = reflections_in_range([titania["rutile"]], LINES, GRID)
    clean = pattern(rutile, Instrument(LINES), Specimen(), GRID)
    counts = np.random.default_rng(0).poisson(3000 * clean / clean.max() + 50)
    return Scan("a.xy", GRID.two_theta, counts.astype(float), wavelength=LINES[0].wavelength)


@pytest.fixture(scope="module")
def disputed(scan: Scan, small_model: Model) -> Identification:
    """Rutile, with a low network probability, and brookite with a high one, set by hand."""
    answer = identify(scan, small_model)
    assert answer.probabilities is not None
    odd = replace(answer, probabilities=answer.probabilities | {"rutile": 0.2, "brookite": 0.8})
    return with_shown(odd, proposer_of(small_model))


def test_a_fit_has_its_reflections_at_its_peaks(scan: Scan, titania: Library) -> None:
    answer = identify(scan, titania)
    assert answer.fit is not None
    assert not {"reflections"} & vars(answer.fit).keys()  # an answer that is not plotted takes no longer
    (found,), (curve,) = answer.fit.reflections, answer.fit.patterns
    assert found.two_theta[found.area.argmax()] == pytest.approx(answer.fit.two_theta[curve.argmax()], abs=0.05)


def test_the_cell_is_six_numbers_in_json(scan: Scan, titania: Library) -> None:
    answer = identify(scan, titania)
    cell = answer["rutile"].cell
    assert cell is not None
    assert cell.system == "tetragonal"
    assert json.loads(json.dumps(answer.to_dict()))["phases"][0]["cell"] == list(cell)


def test_no_disagreement_if_network_and_fit_agree(scan: Scan, small_model: Model) -> None:
    answer = identify(scan, small_model)
    assert [finding.name for finding in answer.phases] == ["rutile"]
    sure = replace(answer, probabilities=dict.fromkeys(small_model.library.names, 0.0) | {"rutile": 0.9})
    assert with_shown(sure, proposer_of(small_model)).disagreement is None


def test_a_disagreement_has_phases_and_votes(disputed: Identification) -> None:
    found = disputed.disagreement
    assert found is not None
    assert found.doubted == ("rutile",)
    assert [phase.name for phase in found.refused] == ["brookite"]
    assert "votes" not in vars(found)
    assert {name: len(vote) for name, vote in found.votes.items()} == dict.fromkeys(
        ("rutile", "brookite"), len(found.fit.two_theta)
    )


def test_a_disagreement_can_be_sent_to_another_process(disputed: Identification) -> None:
    """A network that has been used has a session that cannot be sent; the votes are the same in the other process."""
    assert disputed.disagreement is not None
    votes = disputed.disagreement.votes
    unused = replace(disputed, disagreement=replace(disputed.disagreement))
    there = pickle.loads(pickle.dumps(unused)).disagreement
    for name, vote in votes.items():
        np.testing.assert_allclose(there.votes[name], vote, atol=1e-6)


def test_a_matcher_has_no_votes(scan: Scan, titania: Library) -> None:
    answer = replace(identify(scan, titania), probabilities={"rutile": 0.9, "brookite": 0.8})
    found = with_shown(answer, proposer_of(titania)).disagreement
    assert found is not None
    assert found.votes == {}
    assert [layer.phase for layer in picture_of(replace(answer, disagreement=found)).layers] == ["rutile", "brookite"]


def test_patterns_can_be_dropped(disputed: Identification) -> None:
    bare = disputed.without_patterns
    assert (bare.fit, bare.pattern, bare.disagreement, bare.sketch) == (None,) * 4
    assert bare.to_dict() == disputed.to_dict()
    assert picture_of(bare) is None


def test_a_hole_of_a_scan_is_in_its_sketch(scan: Scan, small_model: Model) -> None:
    kept = (scan.two_theta < 40.0) | (scan.two_theta > 48.0)
    holed = replace(scan, two_theta=scan.two_theta[kept], counts=scan.counts[kept])
    answer = identify(holed, small_model, network_only=True)
    picture = picture_of(answer)
    assert picture is not None
    assert picture.two_theta[-1] == pytest.approx(70.0, abs=0.2)  # the axis continues beyond it
    assert len(picture.measured) == 2
    assert picture.two_theta[picture.measured[1].start] == pytest.approx(48.0, abs=0.2)
    assert answer.sketch is not None
    assert np.isfinite(answer.sketch.patterns).all()
