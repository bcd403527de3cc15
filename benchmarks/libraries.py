"""What building and reading a library costs as it grows, and whether kills leave a trace.

    python benchmarks/libraries.py [SIZE ...] [--kills DIR] [--likeness DIR]

Sizes are structures of AMCSD one by one, as larixite ships them, in an order drawn once; 4384 is the library of
`bragglens library minerals --compounds`. Each is built and read in a process of its own: wall and CPU seconds, and the
largest resident set (Linux). --kills builds the CIFs of DIR undisturbed and then killed ten times at random; --likeness
compares likeness from lines with that of rendered patterns. What is not asked for stays as libraries.csv and
libraries.json have it; libraries.md and libraries.png are made of both.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from bragglens.crystal.amcsd import amcsd_database, read_amcsd
from bragglens.crystal.library import read_library
from bragglens.crystal.minerals import gather_minerals
from bragglens.simulate.build import build_library
from bragglens.simulate.built import read_built
from bragglens.simulate.duplicates import indistinguishable_lines
from bragglens.simulate.lines import lines_of_phases
from bragglens.simulate.similarity import ALIKE, indistinguishable_pairs

RESULTS = Path(__file__).parent / "results"
SIZES = (10, 100, 1000, 4384, 9275)
CHOSEN = 4384  # structures of minerals and compounds, one a phase
KILLS = 10
CHANGED = 10  # CIFs that come and go before the library is built again
COLUMNS = {
    "cifs": "CIFs",
    "phases": "phases",
    "same": "given twice",
    "alike": "in groups of look-alikes",
    "groups": "groups",
    "problems": "left out",
    "build": "build / s",
    "build_cpu": "CPU / s",
    "build_memory": "memory / MB",
    "again": f"again with {CHANGED} new / s",
    "size": "file / MB",
    "read": "read / s",
    "read_memory": "memory / MB",
    "folder": "read the folder / s",
}
COMMAND = [sys.executable, "-c", "from bragglens.cli import main; main()", "library", "build"]


def measured(size: int, place: Path) -> dict[str, float]:
    """The row of one size, each step in a process of its own."""
    folder, path = place / "cifs", place / "built.library"
    folder.mkdir()
    write_cifs(size, folder)
    steps = {step: child(step, folder, path) for step in ("build", "read", "folder")}
    for file in sorted(folder.iterdir())[:CHANGED]:
        file.write_text(f"{file.read_text()}\n# changed\n")
    again = child("build", folder, path)
    built = read_built(path)
    return {
        "cifs": len(list(folder.glob("*.cif"))),
        "phases": len(built.library),
        "same": len(built.same),
        "alike": sum(map(len, built.groups)),
        "groups": len(built.groups),
        "problems": len(built.library.problems),
        "build": steps["build"]["wall"],
        "build_cpu": steps["build"]["cpu"],
        "build_memory": steps["build"]["memory"],
        "again": again["wall"],
        "size": path.stat().st_size / 1e6,
        "read": steps["read"]["wall"],
        "read_memory": steps["read"]["memory"],
        "folder": steps["folder"]["wall"],
    }


def write_cifs(size: int, folder: Path) -> None:
    if size == CHOSEN:
        gather_minerals(folder, compounds=True)
        return
    entries = [entry for entry in read_amcsd(amcsd_database()[0]) if not entry.damage]
    random.Random(0).shuffle(entries)
    for entry in entries[:size]:
        name = "".join(letter if letter.isalnum() else "_" for letter in entry.mineral or entry.formula)
        (folder / f"{name}_{entry.code}.cif").write_text(entry.cif, encoding="utf-8")


def child(step: str, folder: Path, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--step", step, str(folder), str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_step(step: str, folder: Path, path: Path) -> None:
    """In a child: do it once, print what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    if step == "build":
        build_library(folder, path)
    else:
        held = read_built(path) if step == "read" else read_library(folder)  # held, so that its memory counts
        assert held
    cost = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(cost | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}))


def killed(folder: Path, place: Path) -> str:
    """One sentence on a build that was killed at random."""
    whole, broken = place / "whole.library", place / "broken.library"
    started = time.perf_counter()
    subprocess.run([*COMMAND, str(folder), "-o", str(whole)], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    chance, hit, parts = random.Random(1), 0, []
    while hit < KILLS:
        run = subprocess.Popen(
            [*COMMAND, str(folder), "-o", str(broken)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            run.wait(chance.uniform(0.2, 1.0) * seconds)
            broken.unlink()  # it was quicker: begin again
        except subprocess.TimeoutExpired:
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            hit += 1
            parts.append(len(list(place.glob("broken.library.parts/*.part"))))
    subprocess.run([*COMMAND, str(folder), "-o", str(broken)], check=True, capture_output=True)
    same = "the same bytes" if whole.read_bytes() == broken.read_bytes() else "OTHER BYTES"
    left = sorted(file.name for file in place.iterdir() if file.name.startswith("broken"))
    return (
        f"{len(list(folder.glob('*.cif')))} CIFs, killed {hit} times after 20% to 100% of {seconds:.0f} s "
        f"(pieces finished then: {', '.join(map(str, parts))}): the file has {same} as from an undisturbed build, "
        f"and the folder holds {'nothing else' if left == ['broken.library'] else left}."
    )


def likeness(folder: Path) -> str:
    """How likeness from lines agrees with that of rendered patterns, in words."""
    phases = read_library(folder).phases
    place = {phase.name: i for i, phase in enumerate(phases)}
    started = time.process_time()
    rendered = np.eye(len(phases))
    for one, other, cosine in indistinguishable_pairs(phases, threshold=-1.0):
        rendered[place[one], place[other]] = rendered[place[other], place[one]] = cosine
    between = time.process_time()
    pairs = indistinguishable_lines(lines_of_phases(phases), threshold=-1.0)
    ended = time.process_time()
    true, found = rendered[pairs.one, pairs.other], pairs.likeness
    off, high = found - true, true > 0.8
    return (
        f"{len(phases)} phases, {len(true)} pairs. The similarity from lines differs from that of rendered patterns "
        f"by {np.sqrt(np.mean(off**2)):.3f} (root mean square; {np.mean(off):+.3f} on average), and by at "
        f"most {np.abs(off)[high].max():.3f} where it is above 0.8 ({high.sum()} pairs). Above {ALIKE} are "
        f"{(true > ALIKE).sum()} pairs as rendered, {(found > ALIKE).sum()} from lines, "
        f"{((true > ALIKE) & (found > ALIKE)).sum()} in both. The difference is the contribution of omitted weak "
        f"lines. CPU seconds: {between - started:.1f} rendered, {ended - between:.1f} from lines, these included."
    )


# --- what is told -----------------------------------------------------------------------------------------------


def rows_of(file: Path) -> dict[int, dict[str, float]]:
    if not file.exists():
        return {}
    with file.open(newline="") as handle:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(handle)]
    return {int(row["cifs"]): row for row in rows}


def said_in(file: Path) -> dict[str, str]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def write_rows(rows: Iterable[dict[str, float]], file: Path) -> None:
    with file.open("w", newline="") as handle:
        table = csv.DictWriter(handle, list(COLUMNS), lineterminator="\n")
        table.writeheader()
        table.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in rows)


def table(rows: Iterable[dict[str, float]]) -> str:
    lines = [COLUMNS.values(), ["---:"] * len(COLUMNS)]
    for row in rows:
        lines.append([f"{row[key]:.3g}" if row[key] < 100 else f"{row[key]:.0f}" for key in COLUMNS])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(rows: list[dict[str, float]], said: dict[str, str]) -> str:
    command = __doc__.split("    ", 1)[1].splitlines()[0]
    text = f"# Libraries\n\n    {command}\n\n{table(rows)}\n\n"
    text += "One process, one thread, on a shared machine, where CPU seconds are more reproducible than wall time.\n"
    text += "280 MB of the memory are used before anything is read (Python, NumPy, the benchmark's matplotlib).\n\n"
    text += "![time and memory against the number of CIFs](libraries.png)\n"
    return text + "".join(f"\n## {title}\n\n{sentence}\n" for title, sentence in sorted(said.items()))


def draw(rows: list[dict[str, float]], file: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    sizes = [row["cifs"] for row in rows]
    for key, label in (
        ("build", "build"),
        ("again", f"build again, {CHANGED} new"),
        ("folder", "read the folder"),
        ("read", "read the file"),
    ):
        left.loglog(sizes, [row[key] for row in rows], "o-", label=label)
    for key, label in (("build_memory", "build"), ("read_memory", "read"), ("size", "file")):
        right.loglog(sizes, [row[key] for row in rows], "o-", label=label)
    for axis, unit in ((left, "s"), (right, "MB")):
        axis.set(xlabel="CIFs", ylabel=unit)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--kills", type=Path, metavar="DIR")
    parser.add_argument("--likeness", type=Path, metavar="DIR")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        run_step(asked.step[0], Path(asked.step[1]), Path(asked.step[2]))
        return
    rows, said = rows_of(RESULTS / "libraries.csv"), said_in(RESULTS / "libraries.json")
    for size in asked.sizes or ([] if asked.kills or asked.likeness else SIZES):
        with tempfile.TemporaryDirectory() as place:
            row = measured(size, Path(place))
        rows[int(row["cifs"])] = row
        write_rows([rows[size] for size in sorted(rows)], RESULTS / "libraries.csv")
    if asked.kills:
        with tempfile.TemporaryDirectory() as place:
            said["Interrupted builds"] = killed(asked.kills, Path(place))
    if asked.likeness:
        said["Similarity"] = likeness(asked.likeness)
    (RESULTS / "libraries.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    ordered = [rows[size] for size in sorted(rows)]
    draw(ordered, RESULTS / "libraries.png")
    (RESULTS / "libraries.md").write_text(page(ordered, said), encoding="utf-8")


if __name__ == "__main__":
    main()
