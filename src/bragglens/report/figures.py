"""Figures: patterns for publications, and code that all figures share.

Figures use only the objects of matplotlib, so that no window, global state or display is needed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.report.words import shorten, write_file
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.clean import clean_patterns
from bragglens.simulate.instrument import Line, emission

# Okabe & Ito (2008), "Color Universal Design": distinct for colour-blind readers; without its yellow, too pale on
# white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, GREY = "#222222", "#767676"
WIDTH = 7.2  # inches: the full width of a page of most journals
_TITLE = 60  # characters of 10 points that fit over a scan, beside its legend
MOST = 12  # largest number of patterns in a readable figure
FORMATS = (".png", ".svg", ".pdf")
PLAIN: dict[str, Any] = {"fontsize": 8, "parse_math": False}  # names may contain $, which would be read as TeX


def title(name: str, said: str) -> str:
    """A title for a figure: after a long name the rest is in a second line."""
    whole = f"{shorten(name, _TITLE)}: {said}"
    return whole if len(whole) <= _TITLE else f"{shorten(name, _TITLE)}:\n{said}"


def scan_figure(scan: Scan) -> Figure:
    """A measured scan as it was read."""
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    ax = figure.subplots()
    ax.plot(scan.two_theta, scan.counts, color=INK, linewidth=0.7)
    ax.set_xlim(scan.two_theta[0], scan.two_theta[-1])
    ax.set_ylabel("Intensity", fontsize=9)
    ax.set_title(shorten(scan.name, _TITLE), loc="left", fontsize=10, parse_math=False)
    ax.tick_params(labelsize=8)
    if scan.wavelength is None:
        ax.set_xlabel("2θ (°)", fontsize=9)
    else:
        label_angle(ax, scan.wavelength, None)
    return figure


def ideal_patterns_figure(library: Library, grid: Grid, lines: tuple[Line, ...]) -> Figure:
    """Calculated patterns of the phases of a library, stacked, with the hkl of each strongest line."""
    patterns = clean_patterns(library.phases[:MOST], grid, lines)
    figure = Figure(figsize=(WIDTH, 1.2 + 0.55 * len(patterns)), layout="constrained")
    ax = figure.subplots()
    for row, one in enumerate(patterns):
        base, colour = 1.3 * (len(patterns) - 1 - row), COLOURS[row % len(COLOURS)]
        ax.plot(grid.two_theta, base + one.intensity, color=colour, linewidth=0.8)
        name = shorten(one.phase.name, 24)
        ax.annotate(name, (1.01, base), xycoords=ax.get_yaxis_transform(), color=colour, **PLAIN)
        if one.reflections.area.size:
            top = int(one.reflections.area.argmax())
            text = hkl_text(one.reflections.hkl[top].tolist())
            ax.text(one.reflections.two_theta[top], base + 1.03, text, fontsize=7, ha="center")
    ax.set(xlim=(grid.start, grid.stop), ylim=(-0.1, 1.3 * len(patterns)), yticks=[])
    ax.set_ylabel("Intensity, each scaled to 1", fontsize=9)
    if len(library) > MOST:
        ax.set_title(f"The first {MOST} of {len(library)} phases", loc="left", fontsize=10)
    label_angle(ax, lines[0].wavelength, None)
    return figure


def samples_figure(intensity: NDArray[np.floating], labels: Sequence[str], grid: Grid) -> Figure:
    """Patterns side by side with their labels; at most the first twelve."""
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
    # The panel above a hidden one is the last of its column and must show the angles.
    for ax in axes[max(count - columns, 0) : count]:
        ax.tick_params(labelbottom=True)
    figure.supxlabel("2θ (°)", fontsize=9)
    figure.supylabel("Intensity, each on its own scale", fontsize=9)
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format of the file extension.

    Raises:
        BragglensError: the extension is not a known format, or the file cannot be written.
    """
    check_figure(path)
    write_file(figure_bytes(figure, Path(path).suffix.lower()), path)


def check_figure(path: str | Path) -> None:
    """Refuse a figure that cannot be written, before any work.

    Raises:
        BragglensError: the extension is not a known format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise BragglensError(f"{path}: no figure can be written as '{suffix}': end the name in {', '.join(FORMATS)}")


def figure_bytes(figure: Figure, suffix: str, dpi: float = 200) -> bytes:
    """A figure as the content of a file; the same figure gives the same bytes."""
    content = io.BytesIO()
    # Journals reject Type 3 fonts. The fixed salt and the missing date keep files equal from run to run.
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.hashsalt": "bragglens"}):
        undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
        figure.savefig(content, format=suffix.lstrip("."), dpi=dpi, metadata=undated, facecolor="white")
    return content.getvalue()


def label_angle(ax: Axes, wavelength: float, measured: float | None) -> None:
    """Label the 2θ axis with its wavelength, and with that of the scan if it was converted."""
    first = {anode: emission(f"{anode}Ka1")[0].wavelength for anode in ("Cr", "Fe", "Co", "Cu", "Mo", "Ag")}
    tube = "".join(f"{anode} Kα₁, " for anode, line in first.items() if abs(line - wavelength) < 3e-4)
    text = f"2θ (°), {tube}λ = {wavelength:.4f} Å"
    if measured is not None and abs(measured / wavelength - 1) > 1e-3:
        text += f", converted from {measured:.4f} Å"
    ax.set_xlabel(text, fontsize=9)
    ax.tick_params(labelsize=8)


def hkl_text(hkl: Sequence[int]) -> str:
    """Miller indices in the usual notation, overbars in TeX."""
    digits = [rf"\overline{{{-i}}}" if i < 0 else f"{i}" for i in hkl]
    return "$" + (r"\," if any(i < 0 or i > 9 for i in hkl) else "").join(digits) + "$"
