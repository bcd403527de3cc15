"""Figures of simulations: patterns of one phase drawn from a recipe, and patterns of phases without noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from bragglens.crystal.formula import chemical_formula
from bragglens.crystal.phase import Phase
from bragglens.report.figures import COLOURS, GREY, INK, WIDTH, hkl_text, label_angle
from bragglens.report.recipe_words import in_words, number
from bragglens.report.words import shorten
from bragglens.scan.pattern import Grid
from bragglens.simulate.clean import CleanPattern, clean_patterns
from bragglens.simulate.draws import Distribution, LogUniform
from bragglens.simulate.instrument import emission
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.recipe_file import unit
from bragglens.simulate.samples import Samples, samples_of

PATTERNS = 12
PANELS = 6  # largest number of phases in one figure with readable labels
SHOWN = {
    "size": "Crystallite size",
    "resolution": "Instrumental FWHM",
    "zero": "Zero error",
    "displacement": "Displacement",
    "background": "Background / strongest peak",
    "counts": "Counts at strongest peak",
}
_BARS = 25
PALE = "#cccccc"
_LABELS, _FAINT = 10, 0.02  # most labels of a phase; lowest height of a labelled peak
_PLAIN: dict[str, Any] = {"parse_math": False}


def recipe_figure(recipe: Recipe, phase: Phase, grid: Grid, *, seed: int = 0, patterns: int = PATTERNS) -> Figure:
    """Patterns of one phase drawn from a recipe, ordered by crystallite size, above the main distributions.

    Each pattern has a colour, which also marks its values in the panels below. Sample i comes from (seed, i), as in
    training.
    """
    samples = samples_of(recipe, phase, grid, fields=tuple(SHOWN), seed=seed, count=patterns)
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, patterns))
    figure = Figure(figsize=(WIDTH, 3.6 + 0.45 * patterns), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[0.6 + 0.45 * patterns, 3.0])
    above, below = parts
    _draw_fan(above, samples, colours)
    below.suptitle(
        "Distributions of the recipe; the value of each pattern is marked in its colour", x=0.01, ha="left", fontsize=9
    )
    for ax, name in zip(below.subplots(2, 3).ravel(), SHOWN, strict=True):
        _draw_histogram(ax, name, getattr(recipe, name), samples.population[name])
        _mark(ax, samples.drawn[name], colours)
    return figure


def phases_figure(phases: Sequence[Phase], grid: Grid, *, wavelength: str = "CuKa") -> Figure:
    """The pattern of each phase without noise, reflections as ticks, the strongest with indices; at most six phases."""
    patterns = clean_patterns(phases[:PANELS], grid, emission(wavelength))
    figure = Figure(figsize=(WIDTH, 0.7 + 1.35 * len(patterns)), layout="constrained")
    axes = figure.subplots(len(patterns), 1, sharex=True, squeeze=False)[:, 0]
    for i, (ax, one) in enumerate(zip(axes, patterns, strict=True)):
        _draw_phase(ax, one, COLOURS[i % len(COLOURS)])
        said = f"{shorten(one.phase.name, 40)}, {chemical_formula(one.phase.formula)}"
        ax.set_title(said, loc="left", fontsize=9, **_PLAIN)
    axes[0].set_xlim(grid.start, grid.stop)
    label_angle(axes[-1], patterns[0].wavelength, None)
    figure.supylabel("Intensity", fontsize=9)
    if len(phases) > PANELS:
        figure.suptitle(f"The first {PANELS} of {len(phases)} phases", x=0.01, ha="left", fontsize=10)
    return figure


def _draw_fan(figure: SubFigure, samples: Samples, colours: NDArray[np.float64]) -> None:
    """The patterns stacked in their order from below, and the unshifted Bragg angles below them."""
    grid, ax = samples.grid, figure.subplots()
    for row, (intensity, covered, size) in enumerate(
        zip(samples.intensity, samples.covered, samples.size, strict=True)
    ):
        curve = row + 0.9 * _scaled(intensity[covered])
        ax.plot(grid.two_theta[covered], curve, color=colours[row], linewidth=0.6)
        label = f"{number(float(size))} nm"
        ax.annotate(label, (1.01, row), xycoords=ax.get_yaxis_transform(), color=colours[row], fontsize=8)
    ax.vlines(samples.reflections.two_theta, -0.55, -0.2, color=GREY, linewidth=0.7)
    ax.set(xlim=(grid.start, grid.stop), ylim=(-0.7, len(samples.intensity)), yticks=[])
    ax.set_ylabel("Intensity", fontsize=9)
    ax.set_title(f"{shorten(samples.phase.name, 40)} as the recipe draws it", loc="left", fontsize=10, **_PLAIN)
    ax.set_title("each scaled to 1, ordered by crystallite size", loc="right", fontsize=8, color=GREY)
    label_angle(ax, samples.recipe.lines[0].wavelength, None)


def _scaled(intensity: NDArray[np.floating]) -> NDArray[np.floating]:
    """Intensity scaled to 0 to 1; constant where nothing varies or there are no points."""
    if not intensity.size:
        return intensity
    low, high = intensity.min(), intensity.max()
    return (intensity - low) / max(high - low, 1e-12)


def _draw_histogram(ax: Axes, name: str, distribution: Distribution, values: NDArray[np.float64]) -> None:
    """Frequency of the values, with space above the bars for `_mark`."""
    low, high = values.min(), values.max()
    if low == high:
        ax.axvline(low, ymax=0.75, color=PALE, linewidth=8)
        ax.set_xticks([low], [number(low)])
    else:
        spaced = np.geomspace if isinstance(distribution, LogUniform) else np.linspace
        heights, edges = np.histogram(values, spaced(low, high, _BARS))
        ax.stairs(heights, edges, fill=True, color=PALE)
        ax.set_ylim(0, 1.3 * heights.max())
        if isinstance(distribution, LogUniform):
            _log_axis(ax, np.log10(high / low))
        else:
            ax.xaxis.set_major_locator(MaxNLocator(4))
    symbol = unit(name)
    ax.set_xlabel(SHOWN[name] + (f" ({symbol})" if symbol else ""), fontsize=8)
    ax.set_title(in_words(distribution), loc="left", fontsize=7, color=GREY)
    ax.set(yticks=[])
    ax.tick_params(labelsize=7)


def _log_axis(ax: Axes, decades: float) -> None:
    """A logarithmic axis with few labels: plain numbers for few decades, powers of ten for many."""
    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter("")
    if decades < 0.7:
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_locator(MaxNLocator(4))
    elif decades < 2:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    if decades < 3:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _mark(ax: Axes, values: NDArray[np.float64], colours: NDArray[np.float64]) -> None:
    """Values of the patterns as ticks in their colours along the upper edge of the panel."""
    ax.vlines(values, 0.82, 1.0, transform=ax.get_xaxis_transform(), color=colours, linewidth=1.5)


def _draw_phase(ax: Axes, one: CleanPattern, colour: str) -> None:
    ax.plot(one.grid.two_theta, one.intensity, color=colour, linewidth=0.8)
    ax.vlines(one.reflections.two_theta, -0.2, -0.06, color=GREY, linewidth=0.7)
    for angle, height, text in _labels(one):
        ax.text(angle, height, text, fontsize=7, ha="center", va="bottom", color=INK)
    ax.set(ylim=(-0.25, 1.28), yticks=[])
    ax.tick_params(labelsize=8)


def _labels(one: CleanPattern) -> list[tuple[float, float, str]]:
    """Indices of the strongest reflections and free positions for them: not over another label or a taller peak."""
    grid, found, pattern = one.grid, one.reflections, one.intensity
    half_width = 0.0165 * (grid.stop - grid.start)  # half the width of a label
    placed: list[tuple[float, float, str]] = []
    for i in np.argsort(-found.area, kind="stable"):
        angle = float(found.two_theta[i])
        under = pattern[np.abs(grid.two_theta - angle) <= half_width]
        top = pattern[np.abs(grid.two_theta - angle) <= 0.3 + grid.step].max()
        taken = any(abs(angle - other) < 2 * half_width for other, _, _ in placed)
        inside = grid.start + half_width <= angle <= grid.stop - half_width
        if len(placed) < _LABELS and inside and not taken and under.max() <= 1.05 * top and top > _FAINT:
            placed.append((angle, float(under.max()) + 0.03, hkl_text(found.hkl[i].tolist())))
    return placed
