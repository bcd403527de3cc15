"""A fit as columns of text (.xye): measured, calculated, and the part of each phase."""

from __future__ import annotations

import re

import numpy as np

from bragglens import __version__
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Identification
from bragglens.report.words import assumptions, cell_constants, clean, quality, size, weight


def columns_text(answer: Identification, fit: Fit) -> str:
    """Text of 2θ, measured counts, their standard deviation, calculated counts, background, and each phase.

    Programs that read .xye take the first three columns, the measured scan. The columns of the phases do not include
    the background; background and phases add up to the calculated counts. Header lines begin with #.
    """
    titles = ["2theta", "obs", "sigma", "calc", "background", *(re.sub(r"\s", "_", clean(n)) for n in fit.names)]
    columns = [fit.two_theta, fit.observed, fit.noise, fit.calculated, fit.background, *fit.patterns]
    rows = [" ".join(_number(value) for value in row) for row in np.column_stack(columns)]
    return "\n".join([f"# {line}" for line in (*_header(answer, fit), "  ".join(titles))] + rows) + "\n"


def _header(answer: Identification, fit: Fit) -> list[str]:
    """Header lines: the scan, quality of fit, assumptions, wavelength and phases."""
    lines = [f"bragglens {__version__}: {clean(answer.file)}: {answer.verdict}", quality(answer)]
    lines.append(f"assumed: {'; '.join(said for said in assumptions(answer) if not said.startswith('wavelength'))}")
    lines.append(f"wavelength = {fit.instrument.lines[0].wavelength:.7f} A")  # only once, as some readers reject two
    for one in answer.phases:
        figures = [weight(one), f"size {size(one.size, one.size_error)} nm", *cell_constants(one.cell)]
        lines.append(f"phase {clean(one.name)}: {', '.join(part for part in figures if part)}")
    return lines


def _number(value: float) -> str:
    return f"{value:.7g}"
