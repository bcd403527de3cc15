"""Which answers change where a threshold of the policy is moved by a third, up and down?

    python benchmarks/sensitivity.py [--scans N] [--only NAME ...]
    python benchmarks/sensitivity.py --table

Measured scans are drawn by seed from the labelled ones, simulated ones have two to four minerals that the matcher never
saw. Each is asked against its labelled library and all minerals of AMCSD (simulated ones against the minerals alone),
once by the package's own policy and twice for each threshold. Thresholds whose origin is a judgement come first. Each
answer is kept in benchmarks/results/answers/sensitivity.jsonl as it comes, so that a run goes on where it was stopped,
and a larger --scans adds to what is there. --table writes results/sensitivity.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from kept_answers import ANSWERS, RESULTS, arguments
from simulated import GRID, SEED, packed, scans_of
from thousands import SETS, combined, left_out, minerals

from bragglens import BragglensError, Scan, identify, read_scan
from bragglens.identification.evaluate import read_manifest
from bragglens.match.catalogue import Catalogue
from bragglens.policy import DEFAULT, Policy
from bragglens.simulate.draws import Uniform, draws
from bragglens.simulate.mixture import draw_conditions, draw_mixtures
from bragglens.simulate.recipe import Recipe

KEPT = ANSWERS / "sensitivity.jsonl"
BY = 1 / 3  # of its value
WEIGHT = 1.0  # wt%; a smaller change of a fraction is not counted
MOST = 60  # scans of each kind


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scans", type=int, default=MOST, help="measured ones, and as many simulated ones")
    parser.add_argument("--only", nargs="*", default=None, metavar="NAME")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table:
        ask_all(options.data, options.scans, options.only)
    (RESULTS / "sensitivity.md").write_text(table())


# --- the thresholds and the scans ---------------------------------------------------------------------------------


def thresholds() -> list[Field[Any]]:
    """Those that are judgements first."""
    return sorted(fields(Policy), key=lambda one: one.metadata["origin"] != "judgement")


def moved(one: Field[Any], sign: int) -> Policy:
    """The policy with one threshold a third larger or smaller, within its bounds; whole numbers by one at least."""
    value = one.default * (1 + sign * BY)
    if one.type == "int":
        value = max(1, one.default + sign * max(1, round(one.default * BY)))
    return replace(DEFAULT, **{one.name: type(one.default)(min(value, one.metadata["high"]))})


def scans(data: Path, count: int) -> Iterator[tuple[str, Scan, float | None, Catalogue]]:
    """Name, scan, wavelength and library: measured and simulated ones in turn, in an order that a seed draws."""
    libraries = {name: combined(data, name)[0] for name in sorted({*SETS.values()})}
    labels = [(label, SETS[name]) for name in SETS for label in read_manifest(data / "dev.csv", sets=[name])]
    order = np.random.default_rng(SEED).permutation(len(labels))[:count]
    whole = minerals()
    for place, one in zip(order, simulated(whole, count), strict=True):
        label, library = labels[place]
        yield label.file.name, read_scan(label.file), label.wavelength, libraries[library]
        yield one.name, one, one.wavelength, whole


def simulated(whole: Catalogue, count: int) -> list[Scan]:
    """Mixtures of two to four minerals that the matcher has not seen."""
    recipe, phases = Recipe(phases=Uniform(2.0, 5.0), strangers=0.0), left_out(whole)
    numbers, packs = draws(SEED + 11, 0, count), packed(phases, recipe)
    content = draw_mixtures(recipe, numbers, library=len(phases), strangers=0)
    made = scans_of(phases, content, draw_conditions(recipe, numbers, content, packs, GRID), packs, recipe)
    return [replace(one.scan, name=f"simulated {place}") for place, one in enumerate(made)]


# --- the answers --------------------------------------------------------------------------------------------------


def ask_all(data: Path, count: int, only: Sequence[str] | None) -> None:
    """Every threshold on every scan, but for what is kept."""
    ANSWERS.mkdir(parents=True, exist_ok=True)
    there = {(row["threshold"], row["sign"], row["scan"]) for row in kept()}
    tried = [one for one in thresholds() if only is None or one.name in only]
    cases = [("", 0, DEFAULT), *((one.name, sign, moved(one, sign)) for one in tried for sign in (-1, 1))]
    asked = list(scans(data, count))
    with KEPT.open("a") as file:
        for name, sign, policy in cases:
            for title, scan, wavelength, library in asked:
                if (name, sign, title) not in there:
                    said = answer(scan, library, wavelength, policy)
                    file.write(json.dumps({"threshold": name, "sign": sign, "scan": title, **said}) + "\n")
                    file.flush()


def answer(scan: Scan, library: Catalogue, wavelength: float | None, policy: Policy) -> dict[str, Any]:
    """Verdict, phases with their fractions, and what could not be answered."""
    try:
        found = identify(scan, library, wavelength=wavelength, policy=policy)
    except BragglensError as error:
        return {"verdict": None, "phases": {}, "error": str(error)}
    return {"verdict": found.verdict, "phases": {f.name: f.weight_percent for f in found.phases}}


def kept() -> list[dict[str, Any]]:
    """What was answered so far."""
    return [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []


# --- what comes of it ---------------------------------------------------------------------------------------------

HEAD = """# How much hangs on each threshold

`python benchmarks/sensitivity.py`. Each threshold of `bragglens.policy` moved by a third down and up (whole numbers by
one at least, shares up to 1), all others as they are, on {scans} scans of the {most} that the script draws: too few to
call a threshold idle before all are done. *phases*: answers that name other phases; *verdict*: the same
phases with another verdict; *fractions*: the same phases and verdict, and a fraction that changes by more than 1 wt%.
Cells say down / up.

| threshold | value | unit | origin | answers | phases | verdict | fractions |
|---|---|---|---|---|---|---|---|
"""


def table() -> str:
    """A row for each threshold, those on which most hangs first."""
    rows = kept()
    usual = {row["scan"]: row for row in rows if not row["threshold"]}
    lines = []
    for one in thresholds():
        own = [[row for row in rows if (row["threshold"], row["sign"]) == (one.name, sign)] for sign in (-1, 1)]
        counts = [[changed(usual[row["scan"]], row) for row in part] for part in own]
        if not any(counts):
            continue
        cells = [" / ".join(str(part.count(kind)) for part in counts) for kind in ("phases", "verdict", "fractions")]
        total = sum(kind in ("phases", "verdict") for part in counts for kind in part)
        asked = " / ".join(str(len(part)) for part in own)
        said = [one.name, f"{one.default:g}", one.metadata["unit"], one.metadata["origin"], asked, *cells]
        lines.append((-total, f"| {' | '.join(said)} |\n"))
    return HEAD.format(scans=len(usual), most=2 * MOST) + "".join(line for _, line in sorted(lines))


def changed(usual: dict[str, Any], now: dict[str, Any]) -> str:
    """In what an answer differs, or nothing."""
    if set(usual["phases"]) != set(now["phases"]) or usual.get("error") != now.get("error"):
        return "phases"
    if usual["verdict"] != now["verdict"]:
        return "verdict"
    pairs = ((weight, now["phases"][name]) for name, weight in usual["phases"].items())
    return "fractions" if any(abs((a or 0.0) - (b or 0.0)) > WEIGHT for a, b in pairs) else ""


if __name__ == "__main__":
    main()
