"""A hole of a scan is a hole in every plot of it: no line is drawn across."""

from __future__ import annotations

import base64
import json
import re
import zlib

import numpy as np
import pytest

from bragglens.crystal.library import Library
from bragglens.fit.whole_pattern import Fit, fit
from bragglens.identification.answer import Finding, Identification
from bragglens.report.drawing import drawing
from bragglens.report.fitted import fitted_figure
from bragglens.report.payload import payload
from bragglens.report.picture import picture_of
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission

GRID = Grid(18.0, 72.0, 0.05)
FIRST, LAST = 40.0, 48.0  # degrees of the hole


@pytest.fixture(scope="module")
def fitted(titania: Library) -> Fit:
    counts = np.random.default_rng(1).poisson(400.0, GRID.two_theta.size).astype(float)
    kept = (GRID.two_theta < FIRST) | (GRID.two_theta > LAST)
    scan = Scan("hole.xy", GRID.two_theta[kept], counts[kept], wavelength=1.5406)
    return fit(scan, titania.phases[:1], Instrument(emission("CuKa")))


@pytest.fixture(scope="module")
def answer(fitted: Fit) -> Identification:
    found = (Finding(fitted.names[0], 0.9),)
    return Identification("hole.xy", "m", "known", found, rwp=fitted.rwp, fit=fitted)


def test_a_fit_knows_what_was_measured(fitted: Fit) -> None:
    hole = fitted.two_theta[~fitted.measured]
    assert hole.min() == pytest.approx(FIRST, abs=0.2)
    assert hole.max() == pytest.approx(LAST, abs=0.2)


def test_the_page_draws_no_line_across(answer: Identification) -> None:
    picture = picture_of(answer)
    assert picture is not None
    svg = drawing(picture, "a scan")
    moves = {kind: re.findall(rf'class="{kind}" d="([^"]*)"', svg)[0].count("M") for kind in ("observed", "background")}
    assert moves == {"observed": 2, "background": 1}
    parts = json.loads(zlib.decompress(base64.b64decode(payload(picture))))["parts"]
    assert len(parts) == 2
    assert (parts[0][0], parts[1][1]) == (0, len(picture.observed) - 1)


def test_the_figure_draws_no_line_across(answer: Identification, fitted: Fit) -> None:
    figure = fitted_figure(picture_of(answer))
    (difference,) = [line for line in figure.axes[-1].lines if len(line.get_xdata()) == len(fitted.two_theta)]
    assert np.isnan(difference.get_ydata()).tolist() == (~fitted.measured).tolist()
