"""A fit as columns of text (.xye): what was measured, what was calculated, and each phase's part."""

from __future__ import annotations

import re

import numpy as np

from bragglens import __version__
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Identification
from bragglens.report.words import assumptions, cell_constants, clean, quality, size, weight


def columns_text(answer: Identification, fit: Fit) -> str:
    """Text of 2θ, measured counts, their standard deviation, calculated counts, background, and a column a phase.

    Programs that read .xye take the first three columns: the measured scan. The background is not in the phases'
    columns; background and phases add up to the calculated counts. Lines of the header begin with #.
    """
    titles = ["2theta", "obs", "sigma", "calc", "background", *(re.sub(r"\s", "_", clean(n)) for n in fit.names)]
    columns = [fit.two_theta, fit.observed, fit.noise, fit.calculated, fit.background, *fit.patterns]
    rows = [" ".join(_number(value) for value in row) for row in np.column_stack(columns)]
    return "\n".join([f"# {line}" for line in (*_header(answer, fit), "  ".join(titles))] + rows) + "\n"


def _header(answer: Identification, fit: Fit) -> list[str]:
    """What the columns are of."""
    lines = [f"bragglens {__version__}: {clean(answer.file)}: {answer.verdict}", quality(answer)]
    lines.append(f"assumed: {'; '.join(said for said in assumptions(answer) if not said.startswith('wavelength'))}")
    lines.append(f"wavelength = {fit.instrument.lines[0].wavelength:.7f} A")  # once, as readers take none of two
    for one in answer.phases:
        figures = [weight(one), f"size {size(one.size, one.size_error)} nm", *cell_constants(one.cell)]
        lines.append(f"phase {clean(one.name)}: {', '.join(part for part in figures if part)}")
    return lines


def _number(value: float) -> str:
    return f"{value:.7g}"
