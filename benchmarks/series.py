"""The in-situ series y2mn2o7 of the shared data: which phases are found, scan by scan, and how much of each.

    python benchmarks/series.py [--every N]
    python benchmarks/series.py --table

96 scans of a synchrotron (0.2413 Å), 25 to 650 °C, each identified alone: with the structures as refined at temperature
(`phases`) and with those of room temperature (`phases_rt`), with the temperature told and not. The reference is the
authors' Rietveld refinement; its README says that its fractions can be trusted from scan 177 on, before it only which
phases are there. Each answer is kept in benchmarks/results/answers as it comes; ten minutes on one core. --table writes
results/series.md.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from kept_answers import ANSWERS, RESULTS, arguments

from bragglens import BragglensError, identify
from bragglens.crystal.library import read_library
from bragglens.scan.read import read_scan

KEPT = ANSWERS / "series.jsonl"
WAVELENGTH = 0.2413  # Å
TRUSTED = 177  # first scan whose fractions can be trusted
PRESENT, WEIGHED = 5.0, 2.0  # wt%: phases that are counted as found or missed; that have an error
WAYS = tuple((library, told) for library in ("phases", "phases_rt") for told in (True, False))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--every", type=int, default=1, help="of the scans")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    folder = options.data / "series" / "y2mn2o7"
    if not options.table:
        ask(folder, options.every)
    (RESULTS / "series.md").write_text(table(folder))
    print((RESULTS / "series.md").read_text())


def rows_of(path: Path) -> dict[int, dict[str, str]]:
    """Rows of a table of the series by the number of the scan."""
    with path.open(newline="") as file:
        return {int(row["scan"]): row for row in csv.DictReader(file)}


def ask(folder: Path, every: int) -> None:
    """Identify the scans that have no answer yet."""
    conditions = rows_of(folder / "conditions.csv")
    libraries = {name: read_library(folder / name) for name, _ in WAYS}
    ANSWERS.mkdir(parents=True, exist_ok=True)
    done = {(one["scan"], one["library"], one["told"]) for one in kept()}
    with KEPT.open("a") as file:
        for number in sorted(conditions)[::every]:
            scan = read_scan(folder / "scans" / f"{number:03d}.xye")
            for name, told in WAYS:
                if (number, name, told) in done:
                    continue
                warm = float(conditions[number]["temperature_C"]) if told else None
                about = {"scan": number, "library": name, "told": told}
                file.write(json.dumps(about | answered(scan, libraries[name], warm)) + "\n")
                file.flush()


def answered(scan: Any, library: Any, temperature: float | None) -> dict[str, Any]:
    try:
        answer = identify(scan, library, wavelength=WAVELENGTH, temperature=temperature)
    except BragglensError as error:
        return {"error": str(error), "found": {}}
    return {
        "verdict": answer.verdict,
        "rwp": answer.rwp,
        "unexplained": answer.unexplained,
        "found": {one.name: one.weight_percent for one in answer.phases},
    }


def kept() -> Iterator[dict[str, Any]]:
    """The answers so far."""
    if KEPT.exists():
        yield from map(json.loads, KEPT.read_text().splitlines())


def table(folder: Path) -> str:
    """The table as Markdown."""
    reference = rows_of(folder / "reference.csv")
    lines = [
        "# A series in situ",
        "",
        "`python benchmarks/series.py`. Scans of a synchrotron at 25 to 650 °C, each identified alone. *found*: of the",
        "phases of 5 wt% or more in the authors' refinement; NaCl alone. *error*: mean over phases of 2 wt% or more, a",
        "missed one counted as 0. *foreign*: named above 2 wt%, and not in the refinement.",
        "",
        "| structures | temperature | scans | number | found | NaCl | error (wt%) | foreign | median Rwp |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    answers = list(kept())
    for library, told in WAYS:
        own = [one for one in answers if one["library"] == library and one["told"] == told]
        for name, some in (("before 177", [o for o in own if o["scan"] < TRUSTED]),
                           ("from 177 on", [o for o in own if o["scan"] >= TRUSTED])):  # fmt: skip
            lines.append(f"| `{library}` | {'told' if told else 'not told'} | {name} | {figures(some, reference)} |")
    return "\n".join(lines) + "\n"


def figures(answers: list[dict[str, Any]], reference: dict[int, dict[str, str]]) -> str:
    """The cells of one row."""
    there = salt = found = salt_found = foreign = 0
    errors, misfits = [], []
    for one in answers:
        truth = {k.removeprefix("wt_"): float(v) for k, v in reference.get(one["scan"], {}).items()
                 if k.startswith("wt_") and v}  # fmt: skip
        if not truth:
            continue
        named = {name: weight or 0.0 for name, weight in one["found"].items()}
        clear = [name for name, weight in truth.items() if weight >= PRESENT]
        there, found = there + len(clear), found + sum(name in named for name in clear)
        salt, salt_found = salt + ("NaCl" in clear), salt_found + ("NaCl" in clear and "NaCl" in named)
        foreign += sum(weight > WEIGHED and not truth.get(name) for name, weight in named.items())
        errors += [abs(named.get(name, 0.0) - weight) for name, weight in truth.items() if weight >= WEIGHED]
        misfits.append(one.get("rwp") or np.nan)
    error = f"{np.mean(errors):.1f}" if errors else "–"
    rwp = f"{np.nanmedian(misfits):.3f}" if misfits else "–"
    return f"{len(misfits)} | {found} of {there} | {salt_found} of {salt} | {error} | {foreign} | {rwp}"


if __name__ == "__main__":
    main()
