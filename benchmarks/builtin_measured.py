"""Measured scans against the built-in library alone, beside the labelled phases with all minerals of AMCSD.

    python benchmarks/builtin_measured.py names
    python benchmarks/builtin_measured.py ask [SET ...]
    python benchmarks/builtin_measured.py table

*names* writes benchmarks/label_names.csv: for each label the entries of the built-in library that count as it, by
formula and cell. *ask* asks all scans of the sets with a phase of the labelled library, of both libraries, blind and
with the elements of the labelled phases, and keeps the answers in benchmarks/results/answers; all sets take an hour
on one core. *table* writes benchmarks/results/builtin_measured.md from them.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from kept_answers import ANSWERS, HERE, RESULTS, arguments
from thousands import ALIKE, SINGLE, combined
from thousands import SETS as THOUSANDS

from bragglens.crystal.library import read_library
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition
from bragglens.identification.evaluate import Judged, judge, read_alike, read_manifest
from bragglens.identification.options import Options
from bragglens.match.builtin import builtin
from bragglens.match.catalogue import Catalogue
from bragglens.simulate.duplicates import Mark, mark_of, signatures

NAMES = HERE / "label_names.csv"
SETS = THOUSANDS | {"tio2_mixtures": "oxides", "mixed_rockjock": "minerals"}  # set: library that its labels name
WAYS = ("blind", "elements")
LIBRARIES = {"built-in": "the built-in library alone", "labelled": "the labelled phases and all minerals of AMCSD"}
CONTENT = 0.1  # of the atoms, hydrogen aside, that may be of other elements: labels name the nearest of 208 phases
SPACING = 0.015  # relative, of the lattice's largest spacings: solid solutions of that content
ONE_TYPE = 0.01  # relative, of the spacings of phases that count as one structure type's, as is asked


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", choices=("names", "ask", "table"))
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--only", choices=LIBRARIES, help="ask this library, and keep the answers of the other")
    options = parser.parse_args()
    if options.what == "names":
        write_names(options.data)
    elif options.what == "ask":
        for name in options.sets or SETS:
            ANSWERS.mkdir(parents=True, exist_ok=True)
            before = json.loads(_path(name).read_text()) if options.only and _path(name).exists() else []
            others = [row for row in before if row["library"] != options.only]
            rows = list(asked(name, options.data, [options.only] if options.only else list(LIBRARIES)))
            _path(name).write_text(json.dumps([*others, *rows], indent=0))
    else:
        (RESULTS / "builtin_measured.md").write_text(table())


def _path(name: str) -> Path:
    return ANSWERS / f"builtin-{name}.json"


# --- which entries count ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """A label or an entry of the built-in library: its name, and what it is compared by."""

    name: str
    elements: frozenset[str]
    marks: tuple[Mark, Mark]


def write_names(data: Path) -> None:
    """For each label the entries that count, and for each scan of one mineral those that its file is named after."""
    held = [Held(phase.name, frozenset(composition(phase)), marks_of(phase)) for phase in builtin().library]
    words: dict[str, list[str]] = {}
    for one in held:
        words.setdefault(species(one.name), []).append(one.name)
    with NAMES.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["library", "label", "scan", "formula", "cell", "entries"])
        for library in dict.fromkeys(SETS.values()):
            for phase in read_library(data / "phases" / library):
                label = Held(phase.name, frozenset(composition(phase)), marks_of(phase))
                found = "; ".join(one.name for one in held if counts(label, one))
                cell = " ".join(f"{edge:g}" for edge in phase.cell)
                writer.writerow([library, phase.name, "", phase.formula, cell, found])
        for scan in read_manifest(data / "dev.csv", sets=SINGLE):
            own = [name for one in re.findall("[a-z]{3,}", scan.file.stem.casefold()) for name in words.get(one, ())]
            if own and scan.phases:
                writer.writerow(["", "; ".join(sorted(scan.phases)), scan.file.name, "", "", "; ".join(own)])


def marks_of(phase: Phase) -> tuple[Mark, Mark]:
    """With its lattice, and with its cell as if it were primitive: many labels list all atoms and no symmetry."""
    return mark_of(phase), mark_of(replace(phase, operations=("x,y,z",)))


def counts(label: Held, entry: Held) -> bool:
    """Whether an entry is of a label's composition, and of its lattice or its name."""
    content, other = label.marks[0][0], entry.marks[0][0]
    if not {element for element, share in content.items() if share > CONTENT} <= entry.elements:
        return False
    if sum(abs(content.get(e, 0.0) - other.get(e, 0.0)) for e in content.keys() | other.keys()) / 2 > CONTENT:
        return False
    pairs = zip(label.marks, entry.marks, strict=True)
    away = min(float(np.abs(there / here - 1).max()) for (_, here), (_, there) in pairs)
    return away <= SPACING or species(label.name) == species(entry.name)


def species(name: str) -> str:
    """A mineral's name without case, polymorph or specimen; a formula stays one."""
    return re.split("[_ ]", name.casefold())[0]


def counting(data: Path) -> tuple[tuple[frozenset[str], ...], dict[str, frozenset[str]]]:
    """Groups of names that count as one label, and of each scan the entries that its file is named after."""
    alike = read_alike(data / "alike.csv")
    own: dict[str, frozenset[str]] = {}
    files: dict[str, frozenset[str]] = {}
    with NAMES.open(newline="") as file:
        for row in csv.DictReader(file):
            found = frozenset(name for name in row["entries"].split("; ") if name)
            if row["scan"]:
                files[row["scan"]] = found
            else:
                own[row["label"]] = own.get(row["label"], frozenset()) | found
    groups = []
    for label in own:
        labels = {label}.union(*(group for group in alike if label in group))
        groups.append(frozenset(labels).union(*(own.get(one, frozenset()) for one in labels)))
    return tuple(groups), files


def isotypes(whole: Catalogue) -> dict[str, frozenset[str]]:
    """Of each phase the others of its structure type on a lattice within 1%: alike in lines, lattice and symmetry."""
    marks = signatures(whole.lines)
    spacings = [mark_of(phase)[1] for phase in whole.library]
    groups = [len(phase.operations) for phase in whole.library]
    names = whole.library.names
    found = {}
    for i, name in enumerate(names):
        near = np.flatnonzero(marks @ marks[i] > ALIKE)
        found[name] = frozenset(
            names[j] for j in near if groups[j] == groups[i] and np.abs(spacings[j] / spacings[i] - 1).max() <= ONE_TYPE
        )
    return found


# --- asking -------------------------------------------------------------------------------------------------------


def asked(name: str, data: Path, chosen: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A row for each scan with a labelled phase, each library and each way of asking."""
    groups, files = counting(data)
    labelled, labelled_groups = combined(data, SETS[name])
    sites = {phase.name: {site.element for site in phase.sites} for phase in labelled.library}
    libraries = {"built-in": (builtin(), groups), "labelled": (labelled, tuple(labelled_groups))}
    same = {library: isotypes(whole) for library, (whole, _) in libraries.items()}
    for label in read_manifest(data / "dev.csv", sets=[name]):
        if not label.phases:
            continue
        elements = ",".join(sorted(set().union(*(sites[phase] for phase in label.phases))))
        for library in chosen:
            whole, counts = libraries[library]
            named_after = (files.get(label.file.name, frozenset()) | label.phases,) if name in SINGLE else ()
            for way in WAYS:
                started = time.process_time()
                judged = judge(
                    label, whole, (*counts, *named_after), Options(elements=None if way == "blind" else elements)
                )
                row = _row(judged, same[library]) | {"library": library, "way": way}
                row["cpu"] = time.process_time() - started
                print("." if row["exact"] else row, flush=True)
                yield row


def _row(judged: Judged, same: dict[str, frozenset[str]]) -> dict[str, Any]:
    answer = judged.answer
    merged = (*judged.alike, *(_with_isotypes(group, same) for group in judged.alike))
    return {
        "file": judged.label.file.name,
        "there": sorted(judged.label.phases),
        "strangers": bool(judged.label.strangers),
        "named": [(f.name, f.weight_percent, f.probability) for f in answer.phases],
        "verdict": answer.verdict,
        "error": answer.error,
        "first": judged.first_right,
        "exact": judged.exact,
        "exact of a type": Judged(judged.label, answer, merged).exact,
        "wrong": sorted(judged.false),
    }


def _with_isotypes(group: frozenset[str], same: dict[str, frozenset[str]]) -> frozenset[str]:
    return group.union(*(same.get(name, frozenset()) for name in group))


# --- what comes of it ---------------------------------------------------------------------------------------------

HEAD = """# Measured scans against the built-in library

`python benchmarks/builtin_measured.py`. *built-in*: the built-in library alone, as `bragglens SCAN` searches it.
*labelled*: the phases of the labels together with all minerals of AMCSD. Each is searched blind and with the elements
of the labelled phases.

The entries that count as a label were fixed before the first run (`names`, into `label_names.csv`). They are:

- entries whose composition differs by at most 10% of the atoms, without hydrogen, and whose lattice agrees within 1.5%
  or which have the label's name;
- the same for labels that `alike.csv` lists as indistinguishable;
- for scans of one mineral, the entry that the scan's file is named after.

By that rule the entry Illite, whose composition differs by more, is not the label illite_1M. In mixed_rockjock most
false positives are of this kind.

*exact*: exact matches; *of a type*: the same, with isostructural phases on lattices within 1% counted as one. *wrong*:
scans with a false positive, in brackets the confident ones (verdict known or mixture). *verdicts*: known and mixture /
tentative / partly unknown / unknown. The sets single_rockjock and mixed_rockjock include scans that also hold a phase
without a structure.

| set | search | library | scans | first right | exact | of a type | wrong | verdicts | median CPU (s) |
|---|---|---|---|---|---|---|---|---|---|
"""
SURE = ("known", "mixture")


def table() -> str:
    text, wrong = HEAD, []
    for name in SETS:
        rows = json.loads(_path(name).read_text()) if _path(name).exists() else []
        for way in WAYS:
            for library in LIBRARIES:
                some = [row for row in rows if row["way"] == way and row["library"] == library]
                text += f"| {name} | {way} | {library} | {_cells(some)} |\n" if some else ""
                wrong += [(name, row) for row in some if row["wrong"] and library == "built-in"]
    absent = ", ".join(labels_without_entries())
    text += f"\nLabels of these sets of which the built-in library has no entry: {absent or 'none'}.\n"
    text += (
        "\nNamed from the built-in library and not counted:\n\n| set | scan | asked | labelled | wrong | verdict |\n"
    )
    text += "|---|---|---|---|---|---|\n"
    probability = {id(row): {name: value for name, _, value in row["named"]} for _, row in wrong}
    for name, row in wrong:
        names = ", ".join(f"{one} {probability[id(row)][one]:.2f}" for one in row["wrong"])
        text += f"| {name} | {row['file']} | {row['way']} | {', '.join(row['there'])} | {names} | {row['verdict']} |\n"
    return text


def _cells(rows: Sequence[dict[str, Any]]) -> str:
    false = [row for row in rows if row["wrong"]]
    verdicts = [row["verdict"] for row in rows]
    counts = [
        sum(v in SURE for v in verdicts),
        *(verdicts.count(v) for v in ("tentative", "partly unknown", "unknown")),
    ]
    cells = [str(len(rows)), *(str(sum(row[key] for row in rows)) for key in ("first", "exact", "exact of a type"))]
    cells.append(f"{len(false)} ({sum(row['verdict'] in SURE for row in false)})")
    cells += [" / ".join(map(str, counts)), f"{np.median([row['cpu'] for row in rows]):.1f}"]
    return " | ".join(cells)


def labels_without_entries() -> list[str]:
    """Labels of the scans that were asked of which nothing in the built-in library counts."""
    used = set()
    for name in SETS:
        rows = json.loads(_path(name).read_text()) if _path(name).exists() else []
        used |= {(SETS[name], one) for row in rows for one in row["there"]}
    with NAMES.open(newline="") as file:
        return sorted(
            row["label"]
            for row in csv.DictReader(file)
            if (row["library"], row["label"]) in used and not row["entries"]
        )


if __name__ == "__main__":
    main()
