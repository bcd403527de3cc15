"""A million scans on paper: time and memory of each stage, and thousands of scans through Dask with workers killed.

    python benchmarks/scale.py [--phases FOLDER|FILE.library] [--model FILE] [--scans N] [--stages N] [--killed N]

Scans of titania and of the library's phases are simulated into a temporary folder; `--stages` of them are asked about
the library, N about the five phases of titania, by one worker, by two, by four, and by four of which one is
killed three times. `--killed` scans of the library are answered by the command, once undisturbed and once killed ten
times with all its workers. Writes benchmarks/results/scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from distributed import Client, LocalCluster
from kept_answers import RESULTS
from simulated import mixtures

from bragglens.cli.folder import answer_piece, pieces_of
from bragglens.cli.jobs import jobs_of, who_of
from bragglens.crystal.library import read_library
from bragglens.crystal.phase import Phase
from bragglens.identification.answer import document
from bragglens.identification.identify import identify
from bragglens.identification.options import Options
from bragglens.identification.sources import proposer_of
from bragglens.match.catalogue import Catalogue, read_catalogue
from bragglens.parallel import Lost, results, workers_of
from bragglens.scan.prepare import to_grid
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.draws import Uniform
from bragglens.simulate.recipe import Recipe

TITANIA = Path(str(files("bragglens") / "data" / "titania"))
SIZES = (10**4, 10**6, 10**8)
KILLS = 10
KILLED_AFTER = (4.0, 10.0)  # seconds, at random


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phases", type=Path, default=TITANIA)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--scans", type=int, default=2000)
    parser.add_argument("--stages", type=int, default=40)
    parser.add_argument("--killed", type=int, default=80)
    options = parser.parse_args()
    who = proposer_of(options.model or options.phases)
    with TemporaryDirectory() as folder:
        asked = write_scans(who.library.phases, options.stages, Path(folder) / "asked")
        stage = stages(who, asked)
        write_scans(who.library.phases, options.killed, Path(folder) / "own")
        source_of = ["--model", str(options.model)] if options.model else ["--phases", str(options.phases)]
        kills = killed_runs(Path(folder) / "own", source_of, Path(folder))
        titania = write_scans(read_library(TITANIA).phases, options.scans, Path(folder) / "titania")
        runs = dask_runs(titania, Path(folder))
    (RESULTS / "scale.md").write_text(text(len(who.library), options.stages, stage, runs, options.scans) + kills)


def write_scans(phases: Sequence[Phase], count: int, folder: Path) -> list[Path]:
    """Simulated scans of one to three phases each, as files of two columns."""
    folder.mkdir()
    recipe = Recipe(phases=Uniform(1.0, 4.0), strangers=0.0)
    rows = np.random.default_rng(1).permutation(len(phases))[:60]
    paths = []
    for number, one in enumerate(mixtures([phases[row] for row in rows], count, recipe)):
        paths.append(folder / f"{number:06d}.xy")
        np.savetxt(paths[-1], np.column_stack([one.scan.two_theta, one.scan.counts]), fmt="%.2f %.0f")
    return paths


def stages(who: Any, paths: Sequence[Path]) -> dict[str, float]:
    """Median CPU seconds of each stage, bytes of scan and answer, and memory in MB."""
    scans = [read_scan(path) for path in paths]
    wavelength = 1.5405929
    identify(scans[0], who, wavelength=wavelength)  # compiles

    def median(work: Callable[[Any], Any], items: Sequence[Any]) -> float:
        spent = []
        for item in items:
            started = time.process_time()
            work(item)
            spent.append(time.process_time() - started)
        return float(np.median(spent))

    answers = []
    whole = median(lambda scan: answers.append(identify(scan, who, wavelength=wavelength)), scans)
    written = [len(json.dumps(document(who.identity, [answer]))) for answer in answers]
    network = median(lambda scan: opinion(scan, who, wavelength), scans)
    return {
        "read": median(read_scan, paths),
        "network": network,
        "fit": whole - network,
        "write": median(lambda answer: json.dumps(document(who.identity, [answer])), answers),
        "scan bytes": float(np.median([path.stat().st_size for path in paths])),
        "answer bytes": float(np.median(written)),
    }


def opinion(scan: Scan, who: Any, wavelength: float) -> None:
    """What the network alone says, of a model or of the matcher."""
    if isinstance(who, Catalogue):
        who.propose(scan, wavelength=wavelength)
    else:
        who.judge(to_grid(scan, who.preparation, wavelength=wavelength))


def dask_runs(paths: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    """The scans through clusters of one, two and four workers, and with one of four killed on the way."""
    runs = []
    for name, workers, kill in (("one", 1, False), ("two", 2, False), ("four", 4, False), ("killed", 4, True)):
        target = folder / name
        target.mkdir()
        who = who_of([str(TITANIA)], read_catalogue(TITANIA))
        pieces = pieces_of(jobs_of(paths, who, Options(wavelength=1.5405929)), target)
        own = {"host": "127.0.0.1", "dashboard_address": None, "local_directory": str(folder)}
        with LocalCluster(n_workers=workers, threads_per_worker=1, **own) as cluster:
            started = time.perf_counter()
            if kill:
                threading.Thread(target=_kill, args=(cluster, target, len(paths)), daemon=True).start()
            with workers_of(scheduler=cluster.scheduler_address) as working:
                lost = sum(
                    isinstance(r, Lost) for _, r in results(answer_piece, pieces, working.start, ahead=4 * workers)
                )
            spent = time.perf_counter() - started
            idle = _overhead(cluster)
            with Client(cluster.scheduler_address) as client:
                memory = max(client.run(_memory).values())
        run = {"name": name, "workers": workers, "seconds": spent, "lost": lost, "overhead": idle, "memory": memory}
        runs.append(run | {"answers": _read(target)})
    return runs


def killed_runs(scans: Path, source_of: list[str], folder: Path) -> str:
    """A folder answered by the command, undisturbed, and killed with all its workers again and again."""
    drawn = random.Random(1)
    command = [sys.executable, "-m", "bragglens", "identify", str(scans), *source_of, "--wavelength", "CuKa"]
    undisturbed, killed = ([*command, "--workers", "2", "--json", str(folder / name)] for name in ("whole", "parts"))
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    subprocess.run(undisturbed, check=True, stdout=subprocess.DEVNULL)
    stood = []
    for _ in range(KILLS):
        with subprocess.Popen(killed, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            time.sleep(drawn.uniform(*KILLED_AFTER))
            assert process.poll() is None, "it was ready before it was killed: give more --killed scans"
            os.killpg(process.pid, signal.SIGKILL)
        stood.append(str(len(list((folder / "parts").glob("*.json")))))
    subprocess.run(killed, check=True, stdout=subprocess.DEVNULL)
    whole, parts = _read(folder / "whole"), _read(folder / "parts")
    same = whole == parts and set(os.listdir(folder / "whole")) == set(os.listdir(folder / "parts"))
    return f"""
## The command killed {KILLS} times

`bragglens identify FOLDER --workers 2 --json ANSWERS` on {len(whole)} scans of the library's phases, killed with its
workers after {KILLED_AFTER[0]:.0f} to {KILLED_AFTER[1]:.0f} s; answers that stood after each kill: {", ".join(stood)}.
The same files with the same answers as of an undisturbed run, but for their seconds: {"yes" if same else "NO"}.
"""


def _kill(cluster: LocalCluster, target: Path, count: int) -> None:
    """Kill one of this script's own workers three times, a quarter, a half and three quarters of the way."""
    for share in (0.25, 0.5, 0.75):
        while len(list(target.glob("*.json"))) < share * count:
            time.sleep(0.2)
        with Client(cluster.scheduler_address) as client:
            pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)


def _memory() -> float:
    """Largest memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _overhead(cluster: LocalCluster) -> float:
    """Seconds that a piece costs where there is nothing to do."""
    with workers_of(scheduler=cluster.scheduler_address) as working:
        started = time.perf_counter()
        assert sum(1 for _ in results(abs, range(1, 1001), working.start, ahead=16)) == 1000
        return (time.perf_counter() - started) / 1000


def _read(folder: Path) -> dict[str, Any]:
    found = {}
    for path in sorted(folder.glob("*.json")):
        found[path.name] = json.loads(path.read_text())
        for scan in found[path.name]["scans"]:
            scan.pop("seconds", None)
            scan["file"] = Path(scan["file"]).name
    return found


def text(phases: int, asked: int, stage: dict[str, float], runs: list[dict[str, Any]], count: int) -> str:
    total = sum(stage[name] for name in ("read", "network", "fit", "write"))
    times = " | ".join(f"{1e3 * stage[name]:.1f} ms" for name in ("read", "network", "fit", "write"))
    sizes = " | ".join(f"{stage[name] / 1e3:.0f} kB" for name in ("scan bytes", "answer bytes"))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    traffic = (stage["scan bytes"] + stage["answer bytes"]) / total / 1000
    overhead = runs[-1]["overhead"]
    return f"""# A million scans

`python benchmarks/scale.py`; 2 cores, load at the end (1, 5, 15 minutes) {load}.

## One scan, {phases} phases

Median of {asked} simulated scans of one to three phases, CPU.

| read | network | fit | write | together | scan file | answer file |
|---|---|---|---|---|---|---|
| {times} | {total:.2f} s | {sizes} |

## Many, from that

| scans | core hours | hours on 2 cores | on 64 | on 1,000 | scans on disk | answers on disk |
|---|---|---|---|---|---|---|
{_joined(_many(size, total, stage) for size in SIZES)}

A core reads and writes {traffic:.0f} kB/s, so that a file server can feed {1000 / traffic:,.0f} cores for each MB/s of
its speed. The scheduler and the client need {1e3 * overhead:.1f} ms per piece of work (measured below), enough for
{total / overhead:,.0f} cores: they are the first limit. Beyond it, split a run by folders.

## {count} scans of titania through Dask on this machine

| workers | seconds | scans/s | overhead of a piece | memory of a worker | lost | same answers as one worker |
|---|---|---|---|---|---|---|
{_joined(_run(run, runs[0], count) for run in runs)}
"""


def _joined(rows: Iterable[str]) -> str:
    return "\n".join(rows)


def _many(size: int, total: float, stage: dict[str, float]) -> str:
    hours = size * total / 3600
    wall = " | ".join(f"{hours / cores:,.1f}" for cores in (2, 64, 1000))
    disk = " | ".join(f"{size * stage[name] / 1e9:,.1f} GB" for name in ("scan bytes", "answer bytes"))
    return f"| {size:.0e} | {hours:,.0f} | {wall} | {disk} |"


def _run(run: dict[str, Any], first: dict[str, Any], count: int) -> str:
    same = run["answers"] == first["answers"] and len(run["answers"]) == count
    killed = ", one killed three times" if run["name"] == "killed" else ""
    speed = (
        f"{run['seconds']:.0f} | {count / run['seconds']:.1f} | {1e3 * run['overhead']:.1f} ms | {run['memory']:.0f} MB"
    )
    return f"| {run['workers']}{killed} | {speed} | {run['lost']} | {'yes' if same else 'NO'} |"


if __name__ == "__main__":
    main()
