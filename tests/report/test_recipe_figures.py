import importlib.resources
import math
import warnings
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from bragglens.crystal.library import Library, read_library
from bragglens.report.figures import figure_bytes
from bragglens.report.recipe_figures import SHOWN, phases_figure, recipe_figure
from bragglens.scan.pattern import Grid
from bragglens.simulate.draws import Constant, LogUniform, Uniform
from bragglens.simulate.instrument import emission
from bragglens.simulate.recipe import CLEAN, Recipe
from bragglens.simulate.stored import simulate_set

LIBRARY = read_library(importlib.resources.files("bragglens") / "data" / "titania")
ANATASE, BROOKITE, RUTILE = LIBRARY.phases[:3]
GRID = Grid(10, 80, 0.05)
STRONGEST = {"anatase": 3.5165, "rutile": 3.2477}  # d in Å from the cells: (101) 3.7845, 9.5143; (110) 4.593


def fan(figure: Figure) -> Axes:
    return figure.axes[0]


def sizes(figure: Figure) -> list[float]:
    """The sizes beside the patterns, from below."""
    return [float(text.get_text().removesuffix(" nm")) for text in fan(figure).texts]


def marks(ax: Axes) -> np.ndarray:
    """Values that a panel marks for the patterns."""
    (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
    return np.array(lines.get_segments())[:, 0, 0]


def labels(ax: Axes) -> dict[str, float]:
    """Angles of the hkl labels."""
    return {text.get_text().strip("$"): text.get_position()[0] for text in ax.texts}


def test_patterns_are_those_of_training() -> None:
    recipe = replace(Recipe(), start=Constant(0.0), stop=Constant(180.0))
    figure = recipe_figure(recipe, ANATASE, GRID, seed=3, patterns=5)
    x, _ = simulate_set(Library((ANATASE,)), recipe, GRID, per_phase=5, seed=3)
    scaled = (x - x.min(axis=1, keepdims=True)) / np.ptp(x, axis=1, keepdims=True)
    left = list(range(5))
    for row, line in enumerate(fan(figure).lines):
        curve = (line.get_ydata() - row) / 0.9
        match = min(left, key=lambda i, curve=curve: np.abs(scaled[i] - curve).max())
        np.testing.assert_allclose(curve, scaled[match], atol=1e-6)
        left.remove(match)
    assert not left


def test_patterns_are_ordered_and_marked() -> None:
    figure = recipe_figure(Recipe(), ANATASE, GRID)
    assert len(fan(figure).lines) == len(sizes(figure)) == 12
    assert sizes(figure) == sorted(sizes(figure))
    panel = dict(zip(SHOWN, figure.axes[1:], strict=True))
    np.testing.assert_allclose(marks(panel["size"]), sizes(figure), rtol=5e-3)
    (lines,) = (c for c in panel["zero"].collections if isinstance(c, LineCollection))
    for line, colour in zip(fan(figure).lines, lines.get_colors(), strict=True):
        np.testing.assert_array_equal(line.get_color(), colour)


def test_a_mark_agrees_with_its_pattern() -> None:
    # Only the zero shift varies, so that each pattern is shifted by its mark.
    figure = recipe_figure(replace(CLEAN, zero=Uniform(-1.0, 1.0)), RUTILE, GRID, patterns=6)
    zeros = marks(figure.axes[1 + list(SHOWN).index("zero")])
    assert np.ptp(zeros) > 0.3
    angle = 2 * math.degrees(math.asin(emission("CuKa")[0].wavelength / 2 / STRONGEST["rutile"]))
    for line, zero in zip(fan(figure).lines, zeros, strict=True):
        top = line.get_xdata()[line.get_ydata().argmax()]
        assert top == pytest.approx(angle + zero, abs=0.06)


def test_only_the_measured_range_is_drawn() -> None:
    figure = recipe_figure(replace(CLEAN, start=Constant(20.0), stop=Constant(60.0)), ANATASE, GRID, patterns=2)
    for line in fan(figure).lines:
        assert (line.get_xdata()[0], line.get_xdata()[-1]) == pytest.approx((20, 60))


def test_the_bars_show_the_distribution() -> None:
    figure = recipe_figure(replace(Recipe(), size=LogUniform(10, 1000)), ANATASE, GRID, patterns=2)
    panel = dict(zip(SHOWN, figure.axes[1:], strict=True))
    size, zero = (panel[name].patches[0].get_data() for name in ("size", "zero"))
    assert size.edges[[0, -1]] == pytest.approx((10, 1000), rel=0.01)
    assert size.values.max() < 1.3 * size.values.mean()  # uniform in the logarithm
    assert zero.values.max() > 2 * zero.values.mean()  # normal
    assert panel["size"].get_xlabel() == "Crystallite size (nm)"
    assert panel["size"].get_title(loc="left") == "log-even 10 to 1000"


def test_the_seed_decides() -> None:
    one, same, other = (fan(recipe_figure(Recipe(), ANATASE, GRID, seed=s, patterns=2)).lines[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(one.get_xydata(), same.get_xydata())
    assert not np.array_equal(one.get_xydata(), other.get_xydata())


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        CLEAN,
        replace(Recipe(), size=LogUniform(9, 11), counts=LogUniform(5, 5), background=LogUniform(1e-9, 1e6)),
    ],
    ids=["default", "constant", "narrow, still and wide"],
)
def test_no_overlapping_text(recipe: Recipe) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = recipe_figure(recipe, BROOKITE, GRID)
        assert_apart(figure)


@pytest.mark.parametrize("high", [12.0, 40.0, 60.0, 90.0, 250.0, 4e3, 1e9])
def test_an_axis_of_any_range_has_numbers(high: float) -> None:
    figure = recipe_figure(replace(Recipe(), counts=LogUniform(10.0, high)), ANATASE, GRID, patterns=2)
    panel = figure.axes[1 + list(SHOWN).index("counts")]
    assert_apart(figure)
    low, high = panel.get_xlim()
    assert sum(low <= tick.get_position()[0] <= high for tick in panel.get_xticklabels() if tick.get_text()) >= 2


def test_a_range_outside_all_scans_is_an_empty_figure() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = recipe_figure(replace(Recipe(), start=Constant(30.0)), ANATASE, Grid(5, 20, 0.05), patterns=2)
        assert all(line.get_xdata().size == 0 for line in fan(figure).lines)
        figure_bytes(figure, ".png")


def test_phases_show_their_reflections() -> None:
    figure = phases_figure([ANATASE, RUTILE], GRID)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["anatase, TiO2", "rutile, TiO2"]
    wavelength = emission("CuKa")[0].wavelength
    for ax, hkl, d in zip(figure.axes, ("101", "110"), STRONGEST.values(), strict=True):
        angle = 2 * math.degrees(math.asin(wavelength / 2 / d))
        assert labels(ax)[hkl] == pytest.approx(angle, abs=0.01)
        curve = ax.lines[0]
        assert curve.get_xdata()[curve.get_ydata().argmax()] == pytest.approx(angle, abs=0.05)
        assert np.abs(marks(ax) - angle).min() < 0.01
        assert len(labels(ax)) >= 5
    assert figure.axes[-1].get_xlabel() == "2θ (°), Cu Kα₁, λ = 1.5406 Å"


def test_the_wavelength_moves_the_reflections() -> None:
    (copper,), (molybdenum,) = (phases_figure([ANATASE], GRID, wavelength=tube).axes for tube in ("CuKa", "MoKa"))
    assert labels(molybdenum)["101"] < 0.5 * labels(copper)["101"]


@pytest.mark.parametrize("grid", [GRID, Grid(5, 90, 0.02), Grid(5, 120, 0.02), Grid(20, 40, 0.02)], ids=str)
def test_labels_are_just_above_their_peaks(grid: Grid) -> None:
    figure = phases_figure(LIBRARY.phases, grid)
    assert_apart(figure)
    for ax in figure.axes:
        line = ax.lines[0]
        curve = ax.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))
        for text in ax.texts:
            box = text.get_window_extent()
            under = (curve[:, 0] >= box.x0) & (curve[:, 0] <= box.x1)
            assert curve[under, 1].max() < box.y0 + 1
            own = np.abs(line.get_xdata() - text.get_position()[0]) < 0.4  # Kα2 may be higher than its Kα1
            assert text.get_position()[1] < 1.1 * line.get_ydata()[own].max() + 0.05
            assert ax.bbox.x0 <= box.x0 <= box.x1 <= ax.bbox.x1


def test_many_phases_are_cut_with_a_note() -> None:
    figure = phases_figure(LIBRARY.phases * 2, GRID)
    assert len(figure.axes) == 6
    assert figure.get_suptitle() == "The first 6 of 10 phases"


def test_a_range_without_reflections_is_drawn_empty() -> None:
    (ax,) = phases_figure([ANATASE], Grid(5, 10, 0.05)).axes
    assert not ax.texts


def assert_apart(figure: Figure) -> None:
    """No text overlaps another or leaves the figure, and none is tiny."""
    figure_bytes(figure, ".png", dpi=100)
    shown = [text for text in texts(figure) if text.get_visible() and text.get_text()]
    assert len(shown) > 10
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    for name, box in boxes:
        assert box.x0 >= -1, name
        assert box.x1 <= figure.bbox.x1 + 1, name
        assert box.y0 >= -1, name
        assert box.y1 <= figure.bbox.y1 + 1, name
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.padded(-1).overlaps(second.padded(-1)), (one, other)
    assert min(text.get_fontsize() for text in shown) >= 7


def texts(figure: Figure) -> list[Text]:
    """All texts in a figure, except for ticks outside an axis."""
    found = [text for part in (figure, *figure.subfigs) for text in part.texts]
    for ax in figure.axes:
        low, high = ax.get_xlim()
        ticks = (*ax.get_xticklabels(), *ax.get_xticklabels(minor=True))
        found += [text for text in ticks if low <= text.get_position()[0] <= high]
        titles = [child for child in ax.get_children() if isinstance(child, Text)]
        found += [*titles, ax.xaxis.label, ax.yaxis.label]
    return found
