"""How long an answer takes: network, fit, and both.

    python benchmarks/answer_time.py [--models DIR] [--scans N]

N simulated scans of 8,001 points of three of the 74 oxides each, the three ways in turn. Writes
benchmarks/results/answer_time.md.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
from kept_answers import RESULTS, arguments
from simulated import given

from bragglens.identification.identify import identify
from bragglens.learn.model import load_model
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.draws import Constant
from bragglens.simulate.recipe import Recipe

GRID = Grid(10.0, 90.0, 0.01)
WAYS = {"network": "network alone", "fit": "matcher and fit, 74 phases", "both": "both"}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scans", type=int, default=40)
    options = parser.parse_args()
    model = load_model(options.models / "oxides.bragglens")
    asks = {
        "network": lambda scan: identify(scan, model, network_only=True),
        "fit": lambda scan: identify(scan, model.library),
        "both": lambda scan: identify(scan, model),
    }
    scans = three_phases(model.library.phases, options.scans)
    for ask in asks.values():
        ask(scans[0])  # compiles, and makes the library ready
    load = os.getloadavg()
    times = {name: np.array([seconds(ask, scan) for scan in scans]) for name, ask in asks.items()}
    text = report(times, len(scans), load)
    (RESULTS / "answer_time.md").write_text(text)
    print(text)


def three_phases(library, count: int) -> list[Scan]:  # type: ignore[no-untyped-def]
    """Scans of three random phases each, as the default recipe draws them, from 10 to 90°."""
    recipe = replace(Recipe(), start=Constant(10.0), stop=Constant(90.0))
    random = np.random.default_rng(20261123)
    phase = np.array([random.permutation(len(library))[:3] for _ in range(count)])
    weight = np.exp(recipe.dominance.quantile(np.zeros(1))[0] * random.normal(size=phase.shape))
    drawn, _, _ = given(library, phase, weight, recipe, samples=np.arange(count, dtype=np.uint64), grid=GRID)
    return [s.scan for s in drawn]


def seconds(ask, scan: Scan) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """CPU of all threads, and wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    ask(scan)
    return time.process_time() - cpu, time.perf_counter() - wall


def report(times: dict[str, np.ndarray], count: int, load: tuple[float, ...]) -> str:
    lines = [
        "# How long an answer takes",
        "",
        f"`python benchmarks/answer_time.py`: {count} simulated scans of three of the 74 oxides, 8,001 points from 10",
        "to 90°, which the fit averages to steps of 0.02°; the library made ready beforehand. On a shared two-core",
        f"machine under a load of {load[0]:.1f}.",
        "",
        "| | CPU, median | CPU, largest | wall, median | wall, largest |",
        "|---|---|---|---|---|",
    ]
    for name, values in times.items():
        cells = [f"{f(column):.3g} s" for column in values.T for f in (np.median, np.max)]
        lines.append("| " + " | ".join([WAYS[name], *cells]) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
