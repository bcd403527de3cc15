"""A fitted scan as crystallographers draw it: the scan and its fit, ticks for each phase, the difference beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.fit.residual import Peak
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.asked import Asked, library_of
from bragglens.identification.why import votes
from bragglens.learn.model import Model
from bragglens.report.figures import COLOURS, GREY, INK, PLAIN, WIDTH, label_angle, title
from bragglens.report.places import FAINT, placed_lines, refused
from bragglens.report.words import RELATIVE, named, percent, probability, shorten, weight
from bragglens.scan.prepare import convert
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

_SCAN, _ROW, _LEAST = 2.6, 0.36, 0.35  # inches: the scan, a row of ticks, the difference at least
_SURE_VOTE = 2.0  # change of the log odds that is drawn at full strength
_TOLD = 4  # unexplained peaks that get their d
_LABEL = 26  # letters beside a row
_NEAR = 0.15  # degrees within which a marked peak has its top
_CALCULATED, _UNEXPLAINED, _AGAINST = "#D62728", "#A0307A", "#BBBBBB"
_PAPER: dict[str, Any] = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5}
_TITLE: dict[str, Any] = {"fontsize": 10, "parse_math": False}


@dataclass(frozen=True)
class Row:
    """A phase beneath the scan.

    Attributes:
        label: name and what is known of it.
        colour: of its ticks.
        two_theta: where its lines are, in degrees, with the fitted cell, zero and displacement.
        area: of the lines, in an arbitrary unit.
        vote: which parts of the scan spoke for it (`why.vote`) on the axis of the fit, or None to leave it out.
    """

    label: str
    colour: str
    two_theta: Array
    area: Array
    vote: Array | None = None


def fitted_figure(answer: Identification, fit: Fit, model: Asked | None) -> Figure:
    """Scan and fit over 2θ as measured, the lines of each phase where the fit has them, and observed - calculated.

    Intensities are drawn as their square roots, in which counting noise is as high on a peak as beneath it and the weak
    lines that decide on minor phases can be seen. Where network and fit disagree, a band beneath the phase's ticks
    shows which parts of the scan the network took to speak for it (colour) or against it (grey).
    """
    rows = _rows(answer, fit, model)
    low, high = _reach(fit)
    difference = np.where(fit.measured, _root(fit.observed) - _root(fit.calculated), np.nan)  # no line across a hole
    reach = float(np.nanmax(difference) - np.nanmin(difference))
    span = 1.1 * reach / (high - low) * _SCAN  # in inches, on the scale of the scan
    heights = [_SCAN] + [_ROW * len(rows)] * bool(rows) + [max(_LEAST, span)] * bool(fit.names)
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.9), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _draw_scan(axes[0], answer, fit)
    if rows:
        _draw_rows(axes[1], rows, fit)
    if fit.names:
        _draw_difference(axes[-1], fit.two_theta, difference, heights[-1] / _SCAN * (high - low))
    said = f"{answer.verdict}" + (f", Rwp {percent(answer.rwp)}" if fit.names else "")
    axes[0].set_title(title(Path(answer.file).name, said), loc="left", **_TITLE)
    axes[0].set_xlim(fit.two_theta[0], fit.two_theta[-1])
    label_angle(axes[-1], fit.instrument.lines[0].wavelength, None)
    return figure


def line_positions(phase: Phase, instrument: Instrument, specimen: Specimen, stop: float) -> tuple[Array, Array]:
    """2θ in degrees where the lines of a phase are measured, and their areas, for the strongest line of the tube."""
    lines, _ = placed_lines(phase, instrument, specimen, stop)
    return lines.two_theta, lines.area


def _rows(answer: Identification, fit: Fit, model: Asked | None) -> list[Row]:
    """The phases found in the order of the answer, then what the network alone named, or comes nearest to."""
    network = answer.probabilities or {}
    others = refused(answer, fit) if model is not None else []
    doubted = [f.name for f in answer.phases if network.get(f.name, 1.0) < answer.policy.named] + others
    told = _votes(answer, fit, model, doubted)
    states = dict(zip(fit.names, fit.specimens, strict=True))
    usual = Specimen(displacement=fit.specimens[0].displacement if fit.specimens else 0.0)
    labels = {f.name: _label(f) for f in answer.phases}
    labels |= {f.name: f"{shorten(f.name, _LABEL)}\n{RELATIVE}" for f in answer.relatives}
    labels |= {name: f"{shorten(name, _LABEL)}\nnetwork alone, p {probability(network[name])}" for name in others}
    library = library_of(model) if model is not None else ()
    phases = {phase.name: phase for phase in (*library, *fit.phases)}
    rows = []
    for i, (name, label) in enumerate(labels.items()):
        stop = float(fit.two_theta[-1])
        position, area = line_positions(phases[name], fit.instrument, states.get(name, usual), stop)
        inside = (position >= fit.two_theta[0]) & (position <= stop)
        colour = COLOURS[i % len(COLOURS)] if name in states else GREY
        rows.append(Row(label, colour, position[inside], area[inside], told.get(name)))
    return rows


def _label(finding: Finding) -> str:
    """A phase with its rivals, or their number where they are too long, and its figures."""
    others = f"{shorten(finding.name, _LABEL - 12)} or {len(finding.rivals)} others"
    name = named(finding) if len(named(finding)) <= _LABEL or len(finding.rivals) < 2 else others
    figures = ", ".join(part for part in (weight(finding), f"p {probability(finding.probability)}") if part)
    return f"{shorten(name, _LABEL)}\n{figures}"


def _votes(answer: Identification, fit: Fit, model: Asked | None, names: Sequence[str]) -> dict[str, Array]:
    """Votes of the network for some phases on the axis of the fit."""
    pattern = answer.pattern
    if not names or pattern is None or not isinstance(model, Model):
        return {}
    angle = convert(fit.two_theta, fit.instrument.lines[0].wavelength, model.preparation.wavelength)
    grid = pattern.grid.two_theta
    rows = votes(pattern, model, names)
    return {name: np.interp(angle, grid, row, left=0.0, right=0.0) for name, row in zip(names, rows, strict=True)}


def _root(values: Array) -> Array:
    return np.sqrt(np.maximum(values, 0))


def _reach(fit: Fit) -> tuple[float, float]:
    """Lowest and highest root of an intensity to draw."""
    drawn = _root(np.concatenate([fit.observed, fit.calculated, fit.background]))
    low, high = float(drawn.min()), float(drawn.max())
    return low - 0.04 * (high - low), high + 0.12 * (high - low)


def _draw_scan(ax: Axes, answer: Identification, fit: Fit) -> None:
    x = fit.two_theta
    dot: dict[str, Any] = {"linestyle": "", "marker": ".", "color": INK, "markeredgewidth": 0}
    ax.plot(x[fit.measured], _root(fit.observed[fit.measured]), markersize=2, **dot)
    shown = [Line2D([], [], markersize=5, label="measured", **dot)]
    if fit.names:
        shown += ax.plot(x, _root(fit.calculated), color=_CALCULATED, linewidth=0.7, label="calculated")
    shown += ax.plot(x, _root(fit.background), color=GREY, linewidth=0.7, dashes=(4, 2), label="background")
    if answer.unexplained_peaks:
        shown += _mark_unexplained(ax, answer.unexplained_peaks, fit)
    ax.set_ylim(*_reach(fit))
    ax.set_ylabel("√intensity", fontsize=9)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(labelsize=8)
    ax.legend(handles=shown, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)


def _mark_unexplained(ax: Axes, peaks: Sequence[Peak], fit: Fit) -> list[Line2D]:
    """A triangle over each peak that no phase explains, the strongest with their d."""
    low, high = _reach(fit)
    near = round(_NEAR / float(fit.two_theta[1] - fit.two_theta[0]))
    angles = np.array([peak.two_theta for peak in peaks])
    places = np.searchsorted(fit.two_theta, angles)
    tops = np.array([_root(fit.observed[max(0, i - near) : i + near + 1]).max() for i in places]) + 0.03 * (high - low)
    line, told = 0.045 * (high - low), list[tuple[float, float]]()
    for peak, top in sorted(zip(peaks, tops, strict=True), key=lambda one: -one[0].share)[:_TOLD]:
        x, y = float(np.clip(peak.two_theta, *np.quantile(fit.two_theta, [0.03, 0.97]))), float(top) + 0.67 * line
        while any(abs(x - other) < 0.06 * np.ptp(fit.two_theta) and abs(y - height) < line for other, height in told):
            y += line  # above the label of a neighbour
        ax.text(x, y, f"{peak.d:.2f} Å", color=_UNEXPLAINED, fontsize=6, ha="center", bbox=_PAPER)
        told.append((x, y))
    style: dict[str, Any] = {"color": _UNEXPLAINED, "markersize": 3.5, "markeredgewidth": 0, "label": "unexplained"}
    return ax.plot(angles, tops, linestyle="", marker="v", **style)


def _draw_rows(ax: Axes, rows: Sequence[Row], fit: Fit) -> None:
    """A row of ticks for each phase, the higher the stronger its lines, the label beside it."""
    first, last = float(fit.two_theta[0]), float(fit.two_theta[-1])
    beside = blended_transform_factory(ax.transAxes, ax.transData)
    for i, row in enumerate(rows):
        strength = np.sqrt(row.area / row.area.max(initial=1e-300))
        seen = strength > np.sqrt(FAINT)
        base = -i - 0.4
        ax.vlines(row.two_theta[seen], base, base + 0.25 + 0.55 * strength[seen], color=row.colour, linewidth=0.7)
        ax.annotate(row.label, (1.01, -i), xycoords=beside, color=row.colour, va="center", **(PLAIN | {"fontsize": 7}))
        if row.vote is not None:
            _draw_vote(ax, row.vote, row.colour, (first, last, base - 0.15, base - 0.03))
    ax.set(ylim=(-len(rows) + 0.4, 0.55), yticks=[])


def _draw_vote(ax: Axes, vote: Array, colour: str, extent: tuple[float, float, float, float]) -> None:
    """A band that is the stronger the more a part of the scan spoke for the phase, grey where it spoke against it."""
    pixels = np.empty((1, len(vote), 4))
    pixels[0] = np.where(vote[:, None] > 0, to_rgba(colour if colour != GREY else INK), to_rgba(_AGAINST))
    pixels[0, :, 3] = np.minimum(np.abs(vote) / _SURE_VOTE, 1)
    ax.imshow(pixels, extent=extent, aspect="auto", interpolation="nearest")


def _draw_difference(ax: Axes, angle: Array, difference: Array, span: float) -> None:
    """Observed less calculated, on the scale of the scan."""
    middle = float(np.nanmax(difference) + np.nanmin(difference)) / 2
    ax.axhline(0, color=GREY, linewidth=0.5)
    ax.plot(angle, difference, color=INK, linewidth=0.5)
    ax.set(ylim=(middle - span / 2, middle + span / 2), yticks=[0])
    ax.annotate("√measured -\n√calculated", (1.01, 0.5), xycoords="axes fraction", va="center", **PLAIN)
