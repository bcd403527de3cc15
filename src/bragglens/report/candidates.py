"""Candidates: the phases that were considered, what speaks for and against each, and why an answer is not certain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bragglens.fit.residual import Peak
from bragglens.identification.answer import Considered, Finding, Identification
from bragglens.identification.considered import NEAR
from bragglens.report.words import clean, columns, percent, probability

FEW = 10  # candidates on the terminal
MANY = 20  # on a page
HEADINGS = ("candidate", "formula", "space group", "before the fit", "result", "lines", "absent at 2θ °")
FEATURES = {
    "evidence": "support by the scan, ln",
    "residual": "R of its lines",
    "strain": "largest change of its lattice",
    "cell": "agreement of its lattice with the library, ln",
    "precision": "error of its lattice",
    "lines_there": "share of its expected intensity that is there",
    "missing_line": "strongest missing line",
    "lines": "number of its lines, ln",
    "margin": "lead over the best rival, ln",
    "rivals": "what rivals leave it, ln",
    "unexplained": "unexplained share of the scan",
    "share": "its share of the intensity",
    "phases": "phases in the fit",
    "texture": "its texture index, ln",
    "scatter": "scatter of its lines",
    "model_error": "model error of the scan, ln",
    "frequency": "how often it is met, ln",
    "identity": "it against other compounds of its type with this lattice, ln",
    "foreign_elements": "elements that no other phase has",
    "matcher": "line matching, ln odds",
    "network": "network, ln odds",
}
_NAMES = 3  # phases beside a peak
_SHOWN = 0.1  # ln odds; smaller shares are not listed


def print_candidates(answers: Sequence[Identification], *, console: Console) -> None:
    """Print the best candidates of each answer."""
    for answer in answers:
        if not answer.candidates:
            continue
        rows = columns(*((heading, "left") for heading in HEADINGS), console=console)
        for row in candidate_rows(answer, FEW):
            rows.add_row(*map(Text, row))
        console.print(Text(f"candidates of {clean(Path(answer.file).name)}"))
        console.print(rows)


def candidate_rows(answer: Identification, most: int) -> list[tuple[str, ...]]:
    """A row for each of the best candidates, in the order of HEADINGS."""
    return [
        (
            clean(one.name),
            clean(one.formula),
            clean(one.space_group),
            probability(one.network),
            _result(one),
            f"{len(one.lines_for)} of {len(one.lines_for) + len(one.lines_against)}",
            " ".join(f"{place:.2f}" for place in one.lines_against[:4]),
        )
        for one in answer.candidates[:most]
    ]


def _result(one: Considered) -> str:
    if one.worse is not None:
        return f"in place of {clean(one.instead_of)}: worse by {one.worse:.0f}"
    if one.explains is not None:
        return f"would explain {percent(one.explains)} of what is unexplained"
    return one.state if one.probability is None else f"{one.state}, {probability(one.probability)}"


def could_be(answer: Identification, peak: Peak) -> str:
    """The phases with a line near an unexplained peak, of those that would explain a part of what is unexplained."""
    near = [
        clean(one.name)
        for one in answer.candidates
        if one.explains is not None and any(abs(place - peak.two_theta) < NEAR for place in one.lines_for)
    ]
    return ", ".join(near[:_NAMES])


def why_rows(finding: Finding) -> list[tuple[str, str, str]]:
    """The features of a phase with a share in its probability: name, value, and ln odds, the largest first."""
    rows = sorted((one for one in finding.why if abs(one.log_odds) >= _SHOWN), key=lambda one: -abs(one.log_odds))
    return [(FEATURES.get(one.name, one.name), f"{one.value:.3g}", f"{one.log_odds:+.1f}") for one in rows]
