"""Phases from all minerals: the matcher, and the matcher with the fit, against thousands of structures.

    python benchmarks/thousands.py simulated [--scans N] [--asked N]
    python benchmarks/thousands.py measured [SET ...]
    python benchmarks/thousands.py unknown [--scans N]
    python benchmarks/thousands.py unknown-measured
    python benchmarks/thousands.py table

Each but the last takes minutes to an hour on one core and keeps its figures in benchmarks/results/answers; the last
writes benchmarks/results/thousands.md from them. The minerals are gathered with `bragglens library minerals` at the
first call (larixite's database must be installed), into benchmarks/results/minerals.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kept_answers import ANSWERS, HALVES, RESULTS, arguments, held_out
from numpy.typing import NDArray
from scipy.stats import rankdata
from simulated import SEED, Simulated, packed, scans_of
from unknowns import KNOWN, auroc, score

from bragglens.crystal.library import Library, read_library
from bragglens.crystal.minerals import gather_minerals
from bragglens.crystal.phase import Phase
from bragglens.identification.answer import Identification
from bragglens.identification.evaluate import Judged, Label, judge, read_alike, read_manifest
from bragglens.identification.identify import identify
from bragglens.identification.options import Options
from bragglens.identification.sources import proposer_of
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.match.matcher import matcher
from bragglens.policy import DEFAULT
from bragglens.scan.read import read_scan
from bragglens.simulate.draws import Uniform, draws
from bragglens.simulate.duplicates import COMPOUND_CONTENT, COMPOUND_SPACING, Mark, mark_of, same_compound, signatures
from bragglens.simulate.lines import stack
from bragglens.simulate.mixture import draw_conditions, draw_mixtures
from bragglens.simulate.recipe import Recipe

ALIKE = 0.9  # likeness from which on two phases count as one
MINERALS = RESULTS / "minerals"  # not kept in the repository
SETS = {  # set: library of the shared data whose phases are added to the minerals
    "single_rruff": "minerals",
    "single_rockjock": "minerals",
    "weighed_oxides": "oxides",
    "li_mn_ti_o_f": "oxides",
}
SINGLE = ("single_rruff", "single_rockjock")
WITH_ELEMENTS = ("weighed_oxides", "li_mn_ti_o_f")
RANKS = (1, 5, 20)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", choices=("simulated", "measured", "unknown", "unknown-measured", "table"))
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--scans", type=int, default=600)
    parser.add_argument("--asked", type=int, default=100, help="of them so many are fitted too")
    options = parser.parse_args()
    if options.what == "simulated":
        keep("simulated", simulated(options.scans, options.asked))
    elif options.what == "unknown":
        keep("unknown", unknown(options.scans))
    elif options.what == "unknown-measured":
        keep("unknown-measured", unknown_measured(options.data))
    elif options.what == "measured":
        for name in options.sets or SETS:
            keep(name, measured(name, options.data))
    else:
        (RESULTS / "thousands.md").write_text(table())


def keep(name: str, rows: Any) -> None:
    ANSWERS.mkdir(parents=True, exist_ok=True)
    (ANSWERS / f"thousands-{name}.json").write_text(json.dumps(rows, indent=0))


def minerals() -> Catalogue:
    """All minerals of AMCSD."""
    if not MINERALS.is_dir():
        gather_minerals(MINERALS)
    return catalogue(read_library(MINERALS))


# --- simulated ---------------------------------------------------------------------------------------------------


def left_out(whole: Catalogue) -> list[Phase]:
    """The minerals that the matcher has not seen, nor anything like them."""
    names = set(matcher().manifest["left_out"])
    return [phase for phase in whole.library if phase.name in names]


def drawn(phases: Sequence[Phase], count: int) -> list[Simulated]:
    """Scans of one to four phases, no stranger among them."""
    recipe = Recipe(phases=Uniform(1.0, 5.0), strangers=0.0)
    numbers, packs = draws(SEED + 6, 0, count), packed(phases, recipe)
    content = draw_mixtures(recipe, numbers, library=len(phases), strangers=0)
    conditions = draw_conditions(recipe, numbers, content, packs, _grid())
    return scans_of(phases, content, conditions, packs, recipe)


def _grid() -> Any:
    from simulated import GRID

    return GRID


def simulated(count: int, asked: int) -> list[dict[str, Any]]:
    """Rank of each visible phase among all minerals, those there before it not counted; and exact sets of some."""
    whole = minerals()
    place = {name: i for i, name in enumerate(whole.library.names)}
    marks = signatures(whole.lines)
    rows = []
    for number, one in enumerate(drawn(left_out(whole), count)):
        there = [(name, weight) for name, weight in zip(one.names, one.weight_percent, strict=True) if name]
        seen = one.visible()
        started = time.process_time()
        opinion = proposer_of(whole).propose(one.scan, wavelength=one.scan.wavelength or 0.0)
        seconds = time.process_time() - started
        order = rankdata(-opinion.probability, method="min")
        ranks = {}
        for name in seen:
            before = sum(order[place[other]] < order[place[name]] for other in seen)
            ranks[name] = int(order[place[name]] - before)
        row: dict[str, Any] = {"there": there, "ranks": ranks, "seconds": seconds}
        if number < asked and seen:
            row |= _answer(one, whole, marks, place)
        rows.append(row)
    return rows


def _answer(one: Simulated, whole: Catalogue, marks: Any, place: dict[str, int]) -> dict[str, Any]:
    """Result of matcher and fit for a simulated scan."""
    seen, drowned = one.visible(), one.drowned
    started = time.process_time()
    answer = identify(one.scan, whole)
    named = [finding.name for finding in answer.phases]
    told = [*named, *(finding.name for finding in answer.relatives)]

    def same(name: str, others: Iterable[str]) -> bool:
        return any(marks[place[name]] @ marks[place[other]] > ALIKE for other in others)

    return {
        "named": [(f.name, f.weight_percent, f.probability) for f in answer.phases],
        "verdict": answer.verdict,
        "exact": all(same(n, seen | drowned) for n in named) and all(same(n, named) for n in seen),
        "told": all(same(n, told) for n in seen),
        "first": bool(named) and same(named[0], seen | drowned),
        "cpu": time.process_time() - started,
    }


# --- measured ----------------------------------------------------------------------------------------------------


def combined(data: Path, name: str) -> tuple[Catalogue, list[frozenset[str]]]:
    """The phases that scans are labelled with and all minerals that are none of them; the groups that count as one."""
    own, other = catalogue(read_library(data / "phases" / name)), minerals()
    marks = signatures(own.lines) @ signatures(other.lines).T
    words = {_word(phase.name) for phase in own.library}
    kept = [i for i, phase in enumerate(other.library) if marks[:, i].max() <= 0.98 and _word(phase.name) not in words]
    phases = (*own.library.phases, *(other.library.phases[i] for i in kept))
    whole = Catalogue(Library(phases), stack([own.lines, other.lines.of(kept)]))
    compounds: dict[frozenset[str], list[tuple[str, Mark]]] = {}
    for i in kept:
        content, spacings = mark_of(other.library.phases[i])
        compounds.setdefault(frozenset(content), []).append((other.library.names[i], (content, spacings)))
    near = {
        phase.name: {phase.name, *(other.library.names[i] for i in kept if marks[row, i] > ALIKE)}
        | {name for name, mark in compounds.get(frozenset(own_mark[0]), ()) if _one_compound(own_mark, mark)}
        for row, (phase, own_mark) in enumerate(zip(own.library, map(mark_of, own.library), strict=True))
    }
    alike = read_alike(data / "alike.csv")
    groups = [
        frozenset().union(
            *(near[one] for group in alike if phase in group for one in group if one in near), near[phase]
        )
        for phase in near
    ]
    return whole, groups


def _one_compound(one: Mark, other: Mark) -> bool:
    return same_compound(one, other, content_by=COMPOUND_CONTENT, spacing_by=COMPOUND_SPACING)


def _word(name: str) -> str:
    """A mineral's name without case, polymorph or specimen."""
    return re.sub(r"[^a-z]", "", re.split(r"_", name.casefold())[0])


def measured(name: str, data: Path) -> list[dict[str, Any]]:
    """Answers for a set: blind, and with the elements given."""
    whole, groups = combined(data, SETS[name])
    marks = signatures(whole.lines)
    sites = {phase.name: {site.element for site in phase.sites} for phase in whole.library}
    rows = []
    for label in read_manifest(data / "dev.csv", sets=[name]):
        if not label.phases:
            continue
        counted = (*groups, _by_file(label, whole, marks))
        ways: dict[str, str | None] = {"blind": None}
        if name in WITH_ELEMENTS:
            ways["elements"] = ",".join(sorted(set().union(*(sites[phase] for phase in label.phases))))
        for way, elements in ways.items():
            started = time.process_time()
            judged = judge(label, whole, counted, Options(elements=elements))
            rows.append(_row(judged, way, held_out(label, data), time.process_time() - started))
            if way == "blind":
                rows[-1]["ranks"] = _ranks(label, whole, counted)
            print("." if rows[-1]["exact"] else rows[-1], flush=True)
    return rows


def _by_file(label: Label, whole: Catalogue, marks: NDArray[np.float32]) -> frozenset[str]:
    """The label, and the mineral that the scan's file is named after with what is like it.

    Labels name the nearest of 134 phases: a scan of orthoclase is labelled microcline where there is no orthoclase.
    """
    if len(label.phases) > 1:
        return frozenset()
    words = set(re.findall("[a-z]+", label.file.stem.casefold()))
    own = [i for i, name in enumerate(whole.library.names) if _word(name) in words]
    alike = np.flatnonzero((marks @ marks[own].T).max(axis=1, initial=0.0) > ALIKE)
    return frozenset({*label.phases, *(whole.library.names[i] for i in alike)})


def _row(judged: Judged, way: str, second_half: bool, cpu: float) -> dict[str, Any]:
    answer = judged.answer
    return {
        "file": judged.label.file.name,
        "there": sorted(judged.label.phases),
        "way": way,
        "half": HALVES[int(second_half)],
        "named": [(f.name, f.weight_percent, f.probability, f.network) for f in answer.phases],
        "verdict": answer.verdict,
        "error": answer.error,
        "exact": judged.exact,
        "first": judged.first_right,
        "cpu": cpu,
    }


def _ranks(label: Label, whole: Catalogue, groups: Sequence[frozenset[str]]) -> list[int]:
    """Place of each phase that is there in the matcher's order, or of one that counts as it, from 1."""
    scan = read_scan(label.file)
    opinion = proposer_of(whole).propose(scan, wavelength=label.wavelength or scan.wavelength or 0.0)
    order = [whole.library.names[i] for i in np.argsort(-opinion.probability, kind="stable")]
    found = []
    for phase in sorted(label.phases):
        one = {phase}.union(*(group for group in groups if phase in group))
        found.append(next(i for i, name in enumerate(order, start=1) if name in one))
    return found


# --- unknown -----------------------------------------------------------------------------------------------------


def unknown(count: int) -> list[dict[str, Any]]:
    """Scans of one mineral each, with it in the library and without it and all that is like it."""
    whole = minerals()
    marks = signatures(whole.lines)
    place = {name: i for i, name in enumerate(whole.library.names)}
    phases = left_out(whole)
    recipe = Recipe(phases=Uniform(1.0, 2.0), strangers=0.0)
    numbers, packs = draws(SEED + 7, 0, count), packed(phases, recipe)
    content = draw_mixtures(recipe, numbers, library=len(phases), strangers=0)
    conditions = draw_conditions(recipe, numbers, content, packs, _grid())
    rows = []
    for one in scans_of(phases, content, conditions, packs, recipe):
        for name in one.visible():
            own = frozenset(whole.library.names[i] for i in np.flatnonzero(marks @ marks[place[name]] > ALIKE))
            rows += _with_and_without(lambda asked, scan=one.scan: identify(scan, asked), whole, own, {"phase": name})
    return rows


def unknown_measured(data: Path) -> list[dict[str, Any]]:
    """Scans of a mineral each, with it in the library and without it and all that counts as it."""
    whole, groups = combined(data, "minerals")
    marks, names = signatures(whole.lines), whole.library.names
    rows: list[dict[str, Any]] = []
    for label in read_manifest(data / "dev.csv", sets=SINGLE):
        if not label.phases:
            continue
        same = label.phases.union(_by_file(label, whole, marks), *(group for group in groups if group & label.phases))
        words = {_word(phase) for phase in label.phases}
        own = [i for i, name in enumerate(names) if name in same or _word(name) in words]
        alike = np.flatnonzero((marks @ marks[own].T).max(axis=1) > ALIKE)
        said = {"phase": label.file.name, "half": HALVES[int(held_out(label, data))]}
        rows += _with_and_without(
            lambda asked, label=label: judge(label, asked).answer,
            whole,
            frozenset(names[i] for i in {*own, *alike.tolist()}),
            said,
        )
    return rows


def _with_and_without(
    ask: Callable[[Catalogue], Identification], whole: Catalogue, own: frozenset[str], said: dict[str, Any]
) -> list[dict[str, Any]]:
    """What is answered of a scan, with all phases in the library and with all but its own."""
    others = np.array([i for i, name in enumerate(whole.library.names) if name not in own])
    without = whole.of(others)
    rows = []
    for held, asked in (("with", whole), ("without", without)):
        answer = ask(asked)
        rows.append(
            said
            | {
                "library": held,
                "score": score([f.probability for f in answer.phases], answer.unexplained or 0.0),
                "verdict": answer.verdict,
                "named": [(f.name, f.weight_percent, f.probability) for f in answer.phases],
                "right": any(f.name in own for f in answer.phases),
            }
        )
    return rows


# --- what comes of it --------------------------------------------------------------------------------------------

HEAD = """# Phases out of thousands

`python benchmarks/thousands.py`. `benchmarks/train_matcher.py` trained the matcher without the minerals of this
benchmark and without structures with similar lines.

- Phases with indistinguishable lines (similarity above 0.9, or a group of `alike.csv`) count as one. So do entries of
  one compound on lattices within 1%, and the mineral that a scan's file is named after.
- No parameter of the matcher was fitted on a measured scan. But its training was widened (changed line heights,
  larger strains, harder negatives, stacking faults) after networks had been tried on these sets, with both halves in
  view.
- A phase is named only if it is more likely than its isostructural neighbours (`identification/posterior.py`, fitted by
  `fit_confidence.py`).
"""


def kept(name: str) -> list[dict[str, Any]]:
    path = ANSWERS / f"thousands-{name}.json"
    return list(json.loads(path.read_text())) if path.exists() else []


def table() -> str:
    return HEAD + _simulated_table() + _measured_table() + _unknown_table()


def _simulated_table() -> str:
    rows = kept("simulated")
    text = f"""
## Simulated, minerals that training never saw, against all minerals of AMCSD

{len(rows)} scans of one to four left-out minerals with all that a recipe varies (35 counts to 100,000, 4 nm to bulk,
...). *recall at n*: share of the visible phases that the matcher alone ranks among its first n; present phases ranked
before are not counted. *first right*, *exact*: results of matcher and fit, for the scans that were also fitted; *all
listed*: of those, scans with all visible phases named or listed in `relatives`.

| phases in the scan | visible phases | recall at 1 | at 5 | at 20 | scans fitted | first right | exact | all listed |
|---|---|---|---|---|---|---|---|---|
"""
    for number in (1, 2, 3, 4):
        some = [row for row in rows if len(row["ranks"]) == number]
        ranks = [rank for row in some for rank in row["ranks"].values()]
        asked = [row for row in some if "exact" in row]
        cells = [f"{np.mean([rank <= n for rank in ranks]):.1%}" for n in RANKS]
        text += f"| {number} | {len(ranks)} | {' | '.join(cells)} | {len(asked)} | "
        text += f"{np.mean([row['first'] for row in asked]):.1%} | {np.mean([row['exact'] for row in asked]):.1%} | "
        text += f"{np.mean([row['told'] for row in asked]):.1%} |\n"
    cpu = np.median([row["cpu"] for row in rows if "cpu" in row])
    alone = np.median([row["seconds"] for row in rows])
    return f"""{text}
Median CPU: {alone:.2f} s for the matcher, {cpu:.1f} s for matcher and fit. The previous weights, trained without
stacking faults and tested on another draw of 300 minerals, had a recall at 1 of 75, 64, 53 and 44%; 78, 54, 44 and 27%
of the scans were exact matches, with a stricter rule for isostructural neighbours.
"""


def _measured_table() -> str:
    text = """
## Measured, against the labelled library and all minerals

Cells give looked at · held out. *matcher first*: scans whose first phase by the matcher alone is present; *at 20*:
scans with all phases among the first 20 of the matcher.

| set | search | scans | matcher first | at 20 | first right | exact | CPU |
|---|---|---|---|---|---|---|---|
"""
    for name in SETS:
        for way in ("blind", "elements"):
            halves = [[r for r in kept(name) if r["way"] == way and r["half"] == half] for half in HALVES]
            if not any(halves):
                continue
            cells = [" · ".join(str(len(half)) for half in halves)]
            for figure in (lambda r: min(r["ranks"]) == 1, lambda r: max(r["ranks"]) <= 20):
                cells.append(" · ".join(_of(half, figure) for half in halves) if "ranks" in halves[0][0] else "")
            cells += [" · ".join(_of(half, lambda r, k=key: r[k]) for half in halves) for key in ("first", "exact")]
            cpu = np.median([r["cpu"] for half in halves for r in half])
            text += f"| {name} | {way} | {' | '.join(cells)} | {cpu:.1f} s |\n"
    return text


def _of(rows: list[dict[str, Any]], figure: Any) -> str:
    return f"{sum(bool(figure(row)) for row in rows)}/{len(rows)}"


def _unknown_table() -> str:
    kinds = {"simulated": kept("unknown")}
    kinds |= {f"measured, {half}": [r for r in kept("unknown-measured") if r["half"] == half] for half in HALVES}
    lines = "".join(f"| {kind} | {_unknown_row(rows)} |\n" for kind, rows in kinds.items() if rows)
    return f"""
## Unknown: the phase and all similar ones removed from the library

Scans of one mineral each, against a library with all minerals and against one without this mineral. The scans are
simulated ones of left-out minerals, and single_rruff with single_rockjock, whose specimens are often not pure. The
score is the largest probability of a named phase, times (1 - unexplained). *named*: at least one false positive;
*known*: the same with the verdict known or mixture, a confident false positive.

| scans of | scans | AUROC | removed: named | *known* | in the library: right | of these *known* | wrong, *known* |
|---|---|---|---|---|---|---|---|
{lines}
With the verdict *known* each phase has a probability of {DEFAULT.sure} or more and no rival; otherwise the verdict is
*tentative*. That limit was set on other simulated scans. Of some 570 whose mineral was not in the library, six were
confident false positives, and nine with the previous limit, 0.9. With 0.9, thirteen of the 588 here were, which was
known before the limit was set. All that was before counting noise was subtracted from the R of a phase.

Before isostructural neighbours counted and before the verdict *tentative*, 25 of 126
simulated scans whose mineral was not in the library were confident false positives. The named phase was an
isostructural neighbour whose cell is within the 3% that a fit may strain it (gehlenite as melilite, descloizite as
mottramite), or another cubic phase of three to five lines.
"""


def _unknown_row(rows: list[dict[str, Any]]) -> str:
    inside, out = ([row for row in rows if row["library"] == held] for held in ("with", "without"))
    right = [row for row in inside if row["right"]]
    cells = [
        str(len(inside)),
        f"{auroc(*([row['score'] for row in part] for part in (inside, out))):.3f}",
        _of(out, lambda r: r["named"]),
        _of(out, lambda r: r["verdict"] in KNOWN),
        _of(inside, lambda r: r["right"]),
        _of(right, lambda r: r["verdict"] in KNOWN),
        _of(inside, lambda r: r["verdict"] in KNOWN and not r["right"]),
    ]
    return " | ".join(cells)


if __name__ == "__main__":
    main()
