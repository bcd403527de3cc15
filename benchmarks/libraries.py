"""What building and reading a library costs as it grows, and whether kills leave a trace.

    python benchmarks/libraries.py [SIZE ...] [--kills N] [--minerals DIR]

Sizes are structures of AMCSD one by one, as larixite ships them, in an order drawn once; 4379 is the library of
`bragglens library minerals --compounds`. Each is built and read in a process of its own: wall and CPU seconds, and the
largest resident set (Linux). --kills N builds the CIFs of DIR undisturbed and then killed N times at random. What is
not asked for keeps its row of benchmarks/results/libraries.csv; libraries.md and libraries.png are drawn from all rows.
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

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from bragglens.crystal.amcsd import amcsd_database, read_amcsd
from bragglens.crystal.library import read_library
from bragglens.crystal.minerals import gather_minerals
from bragglens.simulate.build import build_library
from bragglens.simulate.built import read_built

RESULTS = Path(__file__).parent / "results"
SIZES = (10, 100, 1000, 4379, 9275)
CHOSEN = 4379  # structures of minerals and compounds, one a phase
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


def killed(folder: Path, kills: int, place: Path) -> str:
    """One sentence on a build that was killed at random."""
    whole, broken = place / "whole.library", place / "broken.library"
    started = time.perf_counter()
    subprocess.run([*COMMAND, str(folder), "-o", str(whole)], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    chance, hit, parts = random.Random(1), 0, []
    while hit < kills:
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
        f"(pieces finished then: {', '.join(map(str, parts))}): the file ended with {same} as one built undisturbed, "
        f"and beside it lay {'nothing else' if left == ['broken.library'] else left}."
    )


# --- what is told -----------------------------------------------------------------------------------------------


def rows_of(file: Path) -> dict[int, dict[str, float]]:
    if not file.exists():
        return {}
    with file.open(newline="") as handle:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(handle)]
    return {int(row["cifs"]): row for row in rows}


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
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--minerals", type=Path, help="folder of CIFs that is built and killed")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        run_step(asked.step[0], Path(asked.step[1]), Path(asked.step[2]))
        return
    rows = rows_of(RESULTS / "libraries.csv")
    for size in asked.sizes or ([] if asked.kills else SIZES):
        with tempfile.TemporaryDirectory() as place:
            row = measured(size, Path(place))
        rows[int(row["cifs"])] = row
        write_rows([rows[size] for size in sorted(rows)], RESULTS / "libraries.csv")
        print(table([row]))
    kills = RESULTS / "libraries_kills.txt"
    if asked.kills:
        with tempfile.TemporaryDirectory() as place:
            kills.write_text(killed(asked.minerals, asked.kills, Path(place)) + "\n")
    ordered = [rows[size] for size in sorted(rows)]
    draw(ordered, RESULTS / "libraries.png")
    said = kills.read_text() if kills.exists() else "not run yet\n"
    text = f"# Libraries\n\n    {__doc__.split('    ', 1)[1].splitlines()[0]}\n\n"
    text += table(ordered) + "\n\n![time and memory against the number of CIFs](libraries.png)\n\n## Kills\n\n" + said
    (RESULTS / "libraries.md").write_text(text)


if __name__ == "__main__":
    main()
