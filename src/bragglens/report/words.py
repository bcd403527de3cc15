"""Words: answers and scores as text, tables and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bragglens.errors import BragglensError
from bragglens.files import whole_file
from bragglens.identify.identification import Finding, Identification
from bragglens.identify.identify import ranking

_STYLES = {"known": "green", "mixture": "green", "partly unknown": "yellow", "unknown": "magenta"}


def table(identifications: Sequence[Identification], *, console: Console) -> None:
    """Print a batch of answers as one table; errors follow whole, then what the reader had to do to the files."""
    longest = max(24, 3 * console.width // 10)
    names = short_names([one.file for one in identifications], longest)
    tells_strangers = any(one.stranger is not None for one in identifications)
    rows = _columns(("file", "left"), ("verdict", "left"), ("phases, probability", "left"), console=console)
    rows.columns[0].max_width = longest
    if tells_strangers:
        rows.add_column("something\nelse", justify="right", no_wrap=True)
    for name, one in zip(names, identifications, strict=True):
        verdict = Text(one.verdict, _STYLES[one.verdict]) if one.verdict else Text("error", "red")
        stranger = "–" if one.stranger is None else probability(one.stranger)
        rows.add_row(Text(name), verdict, _phases(one), *([stranger] if tells_strangers else []))
    console.print(rows)
    _print_errors(identifications, console)
    _print_notes(names, identifications, console)


def scores_table(scores: Mapping[str, Mapping[str, Any]], *, console: Console) -> None:
    """Print the figures of `evaluate.scores`, a row for each set; what a set cannot tell is a dash."""
    headings = ("scans", "first\nright", "exact\nset", "rejected", "confident\nwrong", "false", "missed")
    right = [(heading, "right") for heading in (*headings, "mean\nerror\nwt%", "seconds")]
    rows = _columns(("set", "left"), *right, console=console)
    for name, one in scores.items():
        shares = [_number(one[key], "{:.3g}%", 100) for key in ("first_right", "exact_set", "rejected")]
        counts = [_number(one[key], "{}") for key in ("confident_wrong", "false_phases", "missed_phases")]
        errors = [_number(one["fraction_error"], "{:.1f}"), _number(one["seconds"], "{:.3f}")]
        rows.add_row(Text(clean(name)), str(one["scans"]), *shares, *counts, *errors)
    console.print(rows)
    for name, one in scores.items():
        if one.get("errors"):
            text = f"{clean(name)}: {one['errors']} of {one['scans']} scans could not be judged"
            console.print(Text(text, "red"), soft_wrap=True)


def sentence(answer: Identification) -> str:
    """The verdict in words that a chemist understands."""
    if answer.verdict is None:
        return f"This scan could not be judged: {answer.error}"
    named = [_parenthesis(finding) for finding in answer.phases]
    listed = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    if not named:
        close = nearest(answer)
        lead = "No phase of the library was found" + (f"; the nearest is {_parenthesis(close)}." if close else ".")
    elif answer.verdict == "partly unknown":
        lead = f"Found: {listed}; something that is not in the library is there too."
    else:
        lead = f"{'One phase' if len(named) == 1 else f'{len(named)} phases'} of the library found: {listed}."
    if answer.stranger is None:
        return f"{lead} This model cannot tell whether something else is there too."
    return f"{lead} Probability that something outside the library is there: {probability(answer.stranger)}."


def nearest(answer: Identification) -> Finding | None:
    """The most probable phase of the library, found or not; None where no probabilities were computed."""
    first = [str(name) for name in ranking(answer)[:1]]
    return Finding(first[0], (answer.probabilities or {})[first[0]]) if first else None


def probability(value: float) -> str:
    """Three decimals, and never a certainty that no model has: `>0.999`, `<0.001`."""
    if value > 0.9995:
        return ">0.999"
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


def weight(finding: Finding) -> str:
    """Weight fraction with its error, or nothing where it was not determined."""
    if finding.weight_percent is None:
        return ""
    error = finding.weight_percent_error
    return f"{finding.weight_percent:.1f}" + ("" if error is None else f" ± {error:.1f}") + " wt%"


def clean(text: str) -> str:
    """Text without control characters, which file names may hold and terminals would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def short_names(files: Sequence[str], longest: int) -> list[str]:
    """Names to show for files: without folders, the middle left out of long ones where they stay distinct."""
    names = [Path(file).name or file for file in files]
    if len(set(names)) < len(set(files)):
        names = list(files)
    whole = [clean(name) for name in names]
    short = [shorten(name, longest) for name in names]
    return [one if short.count(one) == 1 else name for one, name in zip(short, whole, strict=True)]


def shorten(text: str, longest: int) -> str:
    """Clean text with its middle left out where it is longer; names of a series differ at their ends."""
    text, head = clean(text), (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:head]}…{text[head + 1 - longest :]}"


def write_json(obj: Any, path: str | Path) -> None:
    """Write JSON; `-` is the standard output.

    Raises:
        BragglensError: it cannot be written there, or holds what JSON cannot say.
    """
    try:
        text = json.dumps(obj, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise BragglensError(f"{path}: the answer cannot be written as JSON: {error}: please report this") from error
    # A file name that is no UTF-8 holds lone surrogates; \udcxx is at once Python's and JSON's way to write one.
    data = text.encode("utf-8", "backslashreplace")
    if str(path) == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_file(data, path)


def write_text(text: str, path: str | Path) -> None:
    """Write text in UTF-8, whole as `write_file` does."""
    write_file(text.encode("utf-8", "replace"), path)


def write_file(data: bytes, path: str | Path) -> None:
    """Write a file whole: an existing one is replaced only once the new one is complete.

    Raises:
        BragglensError: it cannot be written there.
    """
    with whole_file(path) as handle:
        handle.write(data)


def _columns(*headings: tuple[str, Any], console: Console) -> Table:
    """An empty table that gives its columns little air where the window is narrow."""
    rows = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, int(console.width >= 100)))
    for heading, justify in headings:
        rows.add_column(Text(heading), justify=justify, overflow="fold", vertical="top")
    return rows


def _phases(answer: Identification) -> Text:
    """A line for each phase found; where none was, the nearest."""
    if answer.phases:
        lines = (f"{clean(f.name)} {probability(f.probability)}{_rivals(f)}  {weight(f)}" for f in answer.phases)
        return Text("\n".join(line.rstrip() for line in lines))
    close = nearest(answer)
    return Text(f"nearest: {clean(close.name)} {probability(close.probability)}" if close else "", "dim")


def _parenthesis(finding: Finding) -> str:
    parts = [f"probability {probability(finding.probability)}", weight(finding)]
    return f"{finding.name} ({', '.join(part for part in parts if part)}){_rivals(finding)}"


def _rivals(finding: Finding) -> str:
    """Phases of nearly the same pattern that may be there instead."""
    return f" or {clean(', '.join(finding.rivals))}" if finding.rivals else ""


def _print_errors(identifications: Sequence[Identification], console: Console) -> None:
    for one in identifications:
        if one.error:
            about = "" if Path(one.file).name in one.error else f"{one.file}: "
            # A terminal gets whole words, a pipe whole lines.
            console.print(Text(clean(about + one.error), "red"), soft_wrap=not console.is_terminal)


def _print_notes(names: Sequence[str], identifications: Sequence[Identification], console: Console) -> None:
    """Each note once, with the file or the number of files that it is about."""
    about: dict[str, list[str]] = {}
    for name, one in zip(names, identifications, strict=True):
        for note in one.notes:
            about.setdefault(note, []).append(name)
    for note, files in about.items():
        who = files[0] if len(files) == 1 else f"{len(files)} scans"
        console.print(Text(clean(f"{who}: {note}"), "dim"), soft_wrap=not console.is_terminal)


def _number(value: float | None, form: str, factor: float = 1) -> str:
    return "–" if value is None else form.format(value if factor == 1 else factor * value)
