"""Page: the answers for a batch of scans as one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.figure import Figure

from bragglens.identify.identification import Identification
from bragglens.identify.identify import THRESHOLD
from bragglens.learn.model import Model
from bragglens.report.details import figures_of
from bragglens.report.figures import figure_bytes
from bragglens.report.words import (
    amorphous,
    assumptions,
    cell_constants,
    clean,
    fractions_of,
    limits,
    named,
    percent,
    probability,
    quality,
    sentence,
    short_names,
    weight,
)

TOP = 5  # phases in the table of probabilities
_LISTED = 30  # phases of the library that are named; a longer list tells a reader nothing
_DPI = 150  # sharp on screens and in print, a tenth of the size of an SVG

# What of a recipe a chemist asks for first: its name there, words, unit. The model file holds the rest.
_RECIPE = (
    ("wavelength", "X-rays", ""),
    ("phases", "phases in a sample, rounded down", ""),
    ("strangers", "share of samples with a foreign phase", ""),
    ("size", "crystallite size", "nm"),
    ("microstrain", "microstrain Δd/d", ""),
    ("dilation", "change of all axes together", ""),
    ("strain", "lattice strain besides", ""),
    ("march", "texture, March-Dollase r", ""),
    ("resolution", "instrumental width", "°"),
    ("zero", "zero error", "°"),
    ("displacement", "specimen displacement", "mm"),
    ("background", "background over strongest peak", ""),
    ("counts", "counts at the strongest peak", ""),
)

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #666; }
@media (prefers-color-scheme: dark) { :root { --soft: #aaa; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1rem; }
body { overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: .9rem; color: var(--soft); }
.wide { overflow-x: auto; font-size: .85rem; } .wide td { white-space: nowrap; }
.wide td:first-child, .wide td:last-child { white-space: normal; min-width: 5.5rem; }
summary { cursor: pointer; color: var(--soft); }
th, td { padding: .2rem 1.5rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .2rem 1.5rem; } dd { margin: 0; }
dt, .soft { color: var(--soft); }
td a, dd { overflow-wrap: anywhere; }
figure { margin: 1rem 0; overflow-x: auto; }
img { width: 100%; min-width: 36rem; height: auto; background: white; border-radius: 4px; }
.verdict { font-weight: 600; border-left: .5rem solid var(--mark); padding-left: .75rem; }
.known, .mixture { --mark: #009e73; } .partly { --mark: #e69f00; }
.unknown { --mark: #cc79a7; } .error { --mark: #d55e00; }
.wide th, .wide td { padding-right: .8rem; } .wide table { margin: .5rem 0; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } td { padding-right: .7rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } img { min-width: 0; } }
@media print { section { break-inside: avoid; } }
"""


def report_page(
    identifications: Sequence[Identification],
    figures: Sequence[Figure | None],
    *,
    title: str,
    intro: str,
    model: Model,
) -> str:
    """One HTML page with the answer, the figure and the assumptions for each scan.

    Args:
        identifications: the answers.
        figures: one for each answer; None where there is nothing to draw.
        title: of the page.
        intro: what it is about; a blank line begins a new paragraph.
        model: the model that answered.
    """
    names = short_names([one.file for one in identifications], 60)
    scans = [
        _scan(i, name, one, figure)
        for i, (name, one, figure) in enumerate(zip(names, identifications, figures, strict=True), start=1)
    ]
    overview = _overview(names, identifications) if len(identifications) > 1 else ""
    paragraphs = "".join(f"<p>{_text(part)}</p>\n" for part in intro.split("\n\n") if part.strip())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{_text(title)}</h1>\n{paragraphs}</header>\n<main>\n{overview}{''.join(scans)}</main>\n"
        f"{_assumptions(model)}</body>\n</html>\n"
    )


def _text(value: object) -> str:
    """Any value as text that HTML takes literally, in attributes too; line breaks become blanks."""
    return html.escape(clean(" ".join(str(value).split())))


def _overview(names: Sequence[str], identifications: Sequence[Identification]) -> str:
    rows = [
        [f'<a href="#scan-{i}">{_text(name)}</a>', _text(one.verdict or "error"), _text(_found(one))]
        for i, (name, one) in enumerate(zip(names, identifications, strict=True), start=1)
    ]
    return f'<nav aria-label="Scans">\n{_table("", ("scan", "verdict", "phases"), rows)}</nav>\n'


def _found(answer: Identification) -> str:
    return ", ".join(f"{named(finding)} {weight(finding)}".rstrip() for finding in answer.phases) or "–"


def _named(answer: Identification) -> str:
    return ", ".join(finding.name for finding in answer.phases) or "–"


def _scan(number: int, name: str, answer: Identification, figure: Figure | None) -> str:
    """The section of one scan: verdict, figure, phases, what is left, and what had to be assumed about the file."""
    mark = (answer.verdict or "error").split()[0]
    verdict = f'<p class="verdict {mark}">{_text(sentence(answer))}</p>'
    parts = [f'<section id="scan-{number}">\n<h2>{_text(name)}</h2>\n{verdict}\n']
    if figure is not None:
        image = base64.b64encode(figure_bytes(figure, ".png", dpi=_DPI)).decode("ascii")
        about = _text(f"Measured scan {name} with the calculated lines of {_named(answer)}")
        parts.append(f'<figure><img alt="{about}" src="data:image/png;base64,{image}"></figure>\n')
    if answer.rwp is not None:
        parts.append(_fit(answer))
    if answer.probabilities:
        table = _probabilities(answer, answer.probabilities)
        parts.append(table if answer.rwp is None else _folded("The network's opinion alone", table))
    parts.append("".join(f'<p class="soft">{_text(note)}</p>\n' for note in _notes(answer)))
    return "".join(parts) + "</section>\n"


_PHASES = ("phase", "wt%", "probability", "network", "evidence", "R", "Rwp without", "size nm", "cell Å, °")
_PHASES_MEAN = (
    "Network: its probability alone. Evidence: what the fit loses without the phase, in standard deviations squared. "
    "R: what the fit misses under the phase's own lines. Rwp without: of the fit of the other phases."
)


def _fit(answer: Identification) -> str:
    """What the fit says: its phases, how good it is, what it leaves, what it would have seen."""
    said = (quality(answer), amorphous(answer))
    sentences = "".join(f"<p>{_text(line)}.</p>\n" for line in said if line)
    return _fitted_phases(answer) + sentences + _unexplained(answer) + _limits(answer.detection_limits or {})


def _fitted_phases(answer: Identification) -> str:
    if not answer.phases:
        return ""
    rows = [(named(one), *figures_of(one), ", ".join(cell_constants(one.cell))) for one in answer.phases]
    table = _table("", _PHASES, (map(_text, row) for row in rows))
    return f'<div class="wide">{table}</div>\n<p class="soft">{_text(fractions_of(answer))}. {_PHASES_MEAN}</p>\n'


def _unexplained(answer: Identification) -> str:
    """The peaks that no phase explains, folded away where they are many."""
    if not answer.unexplained_peaks:
        return ""
    rows = [[f"{p.two_theta:.2f}", f"{p.d:.3f}", percent(p.share)] for p in answer.unexplained_peaks]
    summary = f"Unexplained: {percent(answer.unexplained)} of the intensity of all peaks"
    table = _table("Shares of the intensity of all peaks", ("2θ °", "d Å", "share"), rows)
    return _folded(f"{summary}, {len(rows)} peaks", table) if len(rows) > TOP else f"<p>{_text(summary)}.</p>\n{table}"


def _limits(wt_percent: dict[str, float]) -> str:
    rows = [(_text(name), f"{value:.1f}") for name, value in sorted(wt_percent.items(), key=lambda one: one[1])]
    return _folded(f"Detection limits: {limits(wt_percent)}", _table("", ("phase", "wt%"), rows)) if rows else ""


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{_text(summary)}</summary>\n{content}</details>\n"


def _notes(answer: Identification) -> Iterable[str]:
    if answer.error is None:
        yield f"Assumed: {'; '.join(assumptions(answer))}."
    yield from (f"On reading: {note}." for note in answer.notes)


def _probabilities(answer: Identification, values: dict[str, float]) -> str:
    """The network's opinion, the most probable first."""
    ranked = sorted(values, key=lambda name: -values[name])
    rows = [[_text(name), _text(probability(values[name]))] for name in ranked[:TOP]]
    if answer.stranger is not None:
        rows.append(["<em>something else</em>", _text(probability(answer.stranger))])
    few = len(values) <= TOP
    caption = "Phases of the library" if few else f"The most probable {TOP} of {len(values)} phases of the library"
    return _table(caption, ("phase", "probability"), rows)


def _table(caption: str, heading: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    said = f"<caption>{_text(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in heading)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>{said}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _assumptions(model: Model) -> str:
    """What every answer of the page rests on."""
    grid, names = model.preparation.grid, model.library.names
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    entries = {
        "Model": f"{model.name}, network {model.network_name}",
        "Library": f"{len(names)} phases: {listed} (SHA-256 {model.library.hash[:12]}…)",
        "Axis": f"{grid.start:g}–{grid.stop:g}° 2θ in steps of {grid.step:g}° at {model.preparation.wavelength:.5g} Å",
        "A phase is named": f"from a probability of {THRESHOLD:g} on; only phases of the library can be named",
        "Trained on": "; ".join(_recipe(model.recipe)) or "not known",
        "Scores": _pairs({key.replace("_", " "): f"{value:.4g}" for key, value in model.scores.items()}),
        "Versions": _pairs(model.versions),
    }
    items = "".join(f"<dt>{_text(key)}</dt><dd>{_text(value)}</dd>\n" for key, value in entries.items())
    return f"<footer>\n<section>\n<h2>What was assumed</h2>\n<dl>\n{items}</dl>\n</section>\n</footer>\n"


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items()) or "not known"


def _recipe(recipe: dict[str, Any]) -> list[str]:
    """The recipe in brief: a phrase for each entry that a chemist asks for first."""
    return [f"{words} {_range(recipe[key])} {unit}".rstrip() for key, words, unit in _RECIPE if key in recipe]


def _range(value: Any) -> str:
    """A distribution, as `Recipe.to_dict` writes it, in a few signs."""
    if not isinstance(value, dict):
        return str(value)
    ((kind, numbers),) = value.items()
    return (" ± " if kind == "Normal" else "–").join(f"{number:g}" for number in numbers.values())
