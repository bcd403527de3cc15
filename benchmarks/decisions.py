"""Verdicts that one may act on: simulated mixtures of minerals that neither the matcher nor the posterior has seen.

    python benchmarks/decisions.py simulated [--scans N]
    python benchmarks/decisions.py without [--scans N]
    python benchmarks/decisions.py one-more [--scans N]
    python benchmarks/decisions.py table

*simulated*: N scans each of two, three and four minerals, every phase 10 σ high or more, cells within 0.3%, against the
built-in library. *without*: the same with one of the phases, and all like it, taken out of the library. *one-more*:
scans against 150 phases, and against the same with one unrelated phase more. Each answer is kept as it comes, so that a
run goes on where it was stopped. *table* writes results/decisions.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from confidence_answers import LIKE, World, mixtures, unseen
from kept_answers import ANSWERS, RESULTS, arguments
from simulated import Simulated

from bragglens import identify
from bragglens.identification.answer import Identification
from bragglens.match.builtin import builtin

KEPT = ANSWERS / "decisions"
FIRST = 5000  # part of the draw: the posterior is fitted to parts below 1000
LEAST = 10.0  # σ of the weakest phase
MOST_DRAWN = 400  # scans drawn at a time
SMALL = 150
CERTAIN = ("known", "mixture")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", choices=("simulated", "without", "one-more", "table"))
    parser.add_argument("--scans", type=int, default=200)
    options = parser.parse_args()
    if options.what == "table":
        (RESULTS / "decisions.md").write_text(table())
        return
    KEPT.mkdir(parents=True, exist_ok=True)
    world = World(builtin())
    if options.what == "one-more":
        kept("one-more", drawn(world, 2, options.scans), lambda one, i: one_more(world, one, i))
        return
    asked = simulated if options.what == "simulated" else without
    for number in (2, 3, 4):
        kept(f"{options.what}-{number}", drawn(world, number, options.scans), lambda one, i: asked(world, one, i))


def kept(name: str, scans: Iterator[Simulated], ask: Callable[[Simulated, int], dict[str, Any]]) -> None:
    """Ask about each scan that was not asked yet, and keep the answer."""
    path = KEPT / f"{name}.jsonl"
    done = len(path.read_text().splitlines()) if path.exists() else 0
    with path.open("a") as file:
        for i, one in enumerate(scans):
            if i >= done:
                file.write(json.dumps(ask(one, i)) + "\n")
                file.flush()


def drawn(world: World, number: int, count: int) -> Iterator[Simulated]:
    """Scans of so many phases that are all clear."""
    names, found, part = unseen(True), 0, FIRST + 100 * number
    while found < count:
        for one in mixtures(world, names, part, MOST_DRAWN):
            there = [s for n, s in zip(one.names, one.signal, strict=True) if n]
            if len(there) == number and min(there) >= LEAST and found < count:
                found += 1
                yield one
        part += 1


def _rows(world: World, one: Simulated) -> list[int]:
    return [row for name in one.names if name and (row := world.row(name)) is not None]


def counted(world: World, there: list[int], answer: Identification) -> dict[str, Any]:
    """What an answer is worth."""

    def rows(names: Iterable[str]) -> list[int]:
        return [row for name in names if (row := world.row(name)) is not None]

    def same(a: int, b: int) -> bool:
        return world.same(a, b) or bool(world.lines[a] @ world.lines[b] > LIKE)

    def of_type(a: int, b: int) -> bool:
        return same(a, b) or world.of_type(a, b)

    def met(one: list[int], other: list[int], alike: Callable[[int, int], bool]) -> int:
        return sum(any(alike(a, b) for b in other) for a in one)

    named = rows(f.name for f in answer.phases)
    told = rows(f.name for f in (*answer.phases, *answer.relatives))
    return {
        "there": [world.names[i] for i in there],
        "named": [(f.name, round(f.probability, 4)) for f in answer.phases],
        "relatives": [f.name for f in answer.relatives],
        "verdict": answer.verdict,
        "probability": answer.probability,
        "because": answer.because,
        "exact": met(named, there, same) == len(named) and met(there, named, same) == len(there),
        "of a type": met(told, there, of_type) == len(told) and met(there, told, of_type) == len(there),
        "seen": len(there),
        "shortlisted": met(there, rows(answer.probabilities or {}), same),
        "fitted": met(there, told, same),
        "found": met(there, named, same),
        "wrong": len(named) - met(named, there, same),
        "other compound": len(named) - met(named, there, world.same),
    }


def simulated(world: World, one: Simulated, _: int) -> dict[str, Any]:
    """The answer of the whole library."""
    started = time.process_time()
    answer = identify(one.scan, world.whole)
    return counted(world, _rows(world, one), answer) | {"cpu": time.process_time() - started}


def without(world: World, one: Simulated, number: int) -> dict[str, Any]:
    """The answer of the library without one of the phases."""
    there = _rows(world, one)
    gone = world.like(there[number % len(there)])
    rest = world.part([i for i in range(len(world.names)) if i not in set(gone)])
    return counted(world, [i for i in there if i not in gone], identify(one.scan, rest))


def one_more(world: World, one: Simulated, number: int) -> dict[str, Any]:
    """Verdicts of 150 phases and of 151."""
    rng = np.random.default_rng(number)
    there = _rows(world, one)
    others = [int(i) for i in rng.permutation(len(world.names)) if i not in there]
    few = sorted([*there, *others[: SMALL - len(there)]])
    more = sorted([*few, others[SMALL]])
    both = [identify(one.scan, world.part(rows)) for rows in (few, more)]
    return {"verdicts": [one.verdict for one in both], "named": [[f.name for f in one.phases] for one in both]}


# --- the table ----------------------------------------------------------------------------------------------------

HEAD = """# Verdicts that one may act on

`python benchmarks/decisions.py`. Simulated scans of minerals that neither the matcher nor the posterior has seen, with
all that a recipe varies and cells within 0.3%, against the built-in library of {phases} phases. Each phase is at least
{least:g} σ high. *exact*: the entries, or ones that `thousands.py` counts as the same. *of a type*: with fitted phases
that are not named, and with structure types in place of compounds. *losses*: phases that are there, in the shortlist,
in the fit, named.

| phases | scans | exact | of a type | of the exact, *mixture* | wrong and certain | losses | median CPU (s) |
|---|---|---|---|---|---|---|---|
"""


def rows_of(name: str) -> list[dict[str, Any]]:
    path = KEPT / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table() -> str:
    text = HEAD.format(phases=len(builtin().library), least=LEAST)
    for number in (2, 3, 4):
        rows = rows_of(f"simulated-{number}")
        if not rows:
            continue
        exact = [row for row in rows if row["exact"]]
        certain = [row for row in rows if row["verdict"] in CERTAIN]
        losses = " → ".join(str(sum(row[key] for row in rows)) for key in ("seen", "shortlisted", "fitted", "found"))
        cells = [
            len(rows),
            _share(exact, rows),
            _share([row for row in rows if row["of a type"]], rows),
            _share([row for row in exact if row["verdict"] in CERTAIN], exact),
            sum(bool(row["wrong"]) for row in certain),
            losses,
            f"{np.median([row['cpu'] for row in rows]):.1f}",
        ]
        text += f"| {number} | {' | '.join(map(str, cells))} |\n"
    taken = [row for number in (2, 3, 4) for row in rows_of(f"without-{number}")]
    if taken:
        certain = [row for row in taken if row["verdict"] in CERTAIN]
        wrong = sum(bool(row["wrong"]) for row in certain)
        text += f"\nWith one phase and all like it taken out: {len(taken)} scans, {len(certain)} *known* or *mixture*, "
        text += f"{wrong} of them with a phase that is not there.\n"
    pairs = rows_of("one-more")
    if pairs:
        verdicts = sum(len(set(row["verdicts"])) > 1 for row in pairs)
        names = sum(set(row["named"][0]) != set(row["named"][1]) for row in pairs)
        text += f"\n{SMALL} against {SMALL + 1} phases: {len(pairs)} scans, {verdicts} other verdicts, "
        text += f"{names} other names.\n"
    return text


def _share(some: list[Any], of: list[Any]) -> str:
    return f"{len(some)} ({len(some) / max(len(of), 1):.0%})"


if __name__ == "__main__":
    main()
