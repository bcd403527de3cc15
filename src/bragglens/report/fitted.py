"""A fitted scan in the usual form: the scan and its fit, ticks for each phase, the difference below."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from bragglens.report.figures import COLOURS, GREY, INK, PLAIN, WIDTH, label_angle, title
from bragglens.report.picture import Layer, Picture

Array = NDArray[np.float64]

_SCAN, _ROW, _LEAST = 2.6, 0.36, 0.35  # inches: the scan, a row of ticks, smallest height of the difference
_SURE_VOTE = 2.0  # change of the log odds with the full colour
_LABELLED = 4  # number of unexplained peaks labelled with d
_NEAR = 0.15  # degrees within which a marked peak has its maximum
_CALCULATED, _UNEXPLAINED, _AGAINST = "#D62728", "#A0307A", "#BBBBBB"
_PAPER: dict[str, Any] = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5}
_TITLE: dict[str, Any] = {"fontsize": 10, "parse_math": False}


def fitted_figure(picture: Picture) -> Figure:
    """Scan and fit over 2θ as measured, the fitted line positions of each phase, and observed - calculated.

    Intensities are drawn as square roots. Counting noise is then as high on a peak as between peaks, and the weak lines
    that decide on minor phases are visible. Where network and fit disagree, a band below the ticks of the phase shows
    which parts of the scan supported it for the network (colour) or spoke against it (grey).
    """
    low, high = _reach(picture)
    difference = _difference(picture)
    heights = [_SCAN] + [_ROW * len(picture.layers)] * bool(picture.layers)
    if difference is not None:
        reach = float(np.nanmax(difference) - np.nanmin(difference))
        heights.append(max(_LEAST, 1.1 * reach / (high - low) * _SCAN))  # on the scale of the scan
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.9), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _draw_scan(axes[0], picture)
    if picture.layers:
        _draw_rows(axes[1], picture)
    if difference is not None:
        _draw_difference(axes[-1], picture.two_theta, difference, heights[-1] / _SCAN * (high - low))
    axes[0].set_title(title(picture.name, picture.said), loc="left", **_TITLE)
    axes[0].set_xlim(picture.two_theta[0], picture.two_theta[-1])
    label_angle(axes[-1], picture.wavelength, None)
    return figure


def _difference(picture: Picture) -> Array | None:
    """√measured - √calculated, nan in holes of the scan; None where no phase was fitted."""
    if picture.calculated is None:
        return None
    difference = np.full(len(picture.observed), np.nan)
    for part in picture.measured:
        difference[part] = _root(picture.observed[part]) - _root(picture.calculated[part])
    return difference


def _root(values: Array) -> Array:
    return np.sqrt(np.maximum(values, 0))


def _curves(picture: Picture) -> list[Array]:
    """Measured, background, and calculated where a phase was fitted."""
    return [one for one in (picture.observed, picture.background, picture.calculated) if one is not None]


def _reach(picture: Picture) -> tuple[float, float]:
    """Lowest and highest square root of an intensity to draw."""
    drawn = _root(np.concatenate(_curves(picture)))
    low, high = float(drawn.min()), float(drawn.max())
    return low - 0.04 * (high - low), high + 0.12 * (high - low)


def _draw_scan(ax: Axes, picture: Picture) -> None:
    x = picture.two_theta
    points = np.concatenate([np.arange(part.start, part.stop) for part in picture.measured])
    dot: dict[str, Any] = {"linestyle": "", "marker": ".", "color": INK, "markeredgewidth": 0}
    ax.plot(x[points], _root(picture.observed[points]), markersize=2, **dot)
    shown = [Line2D([], [], markersize=5, label="measured", **dot)]
    if picture.calculated is not None:
        shown += ax.plot(x, _root(picture.calculated), color=_CALCULATED, linewidth=0.7, label="calculated")
    if picture.background is not None:
        style: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "dashes": (4, 2)}
        shown += ax.plot(x, _root(picture.background), label="background", **style)
    if picture.unexplained:
        shown += _mark_unexplained(ax, picture)
    ax.set_ylim(*_reach(picture))
    ax.set_ylabel("√intensity", fontsize=9)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(labelsize=8)
    ax.legend(handles=shown, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)


def _mark_unexplained(ax: Axes, picture: Picture) -> list[Line2D]:
    """A triangle over each unexplained peak; the strongest are labelled with d."""
    peaks, axis = picture.unexplained, picture.two_theta
    low, high = _reach(picture)
    near = round(_NEAR / picture.step)
    angles = np.array([peak.two_theta for peak in peaks])
    places = np.searchsorted(axis, angles)
    tops = [_root(picture.observed[max(0, i - near) : i + near + 1]).max() + 0.03 * (high - low) for i in places]
    line, placed = 0.045 * (high - low), list[tuple[float, float]]()
    for peak, top in sorted(zip(peaks, tops, strict=True), key=lambda one: -one[0].share)[:_LABELLED]:
        x, y = float(np.clip(peak.two_theta, *np.quantile(axis, [0.03, 0.97]))), float(top) + 0.67 * line
        while any(abs(x - other) < 0.06 * np.ptp(axis) and abs(y - height) < line for other, height in placed):
            y += line  # above the label of a neighbour
        ax.text(x, y, f"{peak.d:.2f} Å", color=_UNEXPLAINED, fontsize=6, ha="center", bbox=_PAPER)
        placed.append((x, y))
    style: dict[str, Any] = {"color": _UNEXPLAINED, "markersize": 3.5, "markeredgewidth": 0, "label": "unexplained"}
    return ax.plot(angles, tops, linestyle="", marker="v", **style)


def _draw_rows(ax: Axes, picture: Picture) -> None:
    """A labelled row of ticks for each phase; higher ticks for stronger lines."""
    first, last = float(picture.two_theta[0]), float(picture.two_theta[-1])
    votes = picture.disagreement.votes if picture.disagreement else {}
    for i, layer in enumerate(picture.layers):
        colour = COLOURS[i % len(COLOURS)] if layer.found else GREY
        _draw_row(ax, layer, -i, colour)
        if layer.phase in votes:
            _draw_vote(ax, votes[layer.phase], colour, (first, last, -i - 0.55, -i - 0.43))
    ax.set(ylim=(-len(picture.layers) + 0.4, 0.55), yticks=[])


def _draw_row(ax: Axes, layer: Layer, middle: float, colour: str) -> None:
    base, lines = middle - 0.4, layer.reflections
    ax.vlines(lines.two_theta, base, base + 0.25 + 0.55 * lines.strength, color=colour, linewidth=0.7)
    beside = blended_transform_factory(ax.transAxes, ax.transData)
    ax.annotate(layer.beside, (1.01, middle), xycoords=beside, color=colour, va="center", **(PLAIN | {"fontsize": 7}))


def _draw_vote(ax: Axes, vote: Array, colour: str, extent: tuple[float, float, float, float]) -> None:
    """A band, stronger where a part of the scan supported the phase more; grey where it spoke against the phase."""
    pixels = np.empty((1, len(vote), 4))
    pixels[0] = np.where(vote[:, None] > 0, to_rgba(colour if colour != GREY else INK), to_rgba(_AGAINST))
    pixels[0, :, 3] = np.minimum(np.abs(vote) / _SURE_VOTE, 1)
    ax.imshow(pixels, extent=extent, aspect="auto", interpolation="nearest")


def _draw_difference(ax: Axes, angle: Array, difference: Array, span: float) -> None:
    """Observed - calculated, on the scale of the scan."""
    middle = float(np.nanmax(difference) + np.nanmin(difference)) / 2
    ax.axhline(0, color=GREY, linewidth=0.5)
    ax.plot(angle, difference, color=INK, linewidth=0.5)
    ax.set(ylim=(middle - span / 2, middle + span / 2), yticks=[0])
    ax.annotate("√measured -\n√calculated", (1.01, 0.5), xycoords="axes fraction", va="center", **PLAIN)
