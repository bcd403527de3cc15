"""What short ranges do to an answer: the measured single scans cut to 10-40°, 20-52° and 2-30°, and whole.

    python benchmarks/short_ranges.py [--data DIR] [--every N]

DIR holds dev.csv, scans and phases (the shared data). Every Nth scan of each set of single phases is asked of its own
library by the matcher and the fit. Writes benchmarks/results/short_ranges.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bragglens.crystal.library import read_library
from bragglens.errors import ScanError
from bragglens.identification.evaluate import Label, read_manifest
from bragglens.identification.identify import identify
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan

HERE = Path(__file__).parent
SETS = {"single_tio2": "tio2", "single_rruff": "minerals", "single_rockjock": "minerals"}
RANGES = ((0.0, 180.0), (10.0, 40.0), (20.0, 52.0), (2.0, 30.0))
HEAD = """# Short ranges

`python benchmarks/short_ranges.py --every {every}`: measured scans of one phase, whole and cut, identified in their
library by matcher and fit. *surer*: a phase of the label has a higher probability in the cut scan than in the whole.

| range | scans | answered | first right | other names | known or mixture | mean probability | surer | before: surer |
|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Told:
    """Of one scan: the probability of each phase named, which of them are there, verdict and what it was lowered by."""

    named: dict[str, float]
    there: frozenset[str]
    sure: bool
    certainty: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--every", type=int, default=4)
    arguments = parser.parse_args()
    answers = list(told(arguments.data, arguments.every))
    rows = [row(place, answers) for place in range(len(RANGES))]
    (HERE / "results" / "short_ranges.md").write_text(HEAD.format(every=arguments.every) + "".join(rows))


def told(data: Path, every: int) -> Iterator[tuple[Told | None, ...]]:
    """For each scan what is said of it in each of RANGES, None where it is refused."""
    for name, library in SETS.items():
        structures = catalogue(read_library(data / "phases" / library))
        for label in read_manifest(data / "dev.csv", sets=[name])[::every]:
            yield tuple(one(label, structures, first, last) for first, last in RANGES)


def one(label: Label, structures: Catalogue, first: float, last: float) -> Told | None:
    scan = read_scan(label.file)
    kept = (scan.two_theta >= first) & (scan.two_theta <= last)
    try:
        answer = identify(cut(scan, kept), structures, wavelength=label.wavelength)
    except ScanError:
        return None
    lowered = [float(note.rpartition(" ")[2]) for note in answer.notes if note.startswith("a short range")]
    named = {finding.name: finding.probability for finding in answer.phases}
    sure = answer.verdict in ("known", "mixture")
    return Told(named, frozenset(label.phases), sure, lowered[0] if lowered else 1.0)


def cut(scan: Scan, kept: np.ndarray) -> Scan:
    return replace(scan, two_theta=scan.two_theta[kept], counts=scan.counts[kept])


def row(place: int, answers: list[tuple[Told | None, ...]]) -> str:
    """A line of the table."""
    pairs = [(each[0], each[place]) for each in answers]
    answered = [(whole, part) for whole, part in pairs if whole is not None and part is not None]
    parts = [part for _, part in answered]
    first_right = sum(bool(part.named) and next(iter(part.named)) in part.there for part in parts)
    others = sum(bool(part.named.keys() - part.there) for part in parts)
    right = [p for part in parts for name, p in part.named.items() if name in part.there]
    figures = [len(pairs), len(parts), first_right, others, sum(part.sure for part in parts)]
    surer = [sum(higher(whole, part, lowered) for whole, part in answered) for lowered in (True, False)]
    first, last = RANGES[place]
    title = f"{first:g}-{last:g}°" if place else "whole"
    return f"| {title} | {' | '.join(map(str, figures))} | {np.mean(right or [0]):.2f} | {surer[0]} | {surer[1]} |\n"


def higher(whole: Told, part: Told, lowered: bool) -> bool:
    """Whether the part is surer of a phase that is there, as told or before its probability is lowered."""
    by = 1.0 if lowered else part.certainty
    return any(p / by > whole.named.get(name, 0.0) + 1e-9 for name, p in part.named.items() if name in part.there)


if __name__ == "__main__":
    main()
