"""A scan with its phases as a figure for publications."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification
from bragglens.identification.sketch import Sketch
from bragglens.report.figures import COLOURS, GREY, INK, PLAIN, WIDTH, label_angle, title
from bragglens.report.fitted import fitted_figure
from bragglens.report.picture import Layer, Picture, picture_of

_VISIBLE = 2e-3  # of the highest point of a calculated pattern; below it no line is drawn along the background


def identification_figure(answer: Identification) -> Figure:
    """The scan with its fit (`fitted.fitted_figure`), or with the network's result if there is no fit.

    Raises:
        BragglensError: the answer holds no scan: it could not be judged, or its patterns were not kept.
    """
    picture = picture_of(answer)
    if picture is None:
        raise BragglensError(f"{answer.file}: there is no scan to draw, as it could not be identified: leave it out")
    return fitted_figure(picture) if picture.sketch is None else _network_figure(picture, picture.sketch)


def _network_figure(picture: Picture, sketch: Sketch) -> Figure:
    """The scan on the network's axis, and below it the reflections of each phase found, or of the nearest."""
    figure = Figure(figsize=(WIDTH, 3.0 + 0.5 * len(picture.layers)), layout="constrained")
    heights = [5.0] + [1.0] * len(picture.layers)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _draw_scan(axes[0], picture, sketch)
    for i, (ax, layer) in enumerate(zip(axes[1:], picture.layers, strict=True)):
        _draw_reflections(ax, layer, _colour(layer, i))
    axes[0].set_title(title(picture.name, picture.said), loc="left", fontsize=10, parse_math=False)
    label_angle(axes[-1], picture.wavelength, picture.measured_at)
    axes[0].set_xlim(picture.two_theta[0], picture.two_theta[-1])
    return figure


def _colour(layer: Layer, place: int) -> str:
    return COLOURS[place % len(COLOURS)] if layer.found else GREY


def _draw_scan(ax: Axes, picture: Picture, sketch: Sketch) -> None:
    angle, base = picture.two_theta, sketch.background
    measured = np.full(len(angle), np.nan)  # no line across a hole
    for part in picture.measured:
        measured[part] = picture.observed[part]
    ax.plot(angle, measured, color=INK, linewidth=0.7)
    colours = [_colour(layer, i) for i, layer in enumerate(picture.layers)]
    for pattern, colour in zip(sketch.patterns, colours, strict=True):
        curve = base + pattern
        visible = np.where(pattern > _VISIBLE * pattern.max(), curve, np.nan)
        ax.fill_between(angle, base, curve, color=colour, alpha=0.25, linewidth=0)
        ax.plot(angle, visible, color=colour, linewidth=0.7, alpha=0.8)
    low, high = float(np.nanmin(measured)), float(np.nanmax(measured))
    ax.set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
    ax.set_ylabel("Intensity", fontsize=9)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(labelsize=8)
    shown = {"measured": INK}
    if colours:
        shown["calculated,\nnot fitted"] = colours[0] if len(colours) == 1 else GREY
    handles = [Line2D([], [], color=colour, linewidth=1.2) for colour in shown.values()]
    ax.legend(handles, list(shown), loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)


def _draw_reflections(ax: Axes, layer: Layer, colour: str) -> None:
    """A row of ticks with heights proportional to intensity."""
    height = layer.reflections.strength**2
    ax.vlines(layer.reflections.two_theta, 0, height, color=colour, linewidth=1)
    ax.set(ylim=(0, 1.15), yticks=[])
    ax.tick_params(labelsize=8)
    ax.annotate(layer.beside, (1.01, 0.1), xycoords="axes fraction", color=colour, **PLAIN)
