"""Figure of a calibration."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bragglens.fit.calibrate import Calibration, fwhm
from bragglens.report.figures import COLOURS, GREY, INK, WIDTH
from bragglens.report.words import shorten


def calibration_figure(calibration: Calibration) -> Figure:
    """The scan and its fit, the difference, FWHM over angle, and the errors of the line positions."""
    figure = Figure(figsize=(WIDTH, 6.4), layout="constrained")
    scan, difference, width, error = figure.subplots(4, 1, sharex=True, height_ratios=[3, 1, 1, 1])
    _draw_fit(scan, difference, calibration)
    angles = np.linspace(calibration.two_theta[0], calibration.two_theta[-1], 300)
    width.plot(angles, fwhm(calibration.instrument, angles), color=COLOURS[0])
    width.set_ylabel("FWHM (°)")
    width.set_ylim(bottom=0)
    error.axhline(0, color=GREY, linewidth=0.6)
    error.plot(calibration.line_angles, calibration.line_errors, "o", markersize=3, color=COLOURS[1])
    error.set_ylabel("measured -\ncertified (°)")
    error.set_xlabel("2θ (°)")
    scan.set_title(shorten(calibration.instrument.name, 90), loc="left", fontsize=10, parse_math=False)
    return figure


def _draw_fit(scan: Axes, difference: Axes, calibration: Calibration) -> None:
    """Draw √counts, where counting noise is as high on a peak as between peaks. Gaps of the scan stay open."""
    x, observed, calculated = calibration.two_theta, calibration.observed, calibration.calculated
    gaps = np.flatnonzero(np.diff(x) > 10 * np.median(np.diff(x))) + 1
    for values, style in ((observed, {"color": INK, "linewidth": 0.8}), (calculated, {"color": COLOURS[1]})):
        rows = np.insert(np.sqrt(np.maximum(values, 0)), gaps, np.nan)
        label = "measured" if values is observed else "fitted"
        scan.plot(np.insert(x, gaps, np.nan), rows, label=label, **({"linewidth": 0.6} | style))
    scan.set_ylabel("√counts")
    scan.legend(frameon=False, fontsize=8)
    scan.set_xlim(x[0], x[-1])
    misfit = (observed - calculated) / np.sqrt(np.maximum(observed, 1))
    difference.plot(np.insert(x, gaps, np.nan), np.insert(misfit, gaps, np.nan), color=GREY, linewidth=0.5)
    difference.set_ylabel("misfit / σ")
