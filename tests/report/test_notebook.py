"""Display of an answer in a notebook."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification
from bragglens.identification.identify import identify
from bragglens.learn.model import Model
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen


@pytest.fixture(scope="module")
def answer(titania: Library) -> Identification:
    grid, lines = Grid(20.0, 60.0, 0.03), emission("CuKa")
    (rutile,) = reflections_in_range(titania.phases[2:3], lines, grid)
    clean = pattern(rutile, Instrument(lines), Specimen(), grid)
    counts = np.random.default_rng(0).poisson(2000 * clean / clean.max() + 50)
    return identify(Scan("<i>.xy", grid.two_theta, counts.astype(float), wavelength=1.5405929), titania)


def test_a_notebook_shows_verdict_phases_and_plot(answer: Identification) -> None:
    shown = answer._repr_html_()
    ET.fromstring(shown)  # every tag is closed
    assert len(shown) < 150_000
    assert "One phase of the library found: rutile" in shown
    assert "data:image/png;base64," in shown
    assert "&lt;i&gt;.xy" in shown
    assert "<script" not in shown


def test_plot_needs_no_model(answer: Identification) -> None:
    figure = answer.plot()
    assert any("rutile" in text.get_text() for text in figure.axes[1].texts)


def test_no_plot_without_patterns(answer: Identification) -> None:
    bare = answer.without_patterns
    assert "<img" not in bare._repr_html_()
    with pytest.raises(BragglensError, match="no scan to draw"):
        bare.plot()


def test_the_network_alone_is_drawn_too(answer: Identification, small_model: Model) -> None:
    assert answer.fit is not None
    scan = Scan("a.xy", answer.fit.two_theta, answer.fit.observed, wavelength=1.5405929)
    alone = identify(scan, small_model, network_only=True)
    assert "data:image/png;base64," in alone._repr_html_()
    assert "calculated" in alone.plot().axes[0].get_legend().get_texts()[1].get_text()
