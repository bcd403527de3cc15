"""Words: answers and scores as text, tables and JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bragglens.crystal.cell import Cell
from bragglens.crystal.choice import named_elements
from bragglens.errors import BragglensError
from bragglens.files import whole_file
from bragglens.fit.parameters import heat_spread
from bragglens.identification.answer import Finding, Identification
from bragglens.identification.copper import SOURCE
from bragglens.plain import clean as clean

STYLES = {"known": "green", "mixture": "green", "tentative": "cyan", "partly unknown": "yellow", "unknown": "magenta"}
LARGE = 200.0  # nm; broadening by larger crystallites cannot be measured in the laboratory
RELATIVE = "or an isostructural neighbour"  # said of a fitted phase that is not named
# control characters, and characters that change the direction of text
_OBEYED = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_VEGARD = "Vegard's law; temperature and other substitutions move a lattice too"
_FEW = 5  # number of phases whose detection limits are listed one by one


def table(identifications: Sequence[Identification], *, console: Console) -> None:
    """Print a batch of answers as one table, then the full errors, then the notes about the files."""
    fitted = any(one.rwp is not None for one in identifications)
    longest = max(22 if fitted else 24, 3 * (console.width - 20 * fitted) // 10)
    names = short_names([one.file for one in identifications], longest)
    strangers = not fitted and any(one.stranger is not None for one in identifications)
    headings = [("wt%", "right")] * fitted + [("prob.", "right")]
    headings += [("Rwp", "right")] * fitted + [("outside\nlibrary", "right")] * strangers
    rows = columns(("file", "left"), ("verdict", "left"), ("phase", "left"), *headings, console=console)
    rows.columns[0].max_width = longest
    rows.columns[0].min_width = min(longest, max(map(len, names)))
    for name, one in zip(names, identifications, strict=True):
        verdict = Text(one.verdict, STYLES[one.verdict]) if one.verdict else Text("error", "red")
        whole = [percent(one.rwp)] * fitted + ["–" if one.stranger is None else probability(one.stranger)] * strangers
        for phase, weighed, likely in _lines(one):
            rows.add_row(Text(name), verdict, phase, *[weighed] * fitted, likely, *whole)
            name, verdict, whole = "", Text(""), [""] * len(whole)
    console.print(rows)
    _print_structures(identifications, console)
    for line in dict.fromkeys(map(fractions_of, identifications)):
        if line:
            console.print(Text(line, "dim"))
    _print_errors(identifications, console)
    _print_notes(names, identifications, console)


def _lines(answer: Identification) -> list[tuple[Text, str, str]]:
    """Phase, fraction and probability of each line of an answer; of the nearest where no phase was found."""
    lines = [(Text(named(f)), spread(f.weight_percent, f.weight_percent_error), probability(f.probability))
             for f in answer.phases]  # fmt: skip
    close = answer.nearest
    if not answer.phases and close:
        lead = "nearest" if answer.rwp is None else "network"
        lines.append((Text(f"{lead}: {clean(close.name)}", "dim"), "", probability(close.probability)))
    lines += [(Text(f"{clean(f.name)} {RELATIVE}", "dim"), spread(f.weight_percent, f.weight_percent_error),
               probability(f.probability)) for f in answer.relatives]  # fmt: skip
    if answer.unexplained is not None and answer.verdict in ("unknown", "partly unknown"):
        lines.append((Text("unexplained", "dim"), percent(answer.unexplained), ""))
    return lines or [(Text(""), "", "")]


def scores_table(scores: Mapping[str, Mapping[str, Any]], *, console: Console) -> None:
    """Print the figures of `evaluate.scores`, a row for each set; a dash where a set gives no value."""
    headings = ("scans", "first\nright", "exact\nset", "rejected", "confident\nwrong", "false", "missed")
    right = [(heading, "right") for heading in (*headings, "mean\nerror\nwt%", "seconds")]
    rows = columns(("set", "left"), *right, console=console)
    for name, one in scores.items():
        shares = [_number(one[key], "{:.3g}%", 100) for key in ("first_right", "exact_set", "rejected")]
        counts = [_number(one[key], "{}") for key in ("confident_wrong", "false_phases", "missed_phases")]
        errors = [_number(one["fraction_error"], "{:.1f}"), _number(one["seconds"], "{:.3f}")]
        rows.add_row(Text(clean(name)), str(one["scans"]), *shares, *counts, *errors)
    console.print(rows)
    for name, one in scores.items():
        if one.get("errors"):
            text = f"{clean(name)}: {one['errors']} of {one['scans']} scans could not be identified"
            console.print(Text(text, "red"), soft_wrap=True)


def sentence(answer: Identification) -> str:
    """The verdict in plain words."""
    if answer.verdict is None:
        return f"This scan could not be identified: {answer.error}"
    sole = (
        len(answer.phases) == 1 and not answer.relatives and answer.amorphous_percent is None
    )  # 100 wt% of a single phase is no information
    stated = [_parenthesis(finding, "" if sole else weight(finding)) for finding in answer.phases]
    listed = " and ".join([", ".join(stated[:-1]), stated[-1]] if len(stated) > 1 else stated)
    if not stated and answer.relatives:
        lead = f"No phase is named:{_relatives(answer)}"
        return " ".join([lead, *(f"{one}." for one in solid_solutions(answer)), _rest(answer)])
    if not stated:
        lead = f"No phase of the library was found{_nearest(answer)}."
    elif answer.verdict == "partly unknown":
        lead = f"Found: {listed}; the scan also contains a phase outside the library."
    elif answer.verdict == "tentative":
        lead = f"Probable, not certain: {listed}{_because(answer)}."
    else:
        lead = f"{'One phase' if len(stated) == 1 else f'{len(stated)} phases'} of the library found: {listed}."
    besides = f" Besides,{_relatives(answer)}" if answer.relatives else ""
    return " ".join([f"{lead}{besides}", *(f"{one}." for one in solid_solutions(answer)), _rest(answer)])


def solid_solutions(answer: Identification) -> list[str]:
    """A sentence without its full stop for each phase whose lattice is that of a solid solution."""
    said = []
    for one in (*answer.phases, *answer.relatives):
        if (mixed := one.solid_solution) is not None:
            member = ", ".join(part for part in (mixed.name, mixed.formula) if part)
            others = f"; {' or '.join(mixed.others)} would do as well" if mixed.others else ""
            share = f"{mixed.mol_percent:.0f} ± {max(mixed.mol_percent_error, 0.5):.0f} mol% {member}"
            said.append(clean(f"{one.name}: its lattice is that of {share} ({_VEGARD}){others}"))
    return said


def _because(answer: Identification) -> str:
    """Why the answer is not certain, and what would settle it."""
    if not answer.because:
        return ""
    return f", because {clean(answer.because)}; {clean(answer.settled_by)} would settle it"


def _relatives(answer: Identification) -> str:
    """Phases that fit, but of which an isostructural neighbour is at least as likely."""
    each = [_parenthesis(f, f"lattice strained by up to {percent(f.strain)}") for f in answer.relatives]
    listed = " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)
    return f" {listed} would fit, but an isostructural compound is at least as likely."


def _nearest(answer: Identification) -> str:
    """The nearest phase for a scan without phases."""
    close = answer.nearest
    if close is None:
        return ""
    named = _parenthesis(close, "")
    if answer.rwp is not None and close.probability >= answer.policy.named:
        return f": the network proposes {named}, but the fit does not confirm it"
    return f"; the nearest is {named}"


def _rest(answer: Identification) -> str:
    """The unexplained share by the fit, or by the network alone the probability of a phase outside the library."""
    if answer.unexplained is not None:
        unseen = spread(answer.amorphous_percent, answer.amorphous_percent_error)
        tail = f" Of the specimen {unseen} wt% are amorphous or none of these." if unseen else ""
        return f"{percent(answer.unexplained)} of the intensity of all peaks is unexplained.{tail}"
    if answer.stranger is None:
        return "This model cannot detect phases outside the library."
    return f"Probability of a phase outside the library: {probability(answer.stranger)}."


def probability(value: float) -> str:
    """Three decimals, but never 1 or 0, as no model is certain: `>0.999`, `<0.001`."""
    if value > 0.9995:
        return ">0.999"
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


def weight(finding: Finding) -> str:
    """Weight fraction with its error; empty where it was not determined."""
    shown = spread(finding.weight_percent, finding.weight_percent_error)
    return f"{shown} wt%" if shown else ""


def spread(value: float | None, error: float | None) -> str:
    """A value with its error, `61.2 ± 1.5`; empty where it is not known."""
    if value is None:
        return ""
    return f"{value:.1f} ± {error:.1f}" if error else f"{value:.1f}"


def percent(share: float | None) -> str:
    """A share as `8.4%`, or a dash."""
    return "–" if share is None else f"{100 * share:.1f}%"


def named(finding: Finding) -> str:
    """A phase with its rivals: `rutile or TiO`."""
    return clean(finding.name) + _rivals(finding)


def structure(finding: Finding) -> str:
    """Formula and space group of a phase, `TiO2, P 42/m n m`; without the formula where it is the name."""
    formula = finding.formula if finding.formula != finding.name else ""
    return clean(", ".join(part for part in (formula, finding.space_group) if part))


def size(nanometres: float | None, error: float | None = None) -> str:
    """Crystallite size in nm, with its error if known; only `>200` beyond LARGE."""
    if nanometres is None:
        return "–"
    digits = 0 if nanometres >= 9.95 else 1
    shown = f">{LARGE:g}" if nanometres > LARGE else f"{nanometres:.{digits}f}"
    return shown if error is None or nanometres > LARGE else f"{shown} ± {error:.{digits}f}"


def cell_constants(cell: Cell | None) -> list[str]:
    """The free cell constants of the crystal system, `a 3.785`: Å with three decimals, degrees with two."""
    free = {} if cell is None else cell.free
    return [f"{name} {value:.{3 if name in 'abc' else 2}f}" for name, value in free.items()]


def quality(answer: Identification) -> str:
    """Quality of the fit."""
    if answer.rwp is None or answer.goodness is None:
        return ""
    return f"Rwp {percent(answer.rwp)}, goodness of fit {answer.goodness:.1f} (1: no misfit beyond counting noise)"


def limits(wt_percent: Mapping[str, float]) -> str:
    """Detection limits of the phases that were not found; only the extremes if there are many."""
    ranked = sorted(wt_percent.items(), key=lambda one: one[1])
    if not ranked:
        return ""
    if len(ranked) <= _FEW:
        each = ", ".join(f"{clean(name)} {value:.1f} wt%" for name, value in ranked)
        return f"not found, with detection limit: {each}"
    (easiest, low), (hardest, high) = ranked[0], ranked[-1]
    return (
        f"{len(ranked)} phases not found, with detection limits from {low:.1f} wt% ({clean(easiest)}) "
        f"to {high:.1f} wt% ({clean(hardest)}), half of them below {ranked[len(ranked) // 2][1]:.1f} wt%"
    )


def limits_asked(answer: Identification) -> str:
    """The detection limits of the phases of interest: of the elements that were given, or all if there are few."""
    wt_percent = answer.detection_limits or {}
    if len(wt_percent) <= _FEW or named_elements(answer.options.get("elements")):
        return limits(wt_percent)
    return f"limits of detection of {len(wt_percent)} phases: see the JSON, or give --elements to print them"


def fractions_of(answer: Identification) -> str:
    """The total of the weight fractions; empty where there are none."""
    interval = "± is half of the 95% interval"
    if answer.fraction_of == "named phases":
        return f"wt%: share among the named phases; {interval}, wider where intensity is unexplained"
    return f"wt% of the {answer.fraction_of}; {interval}" if answer.fraction_of else ""


def refined(answer: Identification) -> str:
    """The result of a Rietveld refinement; empty where none was requested."""
    theirs = answer.rietveld
    if theirs is None or theirs.error:
        return f"Rietveld refinement failed: {clean(theirs.error)}" if theirs and theirs.error else ""
    parts = [
        f"{clean(name)} {spread(value, theirs.weight_percent_error.get(name))} wt%"
        for name, value in sorted(theirs.weight_percent.items(), key=lambda one: -one[1])
    ]
    return f"Rietveld refinement ({theirs.program}): Rwp {percent(theirs.rwp)}; {', '.join(parts)}"


def amorphous(answer: Identification) -> str:
    """The amorphous content from an internal standard; empty without one."""
    if answer.amorphous_percent is None:
        return ""
    return f"amorphous, or none of these: {spread(answer.amorphous_percent, answer.amorphous_percent_error)} wt%"


def assumptions(answer: Identification) -> list[str]:
    """What the answer assumes, a phrase each."""
    structures = re.fullmatch(r"\d+ structures", answer.model)
    said = [f"{'library of' if structures else 'model'} {clean(answer.model)}"]
    if answer.wavelength is not None:
        said.append(f"wavelength {float(answer.metadata.get(SOURCE, answer.wavelength)):.5g} Å as stated")
    if answer.rwp is not None:
        grains = answer.options.get("particle_size")
        stated = f"{grains:g} µm as stated" if grains is not None else f"{answer.policy.particle_size:g} µm, assumed"
        said.append(f"grains of {stated}")
    if standard := answer.options.get("standard"):
        said.append(f"standard {clean(standard[0])}, {standard[1]:g} wt% added")
    if instrument := answer.options.get("instrument"):
        said.append(f"instrument {clean(instrument)}")
    if elements := answer.options.get("elements"):
        said.append(f"elements {clean(elements)}")
    if (warm := answer.options.get("temperature")) is not None:
        said.append(f"{warm:g} °C: lattices may deviate by {heat_spread(warm):.1%} (standard deviation)")
    return said


def short_names(files: Sequence[str], longest: int) -> list[str]:
    """Short names for files: without folders, and long ones without their middle where they stay distinct."""
    names = [Path(file).name or file for file in files]
    if len(set(names)) < len(set(files)):
        names = list(files)
    whole = [clean(name) for name in names]
    short = [shorten(name, longest) for name in names]
    return [one if short.count(one) == 1 else name for one, name in zip(short, whole, strict=True)]


def shorten(text: str, longest: int) -> str:
    """Clean text, without its middle where it is too long; names of a series differ at their ends."""
    text, head = clean(text), (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:head]}…{text[head + 1 - longest :]}"


def write_json(obj: Any, path: str | Path) -> None:
    """Write JSON; `-` is the standard output.

    Raises:
        BragglensError: the file cannot be written, or JSON has no form for a value.
    """
    try:
        text = json.dumps(obj, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise BragglensError(f"{path}: the answer cannot be written as JSON: {error}: please report this") from error
    # JSON escapes characters below the blank; terminals react to others too. A file name that is not UTF-8 has lone
    # surrogates: \udcxx is how both Python and JSON write one.
    text = _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    data = text.encode("utf-8", "backslashreplace")
    if str(path) == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_file(data, path)


def write_text(text: str, path: str | Path) -> None:
    """Write text in UTF-8, completely or not at all, as `write_file`."""
    write_file(text.encode("utf-8", "replace"), path)


def write_file(data: bytes, path: str | Path) -> None:
    """Write a file completely or not at all: an existing one is replaced only when the new one is complete.

    Raises:
        BragglensError: the file cannot be written.
    """
    with whole_file(path) as handle:
        handle.write(data)


def columns(*headings: tuple[str, Any], console: Console) -> Table:
    """An empty table with narrow columns in a narrow window; headings and figures are never broken."""
    rows = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, int(console.width >= 100)))
    for heading, justify in headings:
        widest = max(map(len, heading.split("\n")))
        figures = justify == "right"
        rows.add_column(
            Text(heading), justify=justify, overflow="fold", vertical="top", min_width=widest, no_wrap=figures
        )
    return rows


def _parenthesis(finding: Finding, weighed: str) -> str:
    parts = [structure(finding), weighed, f"probability {probability(finding.probability)}"]
    return f"{named(finding)} ({', '.join(part for part in parts if part)})"


def _rivals(finding: Finding) -> str:
    """Rivals of the phase as text."""
    return "".join(f" or {clean(rival)}" for rival in finding.rivals)


def _print_structures(identifications: Sequence[Identification], console: Console) -> None:
    """Formula and space group of each phase once, in the order of the table."""
    found = {one.name: one for answer in identifications for one in (*answer.phases, *answer.relatives)}
    for one in found.values():
        if structure(one):
            console.print(Text(f"{clean(one.name)}: {structure(one)}", "dim"), soft_wrap=not console.is_terminal)


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
