"""Page: the answers for a batch of scans as one self-contained HTML file that makes no network requests."""

from __future__ import annotations

import base64
import hashlib
import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.extras import extra
from bragglens.identification.answer import Identification
from bragglens.identification.proposers import Proposer
from bragglens.identification.sources import Source, proposer_of
from bragglens.learn.model import Model
from bragglens.policy import DEFAULT, Policy
from bragglens.report.drawn import Drawn
from bragglens.report.markup import markup
from bragglens.report.section import section
from bragglens.report.trace import Trace, same_axis, trace_of
from bragglens.report.words import named, percent, short_names, weight, write_text

_SCRIPTS = ("unpack.js", "axis.js", "draw.js", "steer.js", "start.js")
_DPI = 170  # of the map of a series
_LISTED = 30  # number of phases of the library that are listed; the rest is counted
_USED = ("bragglens", "gemmi", "numpy", "onnxruntime", "scipy")  # packages whose versions may change an answer

# Most important entries of a recipe: name, description, unit. The model file holds the rest.
_RECIPE = (
    ("wavelength", "X-rays", ""),
    ("phases", "phases in a sample, rounded down", ""),
    ("strangers", "share of samples with a phase outside the library", ""),
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


def report_page(
    identifications: Sequence[Identification],
    asked: Source,
    *,
    title: str,
    intro: str = "",
    series: bool = False,
) -> str:
    """One HTML page with the answer, the plot and the assumptions of each scan.

    The same arguments give the same page. A content security policy in the page allows only its own scripts, so that it
    works from a file, by mail, and in a frame without an origin.

    Args:
        identifications: the answers; those that still hold their patterns are plotted.
        asked: the model or library that was used; None leaves out its description.
        title: of the page.
        intro: what the page is about; a blank line begins a new paragraph.
        series: whether the scans are one sample that changes; scans of one file are always taken as such.
    """
    sections = [section(answer, number) for number, answer in enumerate(identifications, start=1)]
    summary = overview(identifications, list(map(trace_of, identifications)), series=series)
    return "".join([opening(title, intro), summary, *sections, closing(asked, policy_in(identifications))])


def write_report(answer: Identification, path: Path, asked: Source) -> Path:
    """Write the page of one answer, with the title of its scan.

    Raises:
        BragglensError: as `check_report`; or the file cannot be written.
    """
    check_report(path)
    write_text(report_page([answer], asked, title=f"Phases in {Path(answer.file).name or answer.file}"), path)
    return path


def check_report(path: Path) -> None:
    """Refuse a file name that is not that of a page, before any work.

    Raises:
        BragglensError: the name does not end in .html.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise BragglensError(f"{path}: a report is an HTML page: end the name in .html")


def opening(title: str, intro: str) -> Markup:
    """The page up to its first section."""
    style, script = _part("page.css"), _script()
    policy = f"default-src 'none'; style-src '{_sha256(style)}'; script-src '{_sha256(script)}'; img-src data:"
    paragraphs = [part for part in intro.split("\n\n") if part.strip()]
    own = {"style": Markup(style), "script": Markup(script), "policy": Markup(policy)}
    return markup("opening.html", title=title, paragraphs=paragraphs, **own)


def policy_in(identifications: Sequence[Identification]) -> Policy:
    """The thresholds of the answers of one page, which are the same for all of them."""
    return identifications[0].policy if identifications else DEFAULT


def closing(asked: Source, policy: Policy) -> Markup:
    """The page after its last section: model, library, thresholds and versions."""
    entries = {} if asked is None else _described(proposer_of(asked), policy)
    return markup("closing.html", entries=entries | _versions())


def overview(identifications: Sequence[Identification], traces: Sequence[Trace | None], *, series: bool) -> Markup:
    """A row for each scan with a link to its section, and the map of a series; empty for one scan.

    Args:
        identifications: the trace of each answer (`trace.trace_of`).
        traces: of each, `trace.trace_of`.
        series: whether the scans are one sample that changes; scans of one file are always taken as such.
    """
    if len(identifications) < 2:
        return Markup()
    names = short_names([one.file for one in identifications], 60)
    rows = [
        (name, one.verdict or "error", _found(one), left(one)) for name, one in zip(names, identifications, strict=True)
    ]
    shown = _map(identifications, traces) if series or _of_one_file(identifications) else Drawn()
    return markup("overview.html", map=shown, heading=("scan", "verdict", "phases", "unexplained"), rows=rows)


def left(answer: Identification) -> str:
    """The unexplained share as text."""
    return "" if answer.unexplained is None else percent(answer.unexplained)


def _of_one_file(identifications: Sequence[Identification]) -> bool:
    return len({one.file.rpartition("#")[0] or one.file for one in identifications}) == 1


def _map(identifications: Sequence[Identification], traces: Sequence[Trace | None]) -> Drawn:
    """The map of a series; none where the scans have different ranges."""
    if not same_axis(traces):
        return Drawn()
    try:
        with extra("plots", "the map of this series"):
            from bragglens.report.figures import figure_bytes
            from bragglens.report.series import series_figure
    except BragglensError as error:  # the page is complete without it
        return Drawn(error=str(error))
    return Drawn.of(figure_bytes(series_figure(identifications, traces), ".png", dpi=_DPI))


def _found(answer: Identification) -> str:
    if answer.error:
        return answer.error
    return ", ".join(f"{named(finding)} {weight(finding)}".rstrip() for finding in answer.phases) or "–"


@cache
def _part(name: str) -> str:
    return (files("bragglens") / "report" / name).read_text(encoding="utf-8")


def _script() -> str:
    return "\n".join(map(_part, _SCRIPTS))


def _sha256(text: str) -> str:
    """Hash of a style or script for the Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _described(who: Proposer, policy: Policy) -> dict[str, str]:
    own = _of_model(who.network) if who.network else _of_library(who)
    verdicts = {
        "A phase is named": f"its probability is at least {policy.named:g}; only phases of the library can be named",
        "Known, or mixture": f"the whole answer has a probability of at least {policy.sure:g}; else tentative",
        "Partly unknown": f"more than {policy.most_unexplained:.0%} of the peak intensity is unexplained by the fit",
    }
    changed = {"Thresholds of your own": _pairs({name: f"{value:g}" for name, value in policy.changed().items()})}
    return own | verdicts | (changed if policy.changed() else {})


def _of_library(who: Proposer) -> dict[str, str]:
    return {
        "Candidates": f"{who.identity}, by the matcher and the fit",
        "Library": _phases(who.library),
    }


def _of_model(model: Model) -> dict[str, str]:
    grid = model.preparation.grid
    return {
        "Model": f"{model.name}, network {model.network_name}",
        "Library": _phases(model.library),
        "Axis of the network": f"{grid.start:g}–{grid.stop:g}° 2θ in steps of {grid.step:g}° at "
        f"{model.preparation.wavelength:.5g} Å",
        "Trained on": "; ".join(_recipe(model.recipe)) or "not known",
        "Scores": _pairs({key.replace("_", " "): f"{value:.4g}" for key, value in model.scores.items()}),
        "Trained with": _pairs(model.versions),
    }


def _phases(library: Library) -> str:
    names = library.names
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return f"{len(names)} phases: {listed} (SHA-256 {library.hash})"


def _versions() -> dict[str, str]:
    return {"Answered with": _pairs({name: version(name) for name in _USED} | {"Python": platform.python_version()})}


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items()) or "not known"


def _recipe(recipe: dict[str, Any]) -> list[str]:
    """The main entries of the recipe, a phrase each."""
    return [f"{words} {_range(recipe[key])} {unit}".rstrip() for key, words, unit in _RECIPE if key in recipe]


def _range(value: Any) -> str:
    """A distribution, as `Recipe.to_dict` writes it, in a few characters."""
    if not isinstance(value, dict):
        return str(value)
    ((kind, numbers),) = value.items()
    return (" ± " if kind == "Normal" else "–").join(f"{number:g}" for number in numbers.values())
