"""Drawing: a picture as a small SVG of the whole scan, for printing and for browsers without scripts.

The scripts of the page (`draw.js`) draw the same at any zoom. Both take their colours from `page.css`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from bragglens.report.markup import markup
from bragglens.report.picture import Layer, Picture
from bragglens.report.words import shorten

Array = NDArray[np.float64]
Path = tuple[str, str]  # its class in page.css, and its path data

WIDTH, LEFT, RIGHT, TOP = 900, 56, 10, 8  # pixels: the drawing and its margins
MAIN, ROW, DIFFERENCE, FOOT = 300, 30, 70, 40  # pixels: scan, row of a phase, difference, axis
COLOURS = 6  # colours of the phases, used in turn; see page.css
_COLUMN = 1.5  # pixels; a curve within such a column is drawn as one vertical line
_FINE = 2  # coordinate steps in a pixel
_LABEL = 60  # longest label of a phase in characters


@dataclass(frozen=True)
class _Scale:
    """From 2θ and the square root of intensity to pixels."""

    start: float
    stop: float
    low: float
    high: float

    def x(self, angle: Array) -> Array:
        return LEFT + (angle - self.start) / (self.stop - self.start) * (WIDTH - LEFT - RIGHT)

    def y(self, root: Array) -> Array:
        return TOP + MAIN * (self.high - root) / (self.high - self.low)


def drawing(picture: Picture, about: str) -> Markup:
    """The picture as an SVG element; `about` describes it in words."""
    height = TOP + MAIN + ROW * len(picture.layers) + DIFFERENCE * (picture.calculated is not None) + FOOT
    scale = _scale(picture)
    return markup(
        "drawing.svg",
        about=about,
        width=WIDTH,
        height=height,
        left=LEFT,
        top=TOP,
        bottom=height - FOOT,
        middle=(LEFT + WIDTH - RIGHT) / 2,
        scale=f"{1 / _FINE:g}",
        angles=_angles(scale),
        intensities=_intensities(scale),
        paths=_paths(picture, scale),
        labels=[_label(layer, i) for i, layer in enumerate(picture.layers)],
    )


def colour(layer: Layer, place: int) -> str:
    """Name of the colour of a layer in page.css."""
    return f"p{place % COLOURS}" if layer.found else "none"


def root(values: Array) -> Array:
    """Square root of intensities, so that noise has the same height everywhere; negative ones stay negative."""
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def _scale(picture: Picture) -> _Scale:
    curves = [c for c in (picture.observed, picture.calculated, picture.background) if c is not None]
    low, high = min(root(c).min() for c in curves), max(root(c).max() for c in curves)
    air = max(high - low, 1e-9)
    angle = picture.two_theta
    return _Scale(float(angle[0]), float(angle[-1]), float(low - 0.03 * air), float(high + 0.08 * air))


def _angles(scale: _Scale) -> list[dict[str, str]]:
    """Labels of the 2θ axis and their positions."""
    ticks = even_ticks(scale.start, scale.stop, 9)
    return [{"x": f"{x:.1f}", "text": f"{angle:g}"} for angle, x in zip(ticks, scale.x(ticks), strict=True)]


def _intensities(scale: _Scale) -> list[dict[str, str]]:
    """Labels of the intensity axis and their positions."""
    ticks = np.array(root_ticks(scale.low, scale.high))
    return [
        {"y": f"{y + 4:.1f}", "text": f"{value:g}"} for value, y in zip(ticks, scale.y(np.sqrt(ticks)), strict=True)
    ]


def even_ticks(low: float, high: float, most: int) -> Array:
    """At most `most` round numbers from low to high."""
    step = 10 ** np.floor(np.log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    return np.round(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step, 10)


def root_ticks(low: float, high: float) -> list[float]:
    """Round intensities whose square roots lie between low and high, with enough distance."""
    decades = 10.0 ** np.arange(-3, np.ceil(np.log10(max(high, 1.0) ** 2)) + 1)
    chosen: list[float] = []
    for value in (0.0, *np.outer(decades, (1, 2, 5)).ravel()):
        far = not chosen or np.sqrt(value) - np.sqrt(chosen[-1]) > (high - low) / 11
        if max(low, 0.0) <= np.sqrt(value) <= high and far:
            chosen.append(float(value))
    return chosen


def _paths(picture: Picture, scale: _Scale) -> list[Path]:
    """All paths: curves, ticks, the difference, marks."""
    paths = _curves(picture, scale) + [_ticks(layer, i, scale) for i, layer in enumerate(picture.layers)]
    if picture.calculated is not None:
        paths += _difference(picture, picture.calculated, scale)
    return [path for path in (*paths, _marks(picture, scale)) if path[1]]


def _curves(picture: Picture, scale: _Scale) -> list[Path]:
    x, background = scale.x(picture.two_theta), picture.background
    paths = []
    if background is not None:
        base = scale.y(root(background))
        for i, layer in enumerate(picture.layers):
            if layer.pattern is not None:
                curve = scale.y(root(background + layer.pattern))
                paths.append((f"area {colour(layer, i)}", _area(x, base, curve)))
        paths.append(_path("background", x, base))
    paths.append(_path("observed", x, scale.y(root(picture.observed)), picture.measured))
    if picture.calculated is not None:
        paths.append(_path("calculated", x, scale.y(root(picture.calculated))))
    return paths


def _area(x: Array, base: Array, curve: Array) -> str:
    """The area of a phase above the background, where it is visible."""
    seen = np.flatnonzero(base - curve > 0.5)
    parts = []
    for part in np.split(seen, np.flatnonzero(np.diff(seen) > 1) + 1):
        if part.size > 1:
            there = [points[0] for points in _columns(x[part], curve[part])]
            few = part[np.linspace(part.size - 1, 0, 2 + part.size // 80).astype(int)]  # a background changes slowly
            back = list(zip(x[few].tolist(), base[few].tolist(), strict=True))
            parts.append(_steps([*there, *back]) + "z")
    return "".join(parts)


def _path(kind: str, x: Array, y: Array, parts: Sequence[slice] = (slice(None),)) -> Path:
    return kind, "".join(_steps(_outline(x[part], y[part])) for part in parts)


def _outline(x: Array, y: Array) -> list[tuple[float, float]]:
    """For each narrow column of a curve its lowest and highest point in their order."""
    return [point for ends in _columns(x, y) for point in sorted(set(ends))]


def _columns(x: Array, y: Array) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The highest and the lowest point of each narrow column of a curve."""
    starts = np.flatnonzero(np.diff(np.floor(x / _COLUMN), prepend=-1))
    ends = []
    for first, end in zip(starts, [*starts[1:], len(x)], strict=True):
        high, low = (first + int(find(y[first:end])) for find in (np.argmin, np.argmax))
        ends.append(((float(x[high]), float(y[high])), (float(x[low]), float(y[low]))))
    return ends


def _steps(points: Sequence[tuple[float, float]]) -> str:
    """A path through points in relative integer steps, the shortest text."""
    whole = np.round(np.array(points) * _FINE).astype(int)
    moves = " ".join(map(str, np.diff(whole, axis=0).ravel().tolist()))
    return f"M{whole[0, 0]} {whole[0, 1]}l{moves}"


def _ticks(layer: Layer, place: int, scale: _Scale) -> Path:
    """A row of ticks; higher ticks for stronger lines."""
    foot = (TOP + MAIN + ROW * (place + 1) - 2) * _FINE
    places = np.round(scale.x(layer.reflections.two_theta) * _FINE).astype(int)
    heights = np.round((3 + 10 * layer.reflections.strength) * _FINE).astype(int)
    tallest = dict(sorted(zip(places.tolist(), heights.tolist(), strict=True)))
    return f"ticks {colour(layer, place)}", "".join(f"M{x} {foot}v-{h}" for x, h in tallest.items())


def _label(layer: Layer, place: int) -> dict[str, Any]:
    text = f"{shorten(layer.name, _LABEL)}  {layer.remark}"
    return {"text": text, "y": TOP + MAIN + ROW * place + 13, "colour": colour(layer, place)}


def _difference(picture: Picture, calculated: Array, scale: _Scale) -> list[Path]:
    """Measured minus calculated, on the scale of the scan if there is space."""
    middle = TOP + MAIN + ROW * len(picture.layers) + DIFFERENCE / 2
    values = root(picture.observed) - root(calculated)
    largest = max(float(np.abs(values).max()), 1e-9)
    factor = min(MAIN / (scale.high - scale.low), (DIFFERENCE / 2 - 4) / largest)
    x = scale.x(picture.two_theta)
    zero = f"M{LEFT * _FINE} {middle * _FINE:g}H{(WIDTH - RIGHT) * _FINE}"
    return [("grid", zero), _path("difference", x, middle - factor * values, picture.measured)]


def _marks(picture: Picture, scale: _Scale) -> Path:
    """A triangle over each unexplained peak."""
    places = [round((peak.two_theta - picture.start) / picture.step) for peak in picture.unexplained]
    parts = []
    for place, peak in zip(places, picture.unexplained, strict=True):
        near = root(picture.observed[max(0, place - 5) : place + 6])
        x, y = scale.x(np.array(peak.two_theta)), scale.y(near.max(initial=0.0)) - 4
        parts.append(f"M{round(float(x) * _FINE)} {round(float(y) * _FINE)}l-8-12h16z")
    return "mark", "".join(parts)
