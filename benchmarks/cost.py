"""What bragglens costs as things grow: phases, atoms, reflections, points; reading CIFs; the first call.

    python benchmarks/cost.py [--rounds N] [--data DIR]

DIR holds phases/tio2, phases/oxides and phases/minerals (the shared data); without it crystals are made up. Times are
CPU seconds, the least of rounds taken in turns; memory is the growth of the resident set, each in a process of its
own (Linux). Writes benchmarks/results/cost.md, cost.png and cost.csv.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import gc
import multiprocessing
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a second BLAS thread waits in a loop, which would count as CPU time

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gemmi
import matplotlib
import numpy as np

from bragglens.crystal.library import read_library
from bragglens.crystal.phase import Phase, Site
from bragglens.scan.pattern import Grid
from bragglens.simulate.draws import draws
from bragglens.simulate.mixture import draw_conditions, draw_mixtures, single_phases
from bragglens.simulate.random_structures import random_structure
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import pack, reflections_in_range, render

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RESULTS = Path(__file__).parent / "results"
POST_GRID = Grid(5.0, 90.0, 0.01)
RECIPE = Recipe()
BATCH = 64
PHASES = (5, 10, 20, 40, 80, 134)
ATOMS = (3, 10, 30, 100, 300)
REFLECTIONS = (10, 30, 100, 300, 1000, 2000)
POINTS = (1000, 2000, 5000, 10_000, 20_000)
MINERALS = 134
INK, SECOND, QUIET = "#1f4e79", "#b5541c", "#8a8a8a"


# --- what is measured -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Phases on a grid, at one place of one axis of the plot."""

    axis: str
    size: int
    phases: tuple[Phase, ...]
    grid: Grid
    mixed: bool = False


@dataclass(frozen=True)
class Cost:
    """What a case costs.

    Attributes:
        render: CPU seconds of drawing and rendering a pattern.
        prepare: CPU seconds of preparing a phase: its reflections and its place in the packed arrays.
        held: bytes of the packed arrays.
        peak: bytes by which the process grew at most while preparing and rendering a batch.
        reflections: reflections of all phases.
    """

    render: float
    prepare: float
    held: int
    peak: int
    reflections: int


def phase_cases(data: Path) -> list[Case]:
    """Libraries of 5 to 134 phases; samples are mixtures of up to four of them."""
    phases = real_phases(data)
    chosen = [phases[round(i)] for i in np.linspace(0, len(phases) - 1, MINERALS)]
    order = np.random.default_rng(2).permutation(MINERALS)
    return [Case("phases", n, tuple(chosen[i] for i in order[:n]), POST_GRID, mixed=True) for n in PHASES]


def real_phases(data: Path) -> list[Phase]:
    """The 134 minerals of the shared data, or as many strangers."""
    folder = data / "phases" / "minerals"
    return list(read_library(folder)) if folder.is_dir() else [random_structure(i) for i in range(MINERALS)]


def atom_cases() -> list[Case]:
    """Cells of 3 to 300 atoms at 15 Å³ an atom, so that reflections grow with them."""
    return [Case("atoms", n, (crystal(n, 15.0 * n),), POST_GRID) for n in ATOMS]


def reflection_cases() -> list[Case]:
    """Ten atoms in ever larger cells, for the number of reflections alone."""
    return [Case("reflections", n, (crystal(10, volume_for(n)),), POST_GRID) for n in REFLECTIONS]


def point_cases(data: Path) -> list[Case]:
    """Grids of 1,000 to 20,000 points for the first five of the minerals."""
    phases = tuple(real_phases(data)[:5])
    return [Case("points", n, phases, Grid(5.0, 90.0, 85.0 / (n - 1))) for n in POINTS]


def crystal(atoms: int, volume: float) -> Phase:
    """An orthorhombic crystal of random atoms, P 2 2 2: four images of each general site, and up to three left over."""
    random = np.random.default_rng([atoms, 3])
    a, b, c = (volume / (1.0 * 1.17 * 1.31)) ** (1 / 3) * np.array([1.0, 1.17, 1.31])
    general = [tuple(random.random(3).tolist()) for _ in range(atoms // 4)]
    corners = [(0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.5, 0.0)][: atoms % 4]
    elements = ("O", "Si", "Ca")
    sites = tuple(
        Site(f"{elements[i % 3]}{i}", elements[i % 3], place, 1.0, 0.01) for i, place in enumerate([*corners, *general])
    )
    triplets = tuple(op.triplet() for op in gemmi.SpaceGroup("P 2 2 2").operations())
    return Phase(f"made-up-{atoms}", "", "P 2 2 2", (a, b, c, 90.0, 90.0, 90.0), triplets, sites, 20.0 * atoms)


def volume_for(count: int) -> float:
    """Cell volume in Å³ at which the crystal of ten atoms has about so many reflections, by bisection."""
    low, high = 5.0, 50_000.0
    while high / low > 1.01:
        middle = (low * high) ** 0.5
        (found,) = reflections_in_range([crystal(10, middle)], RECIPE.lines, POST_GRID)
        low, high = (middle, high) if len(found) < count else (low, middle)
    return high


def prepared(case: Case):  # type: ignore[no-untyped-def]
    return pack(reflections_in_range(case.phases, RECIPE.lines, case.grid), RECIPE.lines)


def make_batch(case: Case, packed) -> None:  # type: ignore[no-untyped-def]
    """One batch of samples, drawn and rendered."""
    drawn = draws(0, 0, BATCH)
    if case.mixed:
        content = draw_mixtures(RECIPE, drawn, library=len(case.phases), strangers=0)
    else:
        content = single_phases(drawn, phases=np.arange(BATCH) % len(case.phases))
    render(packed, draw_conditions(RECIPE, drawn, content, packed, case.grid), case.grid)


def cpu(call) -> float:  # type: ignore[no-untyped-def]
    started = time.process_time()
    call()
    return time.process_time() - started


def measure(cases: Sequence[Case], rounds: int) -> list[Cost]:
    """Times in turns, memory in a process for each case."""
    packs = [prepared(case) for case in cases]
    render_, prepare = np.full(len(cases), np.inf), np.full(len(cases), np.inf)
    for number in range(rounds):
        for i, case in enumerate(cases):
            make_batch(case, packs[i])
            render_[i] = min(render_[i], cpu(partial(make_batch, case, packs[i])) / BATCH)
            if number < 3:
                prepare[i] = min(prepare[i], cpu(partial(prepared, case)) / len(case.phases))
    held = [sum(column.nbytes for column in packed) for packed in packs]
    count = [len(packed.hkl) for packed in packs]
    return [Cost(*row) for row in zip(render_, prepare, held, [peak(case) for case in cases], count, strict=True)]


def peak(case: Case) -> int:
    """Bytes by which a fresh fork of this process grows at most while preparing and rendering a batch."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_grow, args=(case, sender))
    child.start()
    grown = receiver.recv()
    child.join()
    return int(grown)


def _grow(case: Case, sender) -> None:  # type: ignore[no-untyped-def]
    make_batch(case, prepared(case))  # brings in the pages of the code, which are no cost of the case
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    before = resident("VmHWM")
    make_batch(case, prepared(case))
    sender.send(resident("VmHWM") - before)


def resident(field: str) -> int:
    """A memory field of this process in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith(field)))


# --- reading, and the first call --------------------------------------------------------------------------------


def reading(data: Path) -> list[str]:
    """Reading and preparing the shared libraries, once."""
    lines = ["| library | CIFs | reading | preparing | together | goal |", "|---|---|---|---|---|---|"]
    for name in ("tio2", "oxides", "minerals"):
        folder = data / "phases" / name
        if not folder.is_dir():
            continue
        started = time.perf_counter()
        library = read_library(folder)
        read = time.perf_counter() - started
        pack(reflections_in_range(library.phases, RECIPE.lines, POST_GRID), RECIPE.lines)
        whole = time.perf_counter() - started
        goal = f"under 10 s: {'yes' if whole < 10 else 'no'}" if len(library) == MINERALS else ""
        lines.append(f"| {name} | {len(library)} | {read:.2f} s | {whole - read:.2f} s | {whole:.2f} s | {goal} |")
    return lines if len(lines) > 2 else ["The shared CIFs are not here."]


FIRST_CALL = """
import time
started = time.perf_counter()
from importlib.resources import files
import numpy as np
from bragglens.crystal.library import read_library
from bragglens.scan.pattern import Grid
from bragglens.simulate.draws import draws
from bragglens.simulate.mixture import draw_conditions, single_phases
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.render import pack, reflections_in_range, render
imported = time.perf_counter()
grid, recipe = Grid(5.0, 90.0, 0.01), Recipe()
phases = read_library(str(files("bragglens") / "data" / "titania")).phases
packed = pack(reflections_in_range(phases, recipe.lines, grid), recipe.lines)
prepared = time.perf_counter()
sample = draws(0, 0, 1)
content = single_phases(sample, phases=np.zeros(1, dtype=int))
render(packed, draw_conditions(recipe, sample, content, packed, grid), grid)
done = time.perf_counter()
print(imported - started, prepared - imported, done - prepared, time.process_time())
"""


def first_calls(repeats: int) -> dict[str, list[float]]:
    """Seconds of import, preparing, the first pattern, and CPU of the whole: without cache, then with it."""
    with tempfile.TemporaryDirectory() as cache:
        cold = first_call(cache)
        warm = [first_call(cache) for _ in range(repeats)]
    return {"without cache": cold, "with cache": list(np.min(warm, axis=0))}


def first_call(cache: str) -> list[float]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CALL], env=environment, check=True, capture_output=True, text=True
    )
    return [float(text) for text in done.stdout.split()]


def first_call_table(times: dict[str, list[float]]) -> list[str]:
    lines = [
        "| a fresh process | import | reading and preparing | first pattern | CPU, all | goal for the first pattern |",
        "|---|---|---|---|---|---|",
    ]
    for name, goal in (("with cache", 1.0), ("without cache", 30.0)):
        imported, prepare, first, whole = times[name]
        reached = "yes" if first < goal else "no"
        lines.append(
            f"| {name} | {imported:.2f} s | {prepare:.2f} s | {first:.2f} s | {whole:.1f} s "
            f"| under {goal:g} s: {reached} |"
        )
    return lines


# --- the report -------------------------------------------------------------------------------------------------

AXES = {
    "phases": "phases in the library",
    "atoms": "atoms in the cell",
    "reflections": "reflections of the phase",
    "points": "points of the grid",
}


def plot(cases: list[Case], costs: list[Cost]) -> None:
    figure, panels = plt.subplots(2, 4, figsize=(12.5, 5.6), sharex="col", sharey="row", layout="constrained")
    for column, (axis, label) in enumerate(AXES.items()):
        rows = [(case.size, cost) for case, cost in zip(cases, costs, strict=True) if case.axis == axis]
        sizes = [size for size, _ in rows]
        top, bottom = panels[:, column]
        draw_line(top, sizes, [1e3 * cost.prepare for _, cost in rows], SECOND, "preparing a phase")
        draw_line(top, sizes, [1e3 * cost.render for _, cost in rows], INK, "making a pattern")
        draw_line(bottom, sizes, [cost.peak / 2**20 for _, cost in rows], INK, f"peak, batch of {BATCH}")
        draw_line(bottom, sizes, [cost.held / 2**20 for _, cost in rows], SECOND, "packed phases")
        bottom.set_xlabel(label)
        bottom.set_xscale("log")
        bottom.set_xticks(sizes, [f"{size:,}" if size < 1000 else f"{size // 1000}k" for size in sizes])
        bottom.minorticks_off()
    for panel, label in zip(panels[:, 0], ("CPU time in ms", "memory in MiB"), strict=True):
        panel.set_ylabel(label)
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
    for panel, place in zip(panels[:, -1], ("upper left", "lower left"), strict=True):
        panel.legend(frameon=False, loc=place)
    figure.savefig(RESULTS / "cost.png", dpi=130)


def draw_line(panel, x: list[int], y: list[float], colour: str, label: str) -> None:  # type: ignore[no-untyped-def]
    panel.plot(x, y, "o-", color=colour, label=label, linewidth=1.6, markersize=4)
    panel.grid(visible=True, color=QUIET, alpha=0.25, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)


def table(cases: list[Case], costs: list[Cost]) -> list[str]:
    lines = [
        "| grows | to | reflections in all | making a pattern | preparing a phase | packed | peak |",
        "|---|---|---|---|---|---|---|",
    ]
    for case, cost in zip(cases, costs, strict=True):
        lines.append(
            f"| {AXES[case.axis]} | {case.size:,} | {cost.reflections:,} | {cost.render * 1e6:.0f} µs "
            f"| {cost.prepare * 1e3:.1f} ms | {cost.held / 2**20:.2f} MiB | {cost.peak / 2**20:.1f} MiB |"
        )
    return lines


def slopes(cases: list[Case], costs: list[Cost]) -> list[str]:
    """By how much a pattern costs more from the least to the largest of each axis."""
    sentences = []
    for axis, label in AXES.items():
        rows = [(case.size, cost.render) for case, cost in zip(cases, costs, strict=True) if case.axis == axis]
        (small, first), (large, last) = rows[0], rows[-1]
        sentences.append(
            f"- {label}: {large / small:.0f} times as many take {last / first:.1f} times as long a pattern."
        )
    return sentences


def report(cases: list[Case], costs: list[Cost], read: list[str], first: list[str], rounds: int, loads) -> str:  # type: ignore[no-untyped-def]
    said = "; ".join(" ".join(f"{value:.2f}" for value in load) for load in loads)
    return "\n".join(
        [
            "# Time and memory against size",
            "",
            f"`python benchmarks/cost.py --rounds {rounds}`. CPU time on one thread, the shortest of {rounds} rounds "
            f"taken in turns; load (1, 5, 15 minutes) before and after: {said}. Memory is the largest growth of "
            f"a process while it prepares the phases and makes a batch of {BATCH} patterns.",
            "",
            "Samples are single phases with all effects of the default recipe, 5-90° in 8,501 points. In the series "
            "*phases* they are mixtures of up to four minerals of the library. In *atoms* cells grow with their "
            "content (15 Å³ per atom), and so does the number of reflections. In *reflections* ten atoms are in larger "
            "and larger cells. In *points* five minerals alternate.",
            "",
            "![time and memory against size](cost.png)",
            "",
            *slopes(cases, costs),
            "",
            *table(cases, costs),
            "",
            "## Reading CIFs",
            "",
            *read,
            "",
            "## The first call",
            "",
            *first,
            "",
        ]
    )


def write_csv(cases: list[Case], costs: list[Cost]) -> None:
    with (RESULTS / "cost.csv").open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["axis", "size", "reflections", "render_cpu_s", "prepare_cpu_s", "packed_bytes", "peak_bytes"])
        for case, cost in zip(cases, costs, strict=True):
            times = [f"{cost.render:.3e}", f"{cost.prepare:.3e}"]
            rows.writerow([case.axis, case.size, cost.reflections, *times, cost.held, cost.peak])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    arguments = parser.parse_args()
    loads = [os.getloadavg()]
    read, first = reading(arguments.data), first_call_table(first_calls(3))
    cases = [*phase_cases(arguments.data), *atom_cases(), *reflection_cases(), *point_cases(arguments.data)]
    costs = measure(cases, arguments.rounds)
    loads.append(os.getloadavg())
    RESULTS.mkdir(exist_ok=True)
    plot(cases, costs)
    write_csv(cases, costs)
    text = report(cases, costs, read, first, arguments.rounds, loads)
    (RESULTS / "cost.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
