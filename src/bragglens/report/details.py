"""Details: everything about one scan, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bragglens.identification.answer import Finding, Identification
from bragglens.report.candidates import could_be
from bragglens.report.words import (
    STYLES,
    amorphous,
    assumptions,
    cell_constants,
    clean,
    columns,
    fractions_of,
    limits_asked,
    named,
    percent,
    probability,
    quality,
    refined,
    sentence,
    short_names,
    size,
    solid_solutions,
    spread,
    structure,
    table,
)

SHOWN = 5  # unexplained peaks that are shown, the strongest; the JSON holds all
_WIDE = 120  # columns of a terminal at which a cell fits into one line
_COLUMNS = (
    "prob.: probability that the phase is present; before: the same before the fit; evid.: increase of χ² without it; "
    "R: misfit of its lines; without: Rwp without it; size in nm, cell in Å and °"
)


def print_answers(answers: Sequence[Identification], *, console: Console) -> None:
    """Print one fitted scan with all details, and several as a table."""
    if len(answers) == 1 and answers[0].rwp is not None:
        details(answers[0], console=console)
    else:
        table(answers, console=console)


def details(answer: Identification, *, console: Console) -> None:
    """Print a fitted scan: phases, quality of fit, detection limits, unexplained peaks and assumptions."""
    style = STYLES[answer.verdict] if answer.verdict else "red"
    console.print(Text.assemble(short_names([answer.file], console.width - 18)[0], "  ", (answer.verdict or "", style)))
    if answer.phases:
        console.print(_phases(answer, console))
        console.print(Text("; ".join(part for part in (fractions_of(answer), _COLUMNS) if part), "dim"))
        if answer.because:
            console.print(
                Text(f"not certain, because {clean(answer.because)}; would settle it: {clean(answer.settled_by)}")
            )
        for line in solid_solutions(answer):
            console.print(Text(line))
    else:
        console.print(Text(sentence(answer)))
    for line in (amorphous(answer), quality(answer), refined(answer), limits_asked(answer)):
        if line:
            console.print(Text(line))
    if answer.unexplained_peaks:
        console.print(Text(_peaks_heading(answer)))
        console.print(_peaks(answer, console))
    console.print(Text(f"assumed: {'; '.join(assumptions(answer))}", "dim"))
    for note in answer.notes:
        console.print(Text(clean(note), "dim"))


def _phases(answer: Identification, console: Console) -> Table:
    headings = ["wt%", "prob.", "before", "evid.", "R", "without", "size"]
    rows = columns(("phase", "left"), *((one, "right") for one in headings), ("cell", "left"), console=console)
    for one in answer.phases:
        constants = ("  " if console.width >= _WIDE else "\n").join(cell_constants(one.cell))
        phase = Text.assemble(named(one), (f"\n{structure(one)}" * bool(structure(one)), "dim"))
        rows.add_row(phase, *figures_of(one), constants)
    return rows


def figures_of(one: Finding) -> list[str]:
    """wt%, probability, network, evidence, R, Rwp without it and size in nm of a phase."""
    shares = [percent(value) for value in (one.residual, one.rwp_without)]
    network = "–" if one.network is None else probability(one.network)
    evidence = "–" if one.evidence is None else f"{one.evidence:.0f}"
    return [spread(one.weight_percent, one.weight_percent_error), probability(one.probability), network, evidence,
            *shares, size(one.size, one.size_error)]  # fmt: skip


def _peaks_heading(answer: Identification) -> str:
    count = len(answer.unexplained_peaks)
    some = f", the strongest {SHOWN} of {count} peaks" if count > SHOWN else ""
    return f"unexplained: {percent(answer.unexplained)} of the intensity of all peaks{some}"


def _peaks(answer: Identification, console: Console) -> Table:
    """The strongest unexplained peaks in the order of their angles."""
    rows = columns(("2θ °", "right"), ("d Å", "right"), ("share", "right"), ("could be", "left"), console=console)
    strongest = sorted(answer.unexplained_peaks, key=lambda peak: -peak.share)[:SHOWN]
    for peak in sorted(strongest, key=lambda peak: peak.two_theta):
        rows.add_row(f"{peak.two_theta:.2f}", f"{peak.d:.3f}", percent(peak.share), could_be(answer, peak))
    return rows
