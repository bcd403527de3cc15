"""The figure of a fitted scan agrees with the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bragglens.crystal.library import Library
from bragglens.fit.residual import Peak
from bragglens.fit.whole_pattern import Fit, fit
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.shown import with_shown
from bragglens.identification.sources import proposer_of
from bragglens.learn.model import Model
from bragglens.report.figures import COLOURS, GREY, figure_bytes
from bragglens.report.identified import identification_figure
from bragglens.scan.pattern import Grid
from bragglens.scan.prepare import to_grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

LINES = emission("CuKa")
GRID = Grid(18.0, 72.0, 0.02)


@pytest.fixture(scope="module")
def scan(titania: Library) -> Scan:
    """Anatase, expanded by half a percent, and rutile, with sample displacement and a zero shift."""
    instrument = Instrument(LINES, W=0.004, zero=0.08)
    crystals = dict(zip(titania.names, reflections_in_range(titania.phases, LINES, GRID), strict=True))
    placed = Specimen(size=60.0, displacement=-0.25)
    clean = 0.6 * pattern(crystals["anatase"], instrument, replace(placed, strain=(0.005, 0.005)), GRID)
    clean += 0.4 * pattern(crystals["rutile"], instrument, placed, GRID)
    counts = np.random.default_rng(2).poisson(6000 * clean / clean.max() + 200)
    return Scan("two.xy", GRID.two_theta, counts.astype(float), wavelength=LINES[0].wavelength)


@pytest.fixture(scope="module")
def fitted(scan: Scan, titania: Library) -> Fit:
    return fit(scan, [phase for phase in titania.phases if phase.name in ("anatase", "rutile")], Instrument(LINES))


@pytest.fixture(scope="module")
def answer(scan: Scan, fitted: Fit, small_model: Model) -> Identification:
    return Identification(
        "folder/two.xy",
        "m",
        "mixture",
        (
            Finding("anatase", 0.98, 60.0, 2.0),
            Finding("rutile", 0.9, 40.0, 2.0, rivals=("tio2_B", "tio2_II", "brookite")),
        ),
        {"anatase": 0.9, "rutile": 0.9, "brookite": 0.1, "tio2_B": 0.0, "tio2_II": 0.0},
        unexplained_peaks=(Peak(30.0, 2.98, 0.01), Peak(30.5, 2.93, 0.02), Peak(18.1, 4.9, 0.01)),
        rwp=fitted.rwp,
        pattern=to_grid(scan, small_model.preparation, wavelength=LINES[0].wavelength),
        fit=fitted,
    )


def rows(figure: Figure) -> list[np.ndarray]:
    """Ticks of each phase: x and height, the highest first."""
    found = []
    for one in figure.axes[1].collections:
        if isinstance(one, LineCollection):
            segments = np.array(one.get_segments())
            heights = segments[:, 1, 1] - segments[:, 0, 1]
            found.append(np.column_stack([segments[:, 0, 0], heights])[np.argsort(-heights)])
    return found


def bands(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in figure.axes[1].images]


def test_ticks_are_at_the_fitted_angles(answer: Identification, fitted: Fit, small_model: Model) -> None:
    figure = identification_figure(answer)
    for ticks, one, name in zip(rows(figure), fitted.patterns, fitted.names, strict=True):
        top = fitted.two_theta[one.argmax()]
        assert ticks[0, 0] == pytest.approx(top, abs=0.03), name
    nominal = {"anatase": 25.31, "rutile": 27.45}
    assert rows(figure)[1][0, 0] > nominal["rutile"] + 0.1  # zero shift and displacement
    # and expansion
    assert rows(figure)[0][0, 0] < rows(figure)[1][0, 0] - nominal["rutile"] + nominal["anatase"] - 0.08


def test_curves_are_those_of_the_fit(answer: Identification, fitted: Fit, small_model: Model) -> None:
    scan, _, difference = identification_figure(answer).axes
    measured, calculated, background, marks = (line.get_ydata() for line in scan.lines)
    np.testing.assert_allclose(measured**2, fitted.observed)
    np.testing.assert_allclose(calculated**2, fitted.calculated)
    np.testing.assert_allclose(background**2, fitted.background)
    np.testing.assert_allclose(difference.lines[1].get_ydata(), measured - calculated)
    assert scan.lines[3].get_xdata().tolist() == [30.0, 30.5, 18.1]
    assert (marks > measured.min()).all()
    assert [text.get_text() for text in scan.texts] == ["2.93 Å", "2.98 Å", "4.90 Å"]
    assert scan.texts[1].get_position()[1] > scan.texts[0].get_position()[1]  # above its neighbour


def test_scan_and_difference_are_on_one_scale(answer: Identification, small_model: Model) -> None:
    figure = identification_figure(answer)
    figure_bytes(figure, ".png")
    scan, _, difference = figure.axes
    per_inch = [np.ptp(ax.get_ylim()) / ax.get_window_extent().height for ax in (scan, difference)]
    assert per_inch[1] == pytest.approx(per_inch[0], rel=0.1)


def test_labels_have_fraction_error_probability_and_rivals(answer: Identification, small_model: Model) -> None:
    figure = identification_figure(answer)
    labels = [text.get_text() for text in figure.axes[1].texts]
    assert labels == ["anatase\n60.0 ± 2.0 wt%, p 0.980", "rutile or 3 others\n40.0 ± 2.0 wt%, p 0.900"]
    assert [text.get_color() for text in figure.axes[1].texts] == list(COLOURS[:2])
    assert "two.xy: mixture, Rwp" in figure.axes[0].get_title(loc="left")


def test_a_network_that_agrees_is_not_drawn(answer: Identification, small_model: Model) -> None:
    assert bands(identification_figure(answer)) == []


def test_votes_are_shown_if_network_and_fit_disagree(answer: Identification, small_model: Model) -> None:
    assert answer.probabilities is not None
    odd = replace(answer, probabilities=answer.probabilities | {"rutile": 0.2, "brookite": 0.8})
    figure = identification_figure(with_shown(odd, proposer_of(small_model)))
    assert len(bands(figure)) == 2
    strength = bands(figure)[0][0, :, 3]
    assert strength.max() > 0.2
    angle = odd.fit.two_theta[strength.argmax()]
    assert np.abs(rows(figure)[1][:8, 0] - angle).min() < 2
    last = figure.axes[1].texts[-1]
    assert last.get_text() == "brookite\nbefore the fit, p 0.800"
    assert last.get_color() == GREY


def test_a_library_without_a_model_has_a_fit(answer: Identification, titania: Library, small_model: Model) -> None:
    alone = replace(answer, probabilities=None, pattern=None)
    figure = identification_figure(with_shown(alone, proposer_of(titania)))
    with_network = identification_figure(answer)
    for one, other in zip(rows(figure), rows(with_network), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unknown_scan_shows_the_nearest_phase(answer: Identification, fitted: Fit, small_model: Model) -> None:
    empty = replace(
        fitted, candidates=(), specimens=(), patterns=np.empty((0, len(fitted.observed))), calculated=fitted.background
    )
    unknown = replace(answer, verdict="unknown", phases=(), fit=empty)
    figure = identification_figure(with_shown(unknown, proposer_of(small_model)))
    assert len(figure.axes) == 2
    assert [line.get_label() for line in figure.axes[0].get_legend().legend_handles] == [
        "measured",
        "background",
        "unexplained",
    ]
    assert figure.axes[1].texts[0].get_text().startswith("anatase\nbefore the fit")
    assert figure.axes[0].get_title(loc="left") == "two.xy: unknown"
