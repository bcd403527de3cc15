"""Time and memory of identify against the number of phases in the library.

    python benchmarks/library_size.py [--scans N] FILE.library ...

The libraries are built with `bragglens library build`, one of them of all minerals; scans of one to three minerals are
simulated. Writes benchmarks/results/library_size.md and .png. What building costs is in libraries.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from kept_answers import RESULTS
from matplotlib.figure import Figure
from simulated import mixtures

from bragglens.identification.identify import identify
from bragglens.identification.sources import proposer_of
from bragglens.match.catalogue import read_catalogue
from bragglens.simulate.draws import Uniform
from bragglens.simulate.recipe import Recipe

SIZES = (10, 100, 1000, 2000, 10_000)
HEAD = """# Identify against the size of the library

`python benchmarks/library_size.py`: scans of one to three phases of the library with all that a recipe varies, 4,250
points, fit included, up to two threads; median, and the slowest. Load while it ran (1, 5, 15 minutes): {load}; 2 cores.

| phases | load | matcher | identify, wall | slowest | identify, CPU | memory |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=15)
    parser.add_argument("--size", type=int, help="measure this size alone and print it")
    parser.add_argument("libraries", type=Path, nargs="+")
    options = parser.parse_args()
    if options.size:
        print(json.dumps(measured(options.libraries[0], options.size, options.scans)))
        return
    rows = []
    for library in options.libraries:
        most = len(read_catalogue(library))
        for size in sorted({min(size, most) for size in SIZES}):
            if size not in [row["phases"] for row in rows]:
                command = [sys.executable, __file__, str(library), "--size", str(size), "--scans", str(options.scans)]
                rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
                print(rows[-1], flush=True)
    rows.sort(key=lambda row: row["phases"])
    text = HEAD.format(load=", ".join(f"{value:.1f}" for value in os.getloadavg()))
    for row in rows:
        text += (
            f"| {row['phases']:,} | {row['load']:.2f} s | {1e3 * row['matcher']:.0f} ms | {row['wall']:.2f} s | "
            f"{row['slowest']:.1f} s | {row['cpu']:.2f} s | {row['memory']:.0f} MB |\n"
        )
    draw(rows)
    (RESULTS / "library_size.md").write_text(text + "\n![time and memory against phases](library_size.png)\n")


def measured(path: Path, size: int, scans: int) -> dict[str, float]:
    """Figures of one size, in a process of its own."""
    started = time.perf_counter()
    whole = read_catalogue(path)
    rows = np.sort(np.random.default_rng(0).permutation(len(whole))[:size])
    asked = whole.of(rows)
    assert len(asked.reference_lines) == size
    load = time.perf_counter() - started
    some = [whole.library.phases[row] for row in np.random.default_rng(1).permutation(rows)[:40]]
    drawn = mixtures(some, scans + 1, Recipe(phases=Uniform(1.0, 4.0), strangers=0.0))
    wall, cpu, network = [], [], []
    for one in drawn:
        before, used = time.perf_counter(), time.process_time()
        identify(one.scan, asked)
        wall.append(time.perf_counter() - before)
        cpu.append(time.process_time() - used)
        before = time.perf_counter()
        proposer_of(asked).propose(one.scan, wavelength=one.scan.wavelength or 0.0)
        network.append(time.perf_counter() - before)
    medians = (float(np.median(column[1:])) for column in (network, wall, cpu))  # the first compiles
    figures = dict(zip(("matcher", "wall", "cpu"), medians, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"phases": size, "load": load, "slowest": max(wall[1:]), "memory": memory, **figures}


def draw(rows: list[dict[str, float]]) -> None:
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    phases = [row["phases"] for row in rows]
    for name, label in (("wall", "identify, wall"), ("cpu", "identify, CPU"), ("matcher", "matcher"), ("load", "load")):
        left.loglog(phases, [row[name] for row in rows], "o-", label=label)
    left.set(xlabel="phases", ylabel="seconds")
    left.legend(frameon=False, fontsize=8)
    right.semilogx(phases, [row["memory"] for row in rows], "o-")
    right.set(xlabel="phases", ylabel="memory / MB", ylim=(0, None))
    figure.savefig(RESULTS / "library_size.png", dpi=120)


if __name__ == "__main__":
    main()
