"""The parts of a scan that a network's probability rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.identification.why import WINDOW, vote, votes
from bragglens.learn.model import Model
from bragglens.scan.pattern import Pattern
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import sticks
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

LINES = emission("CuKa")
NAMES = ("anatase", "rutile")


@pytest.fixture(scope="module")
def mixture(titania: Library, small_model: Model) -> Pattern:
    """Anatase and rutile from 15 to 75°, with noise and background; nothing measured outside."""
    grid = small_model.preparation.grid
    phases = [phase for phase in titania.phases if phase.name in NAMES]
    crystals = reflections_in_range(phases, LINES, grid)
    clean = render_phases(crystals, Instrument(LINES), [Specimen(size=40.0)] * 2, grid).sum(axis=0)
    counts = np.random.default_rng(5).poisson(2000 * clean / clean.max() + 60.0)
    covered = (grid.two_theta >= 15) & (grid.two_theta <= 75)
    return Pattern(grid, np.where(covered, counts, 0.0), covered)


def near_lines(library: Library, name: str, pattern: Pattern) -> np.ndarray:
    """Points of the grid near lines of a phase with at least a tenth of its strongest one."""
    phase = next(phase for phase in library.phases if phase.name == name)
    (crystal,) = reflections_in_range([phase], LINES, pattern.grid)
    lines = sticks(crystal, wavelength=LINES[0].wavelength)
    strong = lines.two_theta[lines.area > 0.1 * lines.area.max()]
    return np.abs(pattern.grid.two_theta[:, None] - strong).min(axis=1) < WINDOW / 2


@pytest.mark.parametrize("name", NAMES)
def test_votes_are_at_the_lines_of_a_phase(titania: Library, small_model: Model, mixture: Pattern, name: str) -> None:
    found = vote(mixture, small_model, name)
    here = near_lines(titania, name, mixture) & mixture.covered
    speaks = np.maximum(found, 0)
    assert speaks[here].sum() > 0.5 * speaks.sum()
    assert speaks[here].mean() > 3 * speaks[~here & mixture.covered].mean()
    assert here[found.argmax()]
    (other,) = set(NAMES) - {name}
    own = here & ~near_lines(titania, other, mixture)
    assert found[own].mean() > 2 * vote(mixture, small_model, other)[own].mean()


def test_holes_have_no_vote(small_model: Model, mixture: Pattern) -> None:
    assert not votes(mixture, small_model, NAMES)[:, ~mixture.covered].any()


def test_the_vote_is_the_decrease_of_the_log_odds(small_model: Model, mixture: Pattern) -> None:
    """A scan in which all but one window is already flat: only that window supports the network."""
    angle = mixture.grid.two_theta
    peak = np.abs(angle - 25.3) < 0.4
    alone = replace(mixture, intensity=np.where(mixture.covered, np.where(peak, mixture.intensity, 60.0), 0.0))
    flat = replace(alone, intensity=np.where(mixture.covered, 60.0, 0.0))

    def log_odds(pattern: Pattern) -> float:
        p = small_model.judge(pattern)[small_model.library.names.index("anatase")]
        return float(np.log(p / (1 - p)))

    expected = log_odds(alone) - log_odds(flat)
    found = vote(alone, small_model, "anatase")
    assert abs(expected) > 0.5
    assert found[np.abs(angle - 25.3).argmin()] == pytest.approx(
        expected, rel=0.25
    )  # the windows that cut the peak contain a part of it


def test_a_softmax_network_has_odds_too(small_model: Model, mixture: Pattern, monkeypatch: pytest.MonkeyPatch) -> None:
    one_of = replace(small_model, answer="softmax", library=Library(small_model.library.phases[:5]))
    logits = Model.logits
    monkeypatch.setattr(Model, "logits", lambda model, x: logits(small_model, x)[:, :5])  # outputs of its phases only
    found = vote(mixture, one_of, "anatase")
    assert found.shape == (mixture.grid.size,)
    assert 24 < mixture.grid.two_theta[found.argmax()] < 57
