"""Series: scans of one sample as it changes, side by side, with the phases of each below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification
from bragglens.report.figures import COLOURS, GREY, INK, PLAIN, WIDTH
from bragglens.report.trace import LEAST, Trace, same_axis
from bragglens.report.words import shorten

Array = NDArray[np.float64]

_DRAWN = 6  # phases with a colour of their own, those with the largest fraction in any scan


def series_figure(answers: Sequence[Identification], traces: Sequence[Trace | None]) -> Figure:
    """A map of √intensity over 2θ and scan; below it weight fractions with errors, then the unexplained share.

    Scans are placed at their temperature or time if all files state it and it rises or falls throughout. Otherwise they
    are placed by their number. Where the network alone was used, probabilities replace fractions.

    Args:
        answers: in the order of the series.
        traces: the trace of each answer (`trace_of`); None leaves a gap.

    Raises:
        BragglensError: there are fewer than three scans, or their ranges of 2θ differ.
    """
    if not same_axis(traces):
        raise BragglensError(
            f"these {len(answers)} scans do not form a series: give at least {LEAST} that can be identified, "
            "over one range of 2θ"
        )
    place, label = _places(answers)
    figure = Figure(figsize=(WIDTH, 6.0), layout="constrained")
    fitted = any(answer.rwp is not None for answer in answers)
    axes = figure.subplots(3 if fitted else 2, 1, sharex=True, height_ratios=[3, 1.6, 0.7][: 3 if fitted else 2])
    _draw_map(axes[0], place, traces)
    _draw_phases(axes[1], place, answers, fitted)
    if fitted:
        _draw_unexplained(axes[2], place, answers)
    axes[-1].set_xlabel(label, fontsize=9)
    for ax in axes:
        ax.tick_params(labelsize=8)
    return figure


def _places(answers: Sequence[Identification]) -> tuple[Array, str]:
    """Position of each scan on the axis of the series, and the label of the axis."""
    temperature = [_number(_stated(answer, "temperature")) for answer in answers]
    if (places := _usable(temperature)) is not None:
        return places, "temperature, as the files state it"
    started = [_time(_stated(answer, "started")) for answer in answers]
    if (places := _usable(started)) is not None:
        hours = (places - places[0]) / 3600
        return (hours, "time (h)") if np.ptp(hours) >= 3 else (60 * hours, "time (min)")
    return np.arange(1.0, len(answers) + 1), "scan"


def _stated(answer: Identification, key: str) -> str:
    return next((value for name, value in answer.metadata.items() if name.lower() == key), "")


def _number(text: str) -> float | None:
    try:
        return float(text.split()[0])
    except (IndexError, ValueError):
        return None


def _time(text: str) -> float | None:
    """Seconds of a date and time in ISO 8601; the order of day and month in other notations is not known."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _usable(values: Sequence[float | None]) -> Array | None:
    """Values as an axis if all are known and they rise or fall throughout."""
    known = np.array([value for value in values if value is not None])
    steps = np.diff(known)
    return known if len(known) == len(values) and ((steps > 0).all() or (steps < 0).all()) else None


def _draw_map(ax: Axes, place: Array, traces: Sequence[Trace | None]) -> None:
    first = next(trace for trace in traces if trace is not None)
    rows = [np.full(first.intensity.size, np.nan) if trace is None else trace.intensity for trace in traces]
    root = np.sqrt(np.maximum(np.array(rows), 0)).T
    low, high = np.nanquantile(root, [0.01, 0.998])  # the strongest points would make everything else dark
    angle = np.linspace(first.start, first.stop, first.intensity.size)
    mesh = ax.pcolormesh(
        _edges(place), _edges(angle), root, cmap="magma_r", vmin=low, vmax=max(high, low + 1e-9), rasterized=True
    )
    bar = ax.get_figure(root=True).colorbar(mesh, cax=ax.inset_axes((1.01, 0, 0.02, 1)))  # type: ignore[union-attr]
    bar.set_label("√intensity", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    ax.set_ylabel("2θ (°)", fontsize=9)


def _edges(middles: Array) -> Array:
    """Edges of cells with the given centres."""
    between = (middles[1:] + middles[:-1]) / 2
    return np.concatenate([[2 * middles[0] - between[0]], between, [2 * middles[-1] - between[-1]]])


def _draw_phases(ax: Axes, place: Array, answers: Sequence[Identification], fitted: bool) -> None:
    """The fraction of each phase in each scan, connected where it was found in successive scans."""
    largest: dict[str, float] = {}
    for answer in answers:
        for one in answer.phases:
            largest[one.name] = max(largest.get(one.name, 0.0), one.weight_percent or one.probability)
    drawn = sorted(largest, key=lambda name: -largest[name])
    for i, name in enumerate(drawn):
        found = [next((f for f in answer.phases if f.name == name), None) for answer in answers]
        value = [None if f is None else (f.weight_percent if fitted else f.probability) for f in found]
        error = [np.nan if f is None else f.weight_percent_error or 0.0 for f in found]
        colour = COLOURS[i] if i < min(_DRAWN, len(COLOURS)) else GREY
        label = shorten(name, 24) if i < _DRAWN else ("others" if i == _DRAWN else None)
        style: dict[str, Any] = {"color": colour, "markersize": 3, "linewidth": 0.8, "elinewidth": 0.6, "capsize": 0}
        ax.errorbar(place, np.array(value, float), np.array(error, float), marker="o", label=label, **style)
    ax.set_ylabel("wt%" if fitted else "probability", fontsize=9)
    ax.set_ylim(*((-4, 108) if fitted else (-0.04, 1.08)))
    if drawn:
        legend = ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(PLAIN["parse_math"])


def _draw_unexplained(ax: Axes, place: Array, answers: Sequence[Identification]) -> None:
    share = [np.nan if answer.unexplained is None else 100 * answer.unexplained for answer in answers]
    ax.plot(place, share, color=INK, marker="o", markersize=2.5, linewidth=0.8)
    ax.set_ylim(0, max(10.0, 1.1 * np.nanmax(share, initial=0.0)))
    ax.set_ylabel("unexpl. %", fontsize=9)
