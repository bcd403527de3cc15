"""Section: the part of a page about one scan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bragglens.fit.residual import Peak
from bragglens.identification.answer import LEAST_SHOWN, Identification
from bragglens.report.candidates import HEADINGS, MANY, candidate_rows, could_be, why_rows
from bragglens.report.details import figures_of
from bragglens.report.drawing import drawing
from bragglens.report.markup import markup
from bragglens.report.payload import payload
from bragglens.report.picture import picture_of
from bragglens.report.words import (
    amorphous,
    assumptions,
    cell_constants,
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

TOP = 5  # rows of a table that is shown; a longer one is folded


def section(answer: Identification, number: int) -> Markup:
    """Verdict, phases, plot, rivals, unexplained peaks, detection limits and assumptions.

    Args:
        answer: of one scan, with its patterns if it is to be plotted.
        number: of the scan on its page, from 1.
    """
    fitted = answer.rwp is not None
    return markup(
        "section.html",
        number=number,
        name=Path(answer.file).name or answer.file,
        mark=(answer.verdict or "error").split()[0],
        sentence=sentence(answer),
        **phases_found(answer),
        plot=_plot(answer),
        fit=_fit(answer) if fitted else [],
        unexplained=_unexplained(answer) if fitted else None,
        limits=_limits(answer) if fitted else None,
        proof=[(named(one), *figures_of(one)) for one in answer.phases] if fitted else [],
        why=[(named(one), rows) for one in answer.phases if (rows := why_rows(one))],
        candidates=candidate_rows(answer, MANY),
        headings=HEADINGS,
        network=_network(answer),
        notes=list(_notes(answer)),
    )


def phases_found(answer: Identification) -> dict[str, Any]:
    """Values for `phases.html`: the phases of a fit with fractions, cells and sizes; empty without a fit."""
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
    return {"phases": rows if answer.rwp is not None else [], "fractions_of": fractions_of(answer)}


def _plot(answer: Identification) -> dict[str, str] | None:
    picture = picture_of(answer)
    if picture is None:
        return None
    phases = ", ".join(finding.name for finding in answer.phases) or "no phase"
    about = f"{Path(answer.file).name}: the scan over 2θ with {phases}; measured, calculated and difference"
    return {"drawing": drawing(picture, about), "payload": payload(picture)}


def _fit(answer: Identification) -> list[str]:
    """Further results of the fit in sentences: quality, amorphous content, refinement and rivals."""
    return [line for line in (quality(answer), amorphous(answer), refined(answer), *_rivals(answer)) if line]


def _rivals(answer: Identification) -> Iterator[str]:
    for one in answer.phases:
        if one.rivals:
            others = " or ".join(one.rivals)
            yield f"{one.name} and {others} explain this scan about equally well: use the elements to distinguish them"


def _unexplained(answer: Identification) -> dict[str, Any] | None:
    """The unexplained peaks; folded if there are many."""
    if not answer.unexplained_peaks:
        return None
    strongest = sorted(answer.unexplained_peaks, key=lambda peak: -peak.share)
    summary, many = f"Unexplained: {percent(answer.unexplained)} of the intensity of all peaks", len(strongest) > TOP
    count = f", {len(strongest)} peaks, the strongest first" if many else ""
    return {"summary": summary + count, "many": many, "peaks": [_peak(answer, peak) for peak in strongest]}


def _peak(answer: Identification, peak: Peak) -> tuple[str, str, str, str]:
    return f"{peak.two_theta:.2f}", f"{peak.d:.3f}", percent(peak.share), could_be(answer, peak)


def _limits(answer: Identification) -> dict[str, Any] | None:
    ranked = sorted((answer.detection_limits or {}).items(), key=lambda one: one[1])
    rows = [(name, f"{value:.1f}") for name, value in ranked]
    return {"summary": f"Detection limits: {limits_asked(answer)}", "rows": rows} if rows else None


def _network(answer: Identification) -> dict[str, Any] | None:
    """The probabilities of the network, the largest first; folded where there is a fit."""
    values = answer.probabilities
    if not values:
        return None
    ranked = sorted((name for name in values if values[name] >= LEAST_SHOWN), key=lambda name: -values[name])
    few = len(values) <= TOP
    return {
        "caption": "Phases of the library"
        if few
        else f"The most probable {TOP} of {len(values)} phases of the library",
        "rows": [(name, probability(values[name])) for name in ranked[:TOP]],
        "stranger": None if answer.stranger is None else probability(answer.stranger),
        "folded": answer.rwp is not None,
    }


def _notes(answer: Identification) -> Iterator[str]:
    if answer.error is None:
        yield f"Assumed: {'; '.join(assumptions(answer))}."
    yield from (f"Note: {note}." for note in answer.notes)
