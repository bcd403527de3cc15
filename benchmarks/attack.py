"""Does any file break it, hang it, fill the memory, or make it talk? Damage and bombs by the thousand, from a seed.

    python benchmarks/attack.py [--share 0.1] [--seed N] [--results DIR] [scans cifs files crafted server]

Files are damaged by `tests/attack_inputs.py` and crafted by `tests/attack_crafted.py`. `tests/attack_judged.py` judges
them one by one, in processes of their own. 50 clients at once send some to a server. Each part runs by itself, under
strace where that is there, and adds its counts to results/attack.json, of which results/attack.md is written; a part
that is run again replaces its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

WHOLE = {"scans": 3000, "identified": 200, "cifs": 700, "files": 400, "clients": 50}
HEAD = """# Attack

`python benchmarks/attack.py`, seed {seed}. Each file is given to the function that reads it, in a process that is
measured. *refused*: with one sentence that begins with the file's name. *traceback*: any other result, including
crashes of the process and hangs. *over 5 s*: of processor time. *over 500 MB*: beyond what the process held before the
file. *sent*: connections and datagrams to other machines, as strace sees them; without any, no byte is sent. {wanted}

| part | files | tried | answered | refused | traceback | over 5 s | over 500 MB | lost | sent | most s | most MB |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Count:
    """What came of one kind of files; None where it cannot be measured."""

    part: str
    files: str
    seed: int
    whole: int
    tried: int
    answered: int
    refused: int
    traceback: int
    slow: int | None
    large: int | None
    lost: int | None
    slowest: float | None
    largest: float | None
    faults: list[str]
    sent: int | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all where none is given")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)  # in this process, the counts to a file
    given = parser.parse_args()
    if given.here:
        found = [asdict(count) for part in given.parts for count in PARTS[part](given.seed, given.share)]
        given.here.write_text(json.dumps(found))
        return
    for part in given.parts or PARTS:
        keep(given.results / "attack.json", part, apart(part, given))
    write(given.results)


def apart(part: str, given: argparse.Namespace) -> list[dict]:
    """The counts of a part that runs in a process of its own, with what it sent to other machines."""
    with tempfile.TemporaryDirectory() as folder:
        counts, trace = Path(folder, "counts.json"), Path(folder, "trace")
        calls = "trace=connect,sendto,sendmsg,sendmmsg"
        strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", calls, "-o", str(trace)]
        words = [sys.executable, __file__, part, "--share", str(given.share), "--seed", str(given.seed)]
        traced = strace if shutil.which("strace") else []
        subprocess.run([*traced, *words, "--here", str(counts)], check=True)
        sent = len(list(sent_away(trace.read_text(errors="replace")))) if traced else None
        return [count | {"sent": sent} for count in json.loads(counts.read_text())]


def sent_away(trace: str) -> Iterator[str]:
    """The calls of a trace that name an address of another machine."""
    for line in trace.splitlines():
        address = re.search(r'sa_family=AF_INET6?.*?(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"', line)
        if address and not re.match(r"127\.|::1$|::ffff:127\.", address[1]):
            yield line


def keep(path: Path, part: str, counts: list[dict]) -> None:
    kept = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept | {part: counts}, indent=1) + "\n")


def write(results: Path) -> None:
    """The table of all parts that were run."""
    kept = json.loads((results / "attack.json").read_text())
    rows = [Count(**count) for part in PARTS for count in kept.get(part, [])]
    short = [f"{row.files}: {row.tried} of {row.whole}" for row in rows if row.tried < row.whole]
    missing = [part for part in PARTS if part not in kept]
    wanted = "All was run as it is meant." if not (short or missing) else ""
    wanted += f"Not run: {', '.join(missing)}. " if missing else ""
    wanted += f"Run in part: {'; '.join(short)}." if short else ""
    text = HEAD.format(seed=", ".join(str(seed) for seed in sorted({row.seed for row in rows})), wanted=wanted)
    text += "".join(line(row) for row in rows)
    faults = [f"- {row.files}, {fault}\n" for row in rows for fault in row.faults]
    text += f"\n## Faults\n\n{''.join(faults) or 'None.'}\n"
    (results / "attack.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    print(text)


def line(row: Count) -> str:
    numbers = (row.tried, row.answered, row.refused, row.traceback, row.slow, row.large, row.lost, row.sent)
    measured = [f"{most:.1f}" if most is not None else "" for most in (row.slowest, row.largest)]
    cells = [row.part, row.files, *("" if n is None else str(n) for n in numbers), *measured]
    return f"| {' | '.join(cells)} |\n"


# --- files, one by one ------------------------------------------------------------------------------------------


def counted(part: str, files: str, seed: int, whole: int, outcomes: Iterable) -> Count:
    from attack_judged import LARGE, SLOW

    found = list(outcomes)
    kinds = [one.kind for one in found]
    faults = [f"{one.name}: {in_short(one.fault)}" for one in found if one.fault]
    return Count(
        *(part, files, seed, whole, len(found)),
        *(kinds.count("answered"), kinds.count("refused"), kinds.count("traceback")),
        *(sum(one.seconds > SLOW for one in found), sum(one.megabytes > LARGE for one in found), None),
        *(max(one.seconds for one in found), max(one.megabytes for one in found), faults),
    )


def in_short(fault: str) -> str:
    """The last line of a traceback and where it was, or the sentence."""
    places = re.findall(r'File ".*?/(\w+\.py)", line (\d+)', fault)
    place = f" ({places[-1][0]}, line {places[-1][1]})" if places else ""
    return fault.strip().splitlines()[-1][:300] + place


def some(files: Iterable, share: float) -> list:
    """A share of what is given, evenly."""
    listed = list(files)
    return listed[:: max(1, round(1 / share))]  # the first is always among them


def scans(seed: int, share: float) -> list[Count]:
    """Damaged scans, read; and of those that can be read some identified."""
    import attack_inputs
    from attack_judged import judge_identified, judge_scan, judged

    from bragglens.crystal.library import read_library

    tried = round(WHOLE["scans"] * share)
    outcomes = list(judged(attack_inputs.scans(seed, tried), judge_scan))
    read = [number for number, one in enumerate(outcomes) if one.kind == "answered"]
    most = round(WHOLE["identified"] * share)
    chosen = set(read[:: max(1, len(read) // most)][:most])
    again = (file for number, file in enumerate(attack_inputs.scans(seed, tried)) if number in chosen)
    identified = judged(again, judge_identified(read_library(attack_inputs.TITANIA)), first=sound_scan())
    return [
        counted("scans", "damaged scans, read", seed, WHOLE["scans"], outcomes),
        counted("scans", "of them, identified", seed, WHOLE["identified"], identified),
    ]


def sound_scan() -> tuple[str, bytes]:
    """A scan of one line, by which a process loads what identifying needs."""
    rows = (f"{20 + i / 20:.2f} {100 + 1000 * math.exp(-(((i - 148) / 2) ** 2)):.0f}\n" for i in range(800))
    return "sound.xy", "".join(rows).encode()


def cifs(seed: int, share: float) -> list[Count]:
    import attack_inputs
    from attack_judged import judge_cif, judged

    outcomes = judged(attack_inputs.cifs(seed, round(WHOLE["cifs"] * share)), judge_cif)
    return [counted("cifs", "damaged CIFs, read, lines computed", seed, WHOLE["cifs"], outcomes)]


def files(seed: int, share: float) -> list[Count]:
    import attack_inputs
    from attack_judged import judge_packed, judged

    with tempfile.TemporaryDirectory() as folder:
        odd = attack_inputs.model_and_library_files(seed, round(WHOLE["files"] * share), Path(folder))
        outcomes = judged(odd, judge_packed(Path(folder)))
        return [counted("files", "model and library files, read and asked", seed, WHOLE["files"], outcomes)]


def crafted(seed: int, share: float) -> list[Count]:
    import attack_crafted
    from attack_judged import judge_cif, judge_packed, judge_path, judge_scan, judged

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds: dict[str, tuple[Callable[[], Iterable], Callable]] = {
            "crafted scans: what expands, nests, loops": (attack_crafted.crafted_scans, judge_scan),
            "crafted HDF5: other files, loops": (lambda: attack_crafted.crafted_hdf5(folder), judge_scan),
            "crafted CIFs: size, numbers": (attack_crafted.crafted_cifs, judge_cif),
            "crafted names of phases": (lambda: attack_crafted.crafted_names(folder), judge_packed(folder)),
            "pipes, devices, 6 GB": (lambda: attack_crafted.no_files(folder), judge_path),
        }
        return [
            counted("crafted", kind, seed, len(whole), judged(some(whole, share), judge))
            for kind, (make, judge) in kinds.items()
            if (whole := list(make()))
        ]


def server(seed: int, share: float) -> list[Count]:
    from attack_server import besieged

    found = besieged(seed, max(2, round(WHOLE["clients"] * share)))
    return [Count(part="server", seed=seed, whole=2 * WHOLE["clients"], **found)]


PARTS: dict[str, Callable[[int, float], list[Count]]] = {
    "scans": scans,
    "cifs": cifs,
    "files": files,
    "crafted": crafted,
    "server": server,
}


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
