"""What a library of 50,000 structures costs: to build, to read, and to search three scans in.

    python benchmarks/large_library.py [--structures N] [--place DIR]

The structures are simulated. The first are those of the built-in library; the others are the same with every free
parameter of the cell changed by up to 2% and one element exchanged for its neighbour in the periodic table. They lie as
rsync of COD leaves them, cif/1/00/00/1000000.cif. Each step is a command in a process of its own: wall and CPU seconds,
and the largest resident set (Linux). In a DIR that is there already, what is built goes on. Writes
benchmarks/results/large_library.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gemmi
import numpy as np

from bragglens.crystal.cif_text import write_cif
from bragglens.crystal.lattice import cell_parameters, orthogonalization, strain_basis, strained_axes
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition
from bragglens.demo import MARL, measured_fluorapatite
from bragglens.match.builtin import builtin

RESULT = Path(__file__).parent / "results" / "large_library.md"
STRUCTURES = 50_000
FIRST = 1_000_000  # the number of the first structure; COD's have seven digits
STRAIN = 0.02  # largest change of a length
NOBLE = {2, 10, 18, 36, 54, 86}  # no element is exchanged for one of these
PIGMENT = replace(MARL, content={"Corundum": 0.7, "Rutile": 0.3})
HELD = ("Fluorapatite", *MARL.content, *PIGMENT.content)  # phases of the scans
PROGRAM = [sys.executable, "-m", "bragglens"]
READ = (
    "import sys; from bragglens.simulate.built import read_built; print(len(read_built(sys.argv[1]).library), 'phases')"
)
HEAD = """# A library of {count:,} structures

    {command}

The first {base:,} structures are those of the built-in library. The others are derived from them: cells strained by
up to {strain:.0%}, one element exchanged for its neighbour. The folders are as rsync of COD leaves them. {cores}
shared cores; load (1, 5, 15 minutes): {load}. Each step is a whole command, its start included; CPU seconds are those
of all its processes, memory is the largest resident set of one of them.

| step | wall / s | CPU / s | memory / MB | result |
|---|---:|---:|---:|---|
"""


@dataclass(frozen=True)
class Step:
    """What a command cost, and what it printed."""

    wall: float
    cpu: float
    memory: float
    printed: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", type=int, default=STRUCTURES)
    parser.add_argument("--place", type=Path, help="folder to work in, which is kept")
    asked = parser.parse_args()
    base = base_of(asked.structures)
    text = HEAD.format(
        count=asked.structures,
        command=__doc__.split("    ", 1)[1].splitlines()[0],
        base=len(base),
        strain=STRAIN,
        cores=os.cpu_count(),
        load=", ".join(f"{value:.1f}" for value in os.getloadavg()),
    )
    with tempfile.TemporaryDirectory() as temporary:
        for row in measured(base, asked.structures, asked.place or Path(temporary)):
            print(row, flush=True)
            text += row + "\n"
    RESULT.write_text(text, encoding="utf-8")


def base_of(count: int) -> tuple[Phase, ...]:
    """The structures that the others are made of: those of the scans, and at most half of them all."""
    library = builtin().library
    others = [name for name in library.names if name not in HELD][: max(0, count // 2 - len(HELD))]
    kept = {*HELD, *others}
    return tuple(phase for phase in library if phase.name in kept)


def measured(base: Sequence[Phase], count: int, place: Path) -> Iterator[str]:
    """A row of the table for each step."""
    folder, file = place / "cod", place / "large.library"
    started, cpu = time.perf_counter(), time.process_time()
    write_structures(base, count, folder)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    yield f"| write the CIFs | {wall:.0f} | {cpu:.0f} | | {count:,} files |"
    build = [*PROGRAM, "library", "build", str(folder), "-o", str(file), "--workers", str(os.cpu_count() or 1)]
    for name in ("build", "build again, nothing new"):
        step = run(build)
        yield row(name, step, step.printed.splitlines()[-1].partition("  ")[2])
    yield row("read", step := run([sys.executable, "-c", READ, str(file)]), step.printed.strip())
    for name, scan, elements in scans(place):
        narrowed = ["--elements", elements] if elements else []
        step = run([*PROGRAM, str(scan), "--phases", str(file), "--wavelength", "CuKa", "--json", "-", *narrowed])
        yield row(f"search {name}" + (f", --elements {elements}" if elements else ""), step, found(step.printed, base))


def scans(place: Path) -> Iterator[tuple[str, Path, str]]:
    """What is searched, its file, and elements that are named."""
    library = builtin().library
    measured = measured_fluorapatite(place)
    for elements in ("", "Ca,P,O,F"):
        yield "measured fluorapatite", measured, elements
    for name, made in (("simulated calcite, quartz, dolomite", MARL), ("simulated corundum, rutile", PIGMENT)):
        phases = [library[phase] for phase in made.content]
        yield name, made.write(phases, place / f"{len(phases)}_phases.xy", seed=1), ""


def run(command: Sequence[str]) -> Step:
    """A command in a process of its own; what it says of progress goes on the screen."""
    with tempfile.TemporaryFile("w+") as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        out.seek(0)
        printed = out.read()
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}")
    return Step(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, printed)


def row(name: str, step: Step, came: str) -> str:
    return f"| {name} | {step.wall:.1f} | {step.cpu:.1f} | {step.memory:,.0f} | {came} |"


def found(printed: str, base: Sequence[Phase]) -> str:
    """Verdict and phases of an answer, each by the name of the structure that its number stands for."""
    (answer,) = json.loads(printed)["scans"]
    numbers = [[one["name"], *one["rivals"]] for one in answer["phases"]]
    return f"{answer['verdict']}: " + ", ".join(" or ".join(called(name, base) for name in one) for one in numbers)


def called(number: str, base: Sequence[Phase]) -> str:
    """Name of the structure that a number stands for, and whether it was changed."""
    place = int(number) - FIRST
    return base[place % len(base)].name + ("" if place < len(base) else ", changed")


# --- structures -------------------------------------------------------------------------------------------------


def write_structures(base: Sequence[Phase], count: int, folder: Path) -> None:
    """The structures as files, each in the folder of its number; those that are there stay."""
    for number in range(count):
        path = path_of(number, folder)
        if not path.exists():
            write_cif(structure(base, number), path)


def path_of(number: int, folder: Path) -> Path:
    """Where rsync of COD puts a structure."""
    code = str(FIRST + number)
    return folder / "cif" / code[0] / code[1:3] / code[3:5] / f"{code}.cif"


def structure(base: Sequence[Phase], number: int) -> Phase:
    """One of the base as it is, or, beyond them, changed by a draw that its number fixes."""
    phase = base[number % len(base)]
    if number < len(base):
        return phase
    random = np.random.default_rng(number)
    basis = strain_basis(phase)
    axes = strained_axes(orthogonalization(phase), basis, random.uniform(-STRAIN, STRAIN, len(basis)))
    a, b, c, alpha, beta, gamma = cell_parameters(axes).tolist()
    return exchanged(replace(phase, cell=(a, b, c, alpha, beta, gamma)), random)


def exchanged(phase: Phase, random: np.random.Generator) -> Phase:
    """The phase with one of its elements, hydrogen aside, replaced by a neighbour in the periodic table."""
    numbers = sorted({gemmi.Element(site.element).atomic_number for site in phase.sites} - {1})
    if not numbers:
        return phase
    old = int(random.choice(numbers))
    new = next(z for z in (old + 1, old - 1) if z not in NOBLE)
    names = {gemmi.Element(old).name: gemmi.Element(new).name}
    changed = replace(
        phase, sites=tuple(replace(one, element=names.get(one.element, one.element)) for one in phase.sites)
    )
    formula = " ".join(f"{element}{amount:.6g}" for element, amount in composition(changed).items())
    return replace(changed, formula=formula)


if __name__ == "__main__":
    main()
