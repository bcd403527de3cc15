"""Section: all that a page says of one scan."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bragglens.fit.residual import Peak
from bragglens.identification.answer import LEAST_SHOWN, Identification
from bragglens.report.details import figures_of
from bragglens.report.drawing import drawing
from bragglens.report.markup import folded, literal, table
from bragglens.report.payload import payload
from bragglens.report.picture import picture_of
from bragglens.report.words import (
    amorphous,
    assumptions,
    cell_constants,
    clean,
    fractions_of,
    limits_asked,
    named,
    percent,
    probability,
    quality,
    refined,
    sentence,
    size,
    spread,
)

TOP = 5  # rows of a table that is shown; a longer one is folded away
_PHASES = ("phase", "formula", "space group", "wt%", "cell Å, °", "size nm", "probability")
_PROOF = ("phase", "wt%", "probability", "network", "evidence", "R", "Rwp without", "size nm")
_PROOF_MEANS = (
    "Network: its probability alone. Evidence: what the fit loses without the phase, in standard deviations squared. "
    "R: what the fit misses under the phase's own lines. Rwp without: of the fit of the other phases."
)


def section(answer: Identification, number: int) -> str:
    """Verdict, phases, plot, rivals, what is left, what would have been seen, and what the answer rests on.

    Args:
        answer: of one scan, with its patterns where it is to be drawn.
        number: of the scan on its page, from 1.
    """
    mark = (answer.verdict or "error").split()[0]
    name = Path(answer.file).name or answer.file
    parts = [
        f'<section id="scan-{number}">\n<h2>{literal(name)}</h2>\n',
        f'<p class="verdict {mark}">{literal(sentence(answer))}</p>\n',
        phases_table(answer),
        _plot(answer, number),
        _fit(answer) if answer.rwp is not None else "",
        _network(answer),
        *(f'<p class="soft">{literal(note)}</p>\n' for note in _notes(answer)),
    ]
    return "".join(parts) + "</section>\n"


def phases_table(answer: Identification) -> str:
    """The phases of a fit with fractions, cells and sizes; nothing where there are none."""
    if not answer.phases or answer.rwp is None:
        return ""
    rows = [
        (
            named(one),
            one.formula,
            one.space_group,
            spread(one.weight_percent, one.weight_percent_error),
            ", ".join(cell_constants(one.cell)),
            size(one.size, one.size_error),
            probability(one.probability),
        )
        for one in answer.phases
    ]
    found = table("", _PHASES, (map(literal, row) for row in rows))
    return f'<div class="wide">{found}</div>\n<p class="soft">{literal(fractions_of(answer))}.</p>\n'


def _plot(answer: Identification, number: int) -> str:
    picture = picture_of(answer)
    if picture is None:
        return ""
    phases = ", ".join(finding.name for finding in answer.phases) or "no phase"
    about = f"{Path(answer.file).name}: the scan over 2θ with {phases}; measured, calculated and difference"
    return (
        f'<figure class="plot">\n<div class="frame">{drawing(picture, clean(about))}</div>\n'
        f'<script type="application/octet-stream" id="plot-{number}">{payload(picture)}</script>\n</figure>\n'
    )


def _fit(answer: Identification) -> str:
    """What the fit says beside its phases: how good it is, rivals, what it leaves, what it would have seen."""
    said = (quality(answer), amorphous(answer), refined(answer), *_rivals(answer))
    sentences = "".join(f"<p>{literal(line)}.</p>\n" for line in said if line)
    return sentences + _unexplained(answer) + _limits(answer) + _proof(answer)


def _rivals(answer: Identification) -> Iterable[str]:
    for one in answer.phases:
        if one.rivals:
            others = " or ".join(one.rivals)
            yield f"{one.name} and {others} explain this scan about as well: tell them apart by their elements"


def _unexplained(answer: Identification) -> str:
    """The peaks that no phase explains, folded away where they are many."""
    if not answer.unexplained_peaks:
        return ""
    strongest = sorted(answer.unexplained_peaks, key=lambda peak: -peak.share)
    summary = f"Unexplained: {percent(answer.unexplained)} of the intensity of all peaks"
    if len(strongest) > TOP:
        return folded(f"{summary}, {len(strongest)} peaks, the strongest first", _peaks(strongest), printed=True)
    return f"<p>{literal(summary)}.</p>\n{_peaks(strongest)}"


def _peaks(peaks: Iterable[Peak]) -> str:
    rows = [[f"{peak.two_theta:.2f}", f"{peak.d:.3f}", percent(peak.share)] for peak in peaks]
    return table("Shares of the intensity of all peaks", ("2θ °", "d Å", "share"), rows)


def _limits(answer: Identification) -> str:
    wt_percent = answer.detection_limits or {}
    rows = [(literal(name), f"{value:.1f}") for name, value in sorted(wt_percent.items(), key=lambda one: one[1])]
    return folded(f"Detection limits: {limits_asked(answer)}", table("", ("phase", "wt%"), rows)) if rows else ""


def _proof(answer: Identification) -> str:
    """What speaks for each phase, at hand and out of the way."""
    if not answer.phases:
        return ""
    rows = [(named(one), *figures_of(one)) for one in answer.phases]
    proof = table("", _PROOF, (map(literal, row) for row in rows))
    means = f'<p class="soft">{_PROOF_MEANS}</p>\n'
    return folded("What speaks for each phase", f'<div class="wide">{proof}</div>\n{means}', printed=True)


def _network(answer: Identification) -> str:
    """The network's opinion, the most probable first; folded away where a fit has decided."""
    values = answer.probabilities
    if not values:
        return ""
    ranked = sorted((name for name in values if values[name] >= LEAST_SHOWN), key=lambda name: -values[name])
    rows = [[literal(name), literal(probability(values[name]))] for name in ranked[:TOP]]
    if answer.stranger is not None:
        rows.append(["<em>something else</em>", literal(probability(answer.stranger))])
    few = len(values) <= TOP
    caption = "Phases of the library" if few else f"The most probable {TOP} of {len(values)} phases of the library"
    opinion = table(caption, ("phase", "probability"), rows)
    return opinion if answer.rwp is None else folded("The network's opinion alone", opinion)


def _notes(answer: Identification) -> Iterable[str]:
    if answer.error is None:
        yield f"Assumed: {'; '.join(assumptions(answer))}."
    yield from (f"Note: {note}." for note in answer.notes)
