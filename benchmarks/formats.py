"""Which files of diffractometers are read, what comes along, and what becomes of damaged ones.

    python benchmarks/formats.py [--data DIR] [--damage TRIES]

DIR holds original files of vendors, one folder a format (the shared data's `formats`). Each is read by
`bragglens.read_scans`; files that hold the same scan are compared point by point, and rietx and geddes are asked for a
second and a third opinion where they are installed. Then each file is cut short or has bytes changed TRIES times.
Needs h5py for NeXus. Writes benchmarks/results/formats.md.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bragglens import BragglensError, Scan, read_scans
from bragglens.scan.formats.known import FORMATS

HERE = Path(__file__).parent
# The same six scans as five programs keep them.
SDPD = {
    1: ("bruker_uxd/sample1.uxd", "philips_udf/sample1.udf", "rigaku_dat/sample1r.dat", "philips_rd/SAMPLE1.RD"),
    **{
        n: (
            f"bruker_raw_v1/sdpd_sample{n}.raw",
            f"bruker_uxd/sample{n}.uxd",
            f"philips_udf/sample{n}.udf",
            f"rigaku_dat/sample{n}r.dat",
            f"philips_rd/Sample{n}.rd",
        )
        for n in range(2, 7)
    },
}
PAIRS = (
    *[(f"bruker_raw_v3/D5000_{n}.RAW", f"bruker_raw_v3/D5000_{n}_truth.xy") for n in range(1, 6)],
    *[(f"bruker_raw_v2/{name}.RAW", f"bruker_raw_v2/{name}_ascii_truth.asc") for name in ("CORKLZ20", "QTZQUIN")],
    ("bruker_raw_v3/BT86.raw", "bruker_uxd/BT86.UXD"),
    ("bruker_raw_v4/geddes_bruker4_v5converter.raw", "xy_xye_csv/xrdpattern_aimat.json"),
    ("panalytical_xrdml/XRD-918-16_10.xrdml", "nexus/xrdml_918-16_10_ref.nxs"),
)
HEAD = """# Files of diffractometers

`python benchmarks/formats.py`: {read} of {total} original files of 18 formats are read, {whole} of them hold one scan.
*wavelength* as the file states it, in Å; *rietx*, *geddes*: whether these libraries give the same points ("=", "-"
where they cannot read the file, "≠" where they give others). {seconds:.1f} s for all on one core, NeXus by h5py.

Where rietx differs: it skips points of UXD files that list eight a line, and rounds Philips RD down to integers.
Of files with several scans both return the first without a message.

| file | reader | points | 2θ (°) | wavelength | rietx | geddes |
|---|---|---|---|---|---|---|
"""


SAME = """
Counts agree everywhere except in RD, which stores their square root in two bytes. Angles differ where the files state
different ones: UDF and DAT of samples 2 to 6 begin at whole degrees, RAW, UXD and RD at 0.01 or 0.02° less; BT86.UXD
lists three digits.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data" / "formats")
    parser.add_argument("--damage", type=int, default=10)
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.data.glob("*/*") if path.is_file())
    started = time.perf_counter()
    outcomes = {path: outcome(path) for path in files}
    seconds = time.perf_counter() - started
    found = {path: scans for path, scans in outcomes.items() if not isinstance(scans, str)}
    whole = sum(len(scans) == 1 for scans in found.values())
    text = HEAD.format(read=len(found), total=len(files), whole=whole, seconds=seconds)
    text += "".join(line for path, scans in found.items() for line in rows(path, scans))
    text += "\n## Refused\n\n| file | reason |\n|---|---|\n"
    text += "".join(
        f"| {named(path)} | {said.partition(': ')[2]} |\n" for path, said in outcomes.items() if isinstance(said, str)
    )
    text += "\n## The same scan in several files\n\n" + "".join(agreement(arguments.data)) + SAME
    text += damage(files, arguments.damage)
    (HERE / "results" / "formats.md").write_text(text, encoding="utf-8")
    print(text)


def outcome(path: Path) -> list[Scan] | str:
    try:
        return read_scans(path)
    except BragglensError as error:
        return str(error)


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def rows(path: Path, scans: list[Scan]) -> Iterator[str]:
    data = path.read_bytes()
    reader = next(form for form in FORMATS if form.recognises(data)).__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    opinions = [opinion(path, scans[0], ask) for ask in (rietx_columns, geddes_columns)]
    for number, scan in enumerate(scans):
        label = named(path) + (f" [{number + 1}]" if len(scans) > 1 else "")
        wavelength = f"{scan.wavelength:g}" if scan.wavelength else ""
        angles = f"{scan.two_theta[0]:.6g}-{scan.two_theta[-1]:.6g}"
        shown = opinions if number == 0 else ["", ""]
        yield f"| {label} | {reader} | {scan.counts.size} | {angles} | {wavelength} | {' | '.join(shown)} |\n"


def opinion(path: Path, scan: Scan, ask: Callable[[Path], tuple[np.ndarray, np.ndarray]]) -> str:
    """What another library makes of a file, beside the first scan here."""
    try:
        two_theta, counts = ask(path)
    except Exception:
        return "-"
    if two_theta.size != scan.counts.size:
        return f"≠ ({two_theta.size} points)"
    off = np.abs(counts - scan.counts).max()
    same = np.abs(two_theta - scan.two_theta).max() < 2e-4 and off <= 1e-6 * max(1.0, np.abs(counts).max())
    return "=" if same else f"≠ (by {off:.2g})"


def rietx_columns(path: Path) -> tuple[np.ndarray, np.ndarray]:
    from rietx.io.readers import read_pattern

    pattern = read_pattern(str(path))
    return np.asarray(pattern.two_theta, dtype=float), np.asarray(pattern.intensity, dtype=float)


def geddes_columns(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import geddes

    pattern = geddes.read(str(path))
    return np.asarray(pattern.x, dtype=float), np.asarray(pattern.y, dtype=float)


def agreement(folder: Path) -> Iterator[str]:
    yield "| scan | against | points in common | counts differ at | by at most | angles by at most (°) |\n"
    yield "|---|---|---|---|---|---|\n"
    for first, *others in (*SDPD.values(), *PAIRS):
        scan = read_scans(folder / first)[0]
        for other in others:
            second = read_scans(folder / other)[0]
            common = min(scan.counts.size, second.counts.size)
            off = np.abs(scan.counts[:common] - second.counts[:common])
            angles = np.abs(scan.two_theta[:common] - second.two_theta[:common]).max()
            lengths = f"{common} of {scan.counts.size} and {second.counts.size}"
            yield f"| {first} | {other} | {lengths} | {(off > 1e-6).sum()} | {off.max():.3g} | {angles:.3g} |\n"


def damage(files: list[Path], tries: int) -> str:
    """Each file cut short and with bytes changed; anything but scans or one error with one sentence ends the script."""
    chance, outcomes, slowest = random.Random(1), Counter[str](), 0.0
    for path in files:
        data = path.read_bytes()
        for number in range(2 * tries):
            piece = bytearray(data[: chance.randrange(len(data))] if number % 2 else data)
            for _ in range(0 if number % 2 else chance.choice([1, 3, 30])):
                within = len(piece) if chance.random() < 0.5 else min(len(piece), 2000)
                piece[chance.randrange(within)] ^= chance.randrange(1, 256)
            started = time.perf_counter()
            outcomes[judged(bytes(piece), path.name)] += 1
            slowest = max(slowest, time.perf_counter() - started)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counted = ", ".join(f"{number} {what}" for what, number in outcomes.items())
    return (
        f"\n## Damage\n\nEach file cut short at {tries} places and {tries} times with 1 to 30 bytes changed, half of "
        f"them in its first 2000:\n{counted}; nothing else was raised.\n"
        f"Slowest {slowest:.1f} s, memory at most {memory:.0f} MB. "
        "Read means that a count or a text was hit, or a table cut that does\nnot state its length: nobody can tell.\n"
    )


def judged(data: bytes, name: str) -> str:
    form = next((form for form in FORMATS if form.recognises(data)), None)
    if form is None:
        return "of no format"
    try:
        form.read(data, name)
    except BragglensError as error:
        if not (str(error).startswith(name) and str(error).isprintable()):
            raise RuntimeError(f"{name}: is refused in other words than it should be: {error!r}") from error
        return "refused"
    return "read"


if __name__ == "__main__":
    main()
