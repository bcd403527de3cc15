import importlib.resources
import math
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from bragglens.crystal.library import Library, read_library
from bragglens.errors import BragglensError
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.shown import with_shown
from bragglens.identification.sources import proposer_of
from bragglens.learn.model import Model
from bragglens.report.figures import (
    GREY,
    figure_bytes,
    ideal_patterns_figure,
    samples_figure,
    save_figure,
)
from bragglens.report.identified import identification_figure
from bragglens.scan.pattern import Grid, Pattern
from bragglens.scan.prepare import Preparation
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

LIBRARY = read_library(importlib.resources.files("bragglens") / "data" / "titania")
GRID = Grid(10, 80, 0.02)
LINES = emission("CuKa")
WAVELENGTH = LINES[0].wavelength
MODEL = Model(LIBRARY, Preparation(GRID, WAVELENGTH, "sqrt"), "sigmoid", b"", recipe={"wavelength": "CuKa"}, name="m")
STRONGEST = {"anatase": 3.5165, "rutile": 3.2477}  # d in Å from the cells: (101) 3.7845, 9.5143; (110) 4.593


@pytest.fixture(scope="module")
def pattern() -> Pattern:
    """A scan of anatase from 20 to 70° with background and noise."""
    crystals = reflections_in_range(LIBRARY.phases[:1], LINES, GRID)
    clean = render_phases(crystals, Instrument(LINES), [Specimen(size=20)], GRID)[0]
    counts = np.random.default_rng(0).poisson(1000 * clean + 300 * np.exp(-GRID.two_theta / 30) + 50.0)
    covered = (GRID.two_theta >= 20) & (GRID.two_theta <= 70)
    return Pattern(GRID, np.where(covered, counts, 0.0), covered)


def answer(pattern: Pattern | None, *names: str, **more) -> Identification:
    probabilities = {name: 0.9 if name in names else 0.1 for name in LIBRARY.names} | {"brookite": 0.2}
    found = tuple(Finding(name, 0.9) for name in names)
    verdict = ("unknown", "known", "mixture")[len(names)]
    return shown(Identification("folder/s.xy", "m", verdict, found, probabilities, 0.05, pattern=pattern, **more))


def shown(answer: Identification) -> Identification:
    return with_shown(answer, proposer_of(MODEL))


def texts(figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def ticks(ax) -> tuple[np.ndarray, np.ndarray]:
    """Positions and heights of a row of ticks."""
    (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
    segments = np.array(lines.get_segments())
    return segments[:, 1, 0], segments[:, 1, 1]


def test_the_highest_tick_is_at_the_bragg_angle(pattern) -> None:
    figure = identification_figure(answer(pattern, "anatase", "rutile"))
    assert len(figure.axes) == 3
    for ax, d in zip(figure.axes[1:], STRONGEST.values(), strict=True):
        position, height = ticks(ax)
        assert height.max() == pytest.approx(1)
        assert position[height.argmax()] == pytest.approx(2 * math.degrees(math.asin(WAVELENGTH / 2 / d)), abs=0.03)


def test_holes_are_not_drawn(pattern) -> None:
    figure = identification_figure(answer(pattern, "anatase"))
    x, y = figure.axes[0].lines[0].get_data()
    assert (x[0], x[-1]) == pytest.approx((20, 70))
    np.testing.assert_array_equal(y, pattern.intensity[pattern.covered])
    position, _ = ticks(figure.axes[1])
    assert 20 <= position.min() <= position.max() <= 70
    assert figure.axes[0].get_xlim() == pytest.approx((20, 70))


def test_a_present_phase_has_its_height(pattern) -> None:
    figure = identification_figure(answer(pattern, "anatase", "rutile"))
    measured, anatase, rutile = (line.get_ydata() for line in figure.axes[0].lines)
    top = 1000 + 300 * math.exp(-25.3 / 30) + 50  # of the fixture, without noise
    assert np.nanmax(anatase) == pytest.approx(top, rel=0.1)
    # There is no rutile: at 27.4° there are only noise and the tail of anatase.
    assert np.nanmax(rutile) < 0.4 * measured.max()


def test_a_rejected_phase_is_grey_and_labelled(pattern) -> None:
    figure = identification_figure(answer(pattern))
    assert texts(figure) == ["brookite\n0.200\nnearest, not accepted"]
    assert figure.axes[0].lines[1].get_color() == GREY
    assert figure.axes[1].texts[0].get_color() == GREY


def test_title_and_axis_label(pattern) -> None:
    figure = identification_figure(answer(pattern, "anatase", "rutile", wavelength=1.789))
    assert figure.axes[0].get_title(loc="left") == "s.xy: mixture"
    assert figure.axes[-1].get_xlabel() == "2θ (°), Cu Kα₁, λ = 1.5406 Å, converted from 1.7890 Å"
    assert texts(figure) == ["anatase\n0.900", "rutile\n0.900"]


def test_no_text_on_the_data_or_outside_the_figure(pattern) -> None:
    figure = identification_figure(answer(pattern, "anatase", "rutile"))
    figure_bytes(figure, ".png")
    frame = figure.axes[0].get_window_extent()
    for ax in figure.axes:
        for artist in (*ax.texts, *([ax.get_legend()] if ax.get_legend() else [])):
            box = artist.get_window_extent()
            assert box.x0 >= frame.x1
            assert box.x1 <= figure.bbox.x1


def test_an_answer_without_probabilities_is_the_scan_alone(pattern) -> None:
    figure = identification_figure(shown(Identification("s.xy", "m", "unknown", pattern=pattern)))
    assert len(figure.axes) == 1


def test_a_scan_that_could_not_be_judged_cannot_be_drawn() -> None:
    with pytest.raises(BragglensError, match=r"s\.xy: there is no scan to draw"):
        identification_figure(answer(None))


def test_names_are_not_read_as_tex(pattern, tmp_path) -> None:
    odd = shown(Identification("$\\frac$.xy", "m", "unknown", pattern=pattern))
    save_figure(identification_figure(odd), tmp_path / "a.png")


def test_ideal_patterns_name_phases_and_strongest_lines() -> None:
    figure = ideal_patterns_figure(LIBRARY, GRID, LINES)
    (ax,) = figure.axes
    assert [t for t in texts(figure) if not t.startswith("$")] == list(LIBRARY.names)
    hkl = {t.get_text(): t.get_position()[0] for t in ax.texts if t.get_text().startswith("$")}
    assert hkl["$101$"] == pytest.approx(25.31, abs=0.03)  # anatase
    # The peaks of the curves agree with the labels, which are from the formulas.
    curve = ax.lines[0]
    assert curve.get_xdata()[curve.get_ydata().argmax()] == pytest.approx(hkl["$101$"], abs=0.03)


def test_a_large_library_is_cut_with_a_note() -> None:
    figure = ideal_patterns_figure(Library(LIBRARY.phases * 3), GRID, LINES)
    assert len(figure.axes[0].lines) == 12
    assert figure.axes[0].get_title(loc="left") == "The first 12 of 15 phases"


@pytest.mark.parametrize(("count", "panels"), [(1, 1), (4, 4), (20, 12)])
def test_samples_are_below_their_labels(count: int, panels: int) -> None:
    intensity = np.arange(count)[:, None] + np.sin(GRID.two_theta)
    figure = samples_figure(intensity, [f"label {i}" for i in range(count)], GRID)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in shown] == [f"label {i}" for i in range(panels)]
    np.testing.assert_array_equal(shown[-1].lines[0].get_ydata(), intensity[panels - 1])


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".PDF", b"%PDF"), (".svg", b"<?xml")])
def test_the_extension_selects_the_format(tmp_path, pattern, suffix: str, begins: bytes) -> None:
    path = tmp_path / f"new folder/a{suffix}"
    figure = identification_figure(answer(pattern, "anatase"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, path)
    first = path.read_bytes()
    assert first.startswith(begins)
    assert b"Date" not in first
    if suffix == ".svg":
        assert ET.fromstring(first).tag.endswith("svg")
    save_figure(identification_figure(answer(pattern, "anatase")), path)
    assert path.read_bytes() == first


@pytest.mark.parametrize("name", ["a.gif", "a"])
def test_an_unknown_extension_is_refused(tmp_path, name: str) -> None:
    with pytest.raises(BragglensError, match=r"\.png, \.svg, \.pdf"):
        save_figure(samples_figure(np.ones((1, GRID.size)), ["x"], GRID), tmp_path / name)


def test_an_unwritable_path_is_one_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BragglensError, match="cannot be written"):
        save_figure(samples_figure(np.ones((1, GRID.size)), ["x"], GRID), tmp_path / "file" / "a.png")
