"""A scan with what was found in it, as a picture for papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification
from bragglens.identification.asked import Asked
from bragglens.learn.model import Model
from bragglens.report.figures import COLOURS, GREY, INK, PLAIN, WIDTH, label_angle, title
from bragglens.report.fitted import fitted_figure
from bragglens.report.places import within
from bragglens.report.words import nearest, probability, shorten, weight
from bragglens.scan.pattern import Pattern
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import Sticks, sticks
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen


@dataclass(frozen=True)
class _Candidate:
    """A phase to draw beneath a scan: its lines, and its clean pattern where measured, with a strongest point of 1."""

    label: str
    colour: str
    accepted: bool
    lines: Sticks
    clean: NDArray[np.float64]


def identification_figure(answer: Identification, model: Asked | None) -> Figure:
    """The scan with its fit (`fitted.fitted_figure`), or without one as the network saw it.

    Raises:
        BragglensError: the answer holds no scan, as it could not be judged, or no fit and no model is given.
    """
    if answer.fit is not None:
        return fitted_figure(answer, answer.fit, model)
    if answer.pattern is not None and model is None:
        raise BragglensError(f"{answer.file}: has no fit, and its phases are in the model: give the model to draw it")
    if answer.pattern is None or model is None or not isinstance(model, Model):
        raise BragglensError(f"{answer.file}: there is no scan to draw, as it could not be judged: leave it out")
    return _network_figure(answer, answer.pattern, model)


def _network_figure(answer: Identification, pattern: Pattern, model: Model) -> Figure:
    """The scan on the model's grid; beneath it the lines of each phase found, or of the nearest where none was."""
    candidates = _candidates(answer, pattern, model)
    figure = Figure(figsize=(WIDTH, 3.0 + 0.5 * len(candidates)), layout="constrained")
    heights = [5.0] + [1.0] * len(candidates)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _draw_scan(axes[0], pattern, candidates)
    for ax, candidate in zip(axes[1:], candidates, strict=True):
        _draw_lines(ax, candidate)
    axes[0].set_title(title(Path(answer.file).name, f"{answer.verdict}"), loc="left", fontsize=10, parse_math=False)
    label_angle(axes[-1], model.preparation.wavelength, answer.wavelength)
    axes[0].set_xlim(*_span(pattern))
    return figure


def _candidates(answer: Identification, pattern: Pattern, model: Model) -> list[_Candidate]:
    """What to draw beneath a scan: the phases found, or the most probable one."""
    close = nearest(answer)
    shown = answer.phases or ((close,) if close else ())
    if not shown:
        return []
    by_name = {phase.name: phase for phase in model.library}
    phases = [by_name[finding.name] for finding in shown]
    wavelength = model.preparation.wavelength
    lines = emission(str(model.recipe.get("wavelength", wavelength)))  # a doublet, where it was trained on one
    crystals = reflections_in_range(phases, lines, pattern.grid)
    rendered = render_phases(crystals, Instrument(lines), [Specimen()] * len(phases), pattern.grid)
    candidates = []
    for i, (finding, crystal) in enumerate(zip(shown, crystals, strict=True)):
        label = f"{shorten(finding.name, 24)}\n{probability(finding.probability)}  {weight(finding)}".rstrip()
        candidates.append(
            _Candidate(
                label=label if answer.phases else f"{label}\nnearest, not accepted",
                colour=COLOURS[i % len(COLOURS)] if answer.phases else GREY,
                accepted=bool(answer.phases),
                lines=within(sticks(crystal, wavelength=wavelength), *_span(pattern)),
                clean=rendered[i][pattern.covered] / max(rendered[i][pattern.covered].max(), 1e-9),
            )
        )
    return candidates


def _draw_scan(ax: Axes, pattern: Pattern, candidates: Sequence[_Candidate]) -> None:
    angle, measured = pattern.grid.two_theta[pattern.covered], pattern.intensity[pattern.covered]
    base, smooth = _background(measured, pattern.grid.step)
    ax.plot(angle, measured, color=INK, linewidth=0.7)
    for candidate in candidates:
        curve = base + _scale(candidate, smooth - base, pattern.grid.step) * candidate.clean
        visible = np.where(candidate.clean > 2e-3, curve, np.nan)  # no line along the background
        ax.fill_between(angle, base, curve, color=candidate.colour, alpha=0.25, linewidth=0)
        ax.plot(angle, visible, color=candidate.colour, linewidth=0.7, alpha=0.8)
    margin = 0.05 * (measured.max() - measured.min())
    ax.set_ylim(measured.min() - margin, measured.max() + 2 * margin)
    ax.set_ylabel("Intensity", fontsize=9)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(labelsize=8)
    shown = {"measured": INK}
    if candidates:
        shown["calculated,\nnot fitted"] = candidates[0].colour if len(candidates) == 1 else GREY
    handles = [Line2D([], [], color=colour, linewidth=1.2) for colour in shown.values()]
    ax.legend(handles, list(shown), loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)


def _background(measured: NDArray[np.float64], step: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A rough background to stand calculated patterns on, and the scan free of noise; for the eye alone."""
    smooth = gaussian_filter1d(measured, 0.05 / step)
    return gaussian_filter1d(minimum_filter1d(smooth, max(1, round(3 / step))), 1.0 / step), smooth


def _scale(candidate: _Candidate, net: NDArray[np.float64], step: float) -> float:
    """Height of the strongest line: the scan's there, a little shift allowed; a phase not found takes the tallest."""
    if not candidate.accepted:
        return float(net.max())
    peak, reach = int(candidate.clean.argmax()), round(0.4 / step)
    return max(0.0, float(net[max(0, peak - reach) : peak + reach + 1].max()))


def _draw_lines(ax: Axes, candidate: _Candidate) -> None:
    """A row of ticks at the Bragg angles, as high as the lines are strong."""
    area = candidate.lines.area
    height = area / area.max(initial=1e-300)
    ax.vlines(candidate.lines.two_theta, 0, height, color=candidate.colour, linewidth=1)
    ax.set(ylim=(0, 1.15), yticks=[])
    ax.tick_params(labelsize=8)
    ax.annotate(candidate.label, (1.01, 0.1), xycoords="axes fraction", color=candidate.colour, **PLAIN)


def _span(pattern: Pattern) -> tuple[float, float]:
    """First and last angle that was measured."""
    angle = pattern.grid.two_theta[pattern.covered]
    return float(angle[0]), float(angle[-1])
