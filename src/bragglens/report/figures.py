"""Figures: scans with what was found in them, and patterns, as pictures for papers.

Figures are made with matplotlib's objects alone, so that no window, global state or display is needed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from bragglens.crystal.library import Library
from bragglens.crystal.reflections import Reflections
from bragglens.errors import BragglensError
from bragglens.identify.identification import Identification
from bragglens.learn.model import Model
from bragglens.report.words import nearest, probability, shorten, weight, write_file
from bragglens.scan.pattern import Grid, Pattern
from bragglens.simulate.instrument import Instrument, Line, emission
from bragglens.simulate.reference import Sticks, sticks
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

# Okabe & Ito (2008), "Color Universal Design": distinct to colour-blind eyes; without its yellow, too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, GREY = "#222222", "#767676"
WIDTH = 7.2  # inches: the full width of a page of most journals
MOST = 12  # patterns that one figure can hold and stay readable
FORMATS = (".png", ".svg", ".pdf")
_PLAIN: dict[str, Any] = {"fontsize": 8, "parse_math": False}  # names may hold $, which would be read as TeX


@dataclass(frozen=True)
class _Candidate:
    """A phase to draw beneath a scan: its lines, and its clean pattern where measured, with a strongest point of 1."""

    label: str
    colour: str
    accepted: bool
    lines: Sticks
    clean: NDArray[np.float64]


def identification_figure(answer: Identification, model: Model) -> Figure:
    """The scan on the model's grid; beneath it the lines of each phase found, or of the nearest where none was.

    Raises:
        BragglensError: the answer holds no scan, as it could not be judged.
    """
    if answer.pattern is None:
        raise BragglensError(f"{answer.file}: there is no scan to draw, as it could not be judged: leave it out")
    candidates = _candidates(answer, answer.pattern, model)
    figure = Figure(figsize=(WIDTH, 3.0 + 0.5 * len(candidates)), layout="constrained")
    heights = [5.0] + [1.0] * len(candidates)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _draw_scan(axes[0], answer.pattern, candidates)
    for ax, candidate in zip(axes[1:], candidates, strict=True):
        _draw_lines(ax, candidate)
    title = f"{shorten(Path(answer.file).name, 70)}: {answer.verdict}"
    axes[0].set_title(title, loc="left", fontsize=10, parse_math=False)
    label_angle(axes[-1], model.preparation.wavelength, answer.wavelength)
    axes[0].set_xlim(*_span(answer.pattern))
    return figure


def ideal_patterns_figure(library: Library, grid: Grid, lines: tuple[Line, ...]) -> Figure:
    """Calculated patterns of the phases of a library, stacked, each with the hkl of its strongest line."""
    phases = library.phases[:MOST]
    crystals = reflections_in_range(phases, lines, grid)
    patterns = render_phases(crystals, Instrument(lines), [Specimen()] * len(phases), grid)
    figure = Figure(figsize=(WIDTH, 1.2 + 0.55 * len(phases)), layout="constrained")
    ax = figure.subplots()
    for row, (phase, crystal, pattern) in enumerate(zip(phases, crystals, patterns, strict=True)):
        base, colour = 1.3 * (len(phases) - 1 - row), COLOURS[row % len(COLOURS)]
        ax.plot(grid.two_theta, base + pattern, color=colour, linewidth=0.8)
        ax.annotate(shorten(phase.name, 24), (1.01, base), xycoords=ax.get_yaxis_transform(), color=colour, **_PLAIN)
        found = within(sticks(crystal, wavelength=lines[0].wavelength), grid.start, grid.stop)
        if found.area.size:
            top = int(found.area.argmax())
            ax.text(found.two_theta[top], base + 1.03, hkl_text(found.hkl[top], crystal), fontsize=7, ha="center")
    ax.set(xlim=(grid.start, grid.stop), ylim=(-0.1, 1.3 * len(phases)), yticks=[])
    ax.set_ylabel("Intensity, each scaled to 1", fontsize=9)
    if len(library) > MOST:
        ax.set_title(f"The first {MOST} of {len(library)} phases", loc="left", fontsize=10)
    label_angle(ax, lines[0].wavelength, None)
    return figure


def samples_figure(intensity: NDArray[np.floating], labels: Sequence[str], grid: Grid) -> Figure:
    """Patterns side by side, each with its label; of more than twelve, the first twelve."""
    count = min(len(intensity), MOST)
    columns = min(count, 3)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.4 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for ax, sample, label in zip(axes, intensity, labels, strict=False):
        ax.plot(grid.two_theta, sample, color=INK, linewidth=0.6)
        ax.set_title(shorten(label, 24), loc="left", fontsize=8, parse_math=False)
        ax.set(xlim=(grid.start, grid.stop), yticks=[])
        ax.tick_params(labelsize=8)
    for ax in axes[count:]:
        ax.set_visible(False)
    # The panel above a hidden one is the last of its column, and must show the angles in its place.
    for ax in axes[max(count - columns, 0) : count]:
        ax.tick_params(labelbottom=True)
    figure.supxlabel("2θ (°)", fontsize=9)
    figure.supylabel("Intensity, each on its own scale", fontsize=9)
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format that the file's ending names.

    Raises:
        BragglensError: the ending is of no known format, or the file cannot be written there.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise BragglensError(f"{path}: no figure can be written as '{suffix}': end the name in {', '.join(FORMATS)}")
    write_file(figure_bytes(figure, suffix), path)


def figure_bytes(figure: Figure, suffix: str, dpi: float = 200) -> bytes:
    """A figure as the content of a file; the same figure gives the same bytes."""
    content = io.BytesIO()
    # Journals take no Type 3 fonts; the salt and the missing date keep files equal from run to run.
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.hashsalt": "bragglens"}):
        undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
        figure.savefig(content, format=suffix.lstrip("."), dpi=dpi, metadata=undated, facecolor="white")
    return content.getvalue()


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
    ax.annotate(candidate.label, (1.01, 0.1), xycoords="axes fraction", color=candidate.colour, **_PLAIN)


def _span(pattern: Pattern) -> tuple[float, float]:
    """First and last angle that was measured."""
    angle = pattern.grid.two_theta[pattern.covered]
    return float(angle[0]), float(angle[-1])


def within(lines: Sticks, start: float, stop: float) -> Sticks:
    """The lines from `start` to `stop` in degrees."""
    inside = (lines.two_theta >= start) & (lines.two_theta <= stop)
    return Sticks(lines.hkl[inside], lines.d[inside], lines.two_theta[inside], lines.area[inside])


def label_angle(ax: Axes, wavelength: float, measured: float | None) -> None:
    """Name the 2θ axis with its wavelength, and the scan's own where it was converted."""
    first = {anode: emission(f"{anode}Ka1")[0].wavelength for anode in ("Cr", "Fe", "Co", "Cu", "Mo", "Ag")}
    tube = "".join(f"{anode} Kα₁, " for anode, line in first.items() if abs(line - wavelength) < 3e-4)
    text = f"2θ (°), {tube}λ = {wavelength:.4f} Å"
    if measured is not None and abs(measured / wavelength - 1) > 1e-3:
        text += f", converted from {measured:.4f} Å"
    ax.set_xlabel(text, fontsize=9)
    ax.tick_params(labelsize=8)


def hkl_text(indices: NDArray[np.float64], crystal: Reflections) -> str:
    """Miller indices as crystallographers write them: of all equivalents that with the fewest minus, 101 before 011."""
    row = int(np.flatnonzero((crystal.hkl == indices).all(axis=1))[0])
    equivalents = crystal.equivalents[crystal.first_equivalent[row] : crystal.first_equivalent[row + 1]]
    best = max((*equivalents.tolist(), *(-equivalents).tolist()), key=lambda hkl: (sum(i >= 0 for i in hkl), hkl))
    digits = [rf"\overline{{{-i}}}" if i < 0 else f"{i}" for i in best]
    return "$" + (r"\," if any(i < 0 or i > 9 for i in best) else "").join(digits) + "$"
