"""Evaluate: scores from labelled scans. Every false positive is counted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bragglens.errors import BragglensError, ScanError
from bragglens.files import read_bytes
from bragglens.identification.answer import Identification, document
from bragglens.identification.identify import identify_file
from bragglens.identification.options import Options
from bragglens.identification.sources import Source, proposer_of
from bragglens.identification.verdict import ranking
from bragglens.simulate.instrument import emission

_LARGEST = 2**28  # bytes, a million rows
COLUMNS = ("file", "set", "phases", "weight_percent", "wavelength")


@dataclass(frozen=True)
class Label:
    """The known content of a scan.

    Attributes:
        file: path of the scan.
        set_name: the set it belongs to.
        phases: names of the phases of the library that are present.
        strangers: names of the phases outside the library that are present.
        weight_percent: as weighed, by phase; empty where not weighed.
        wavelength: Å, or None where the file states it.
        note: free text.
    """

    file: Path
    set_name: str
    phases: frozenset[str]
    strangers: frozenset[str]
    weight_percent: dict[str, float]
    wavelength: float | None
    note: str = ""


@dataclass(frozen=True)
class Judged:
    """A labelled scan with its answer."""

    label: Label
    answer: Identification
    alike: tuple[frozenset[str], ...]

    @property
    def named(self) -> frozenset[str]:
        """The named phases."""
        return frozenset(finding.name for finding in self.answer.phases)

    def same(self, one: str, other: str) -> bool:
        """Whether two names are the same phase, or phases that powder data hardly separate."""
        return one == other or any(one in group and other in group for group in self.alike)

    @property
    def false(self) -> list[str]:
        """False positives: named phases that are not present."""
        return [n for n in self.named if not any(self.same(n, true) for true in self.label.phases)]

    @property
    def missed(self) -> list[str]:
        """False negatives: phases that are present and not named."""
        return [true for true in self.label.phases if not any(self.same(n, true) for n in self.named)]

    @property
    def first_right(self) -> bool:
        """Whether the first phase of the ranking is present."""
        first = ranking(self.answer)[:1]
        return any(self.same(name, true) for name in first for true in self.label.phases)

    @property
    def exact(self) -> bool:
        """Whether the named phases are an exact match."""
        return self.answer.error is None and not self.false and not self.missed

    @property
    def rejected(self) -> bool:
        """Whether a scan with only phases outside the library was called unknown."""
        return self.answer.verdict == "unknown"

    @property
    def fraction_errors(self) -> list[float]:
        """Absolute errors of the weight fractions in wt%, of all weighed phases; a missed phase counts as 0 wt%."""
        found = {f.name: f.weight_percent for f in self.answer.phases}
        if all(value is None for value in found.values()):
            return []
        return [
            abs(sum(w or 0.0 for n, w in found.items() if self.same(n, true)) - weight)
            for true, weight in self.label.weight_percent.items()
        ]


def read_manifest(path: str | Path, *, sets: Iterable[str] = ()) -> list[Label]:
    """Read labels: columns file, set, phases, weight_percent, wavelength, note; files relative to the manifest.

    Raises:
        ScanError: the manifest is missing, lacks a column, or holds none of the sets.
    """
    path = Path(path)
    try:
        text = read_bytes(path, ScanError, largest=_LARGEST, what="a manifest").decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        lacking = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if lacking:
            raise ScanError(f"{path}: lacks the column {', '.join(lacking)}: a manifest has {', '.join(COLUMNS)}")
        labels = [_label(row, path, number) for number, row in enumerate(reader, start=2)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScanError(f"{path}: the manifest cannot be read: {error}") from error
    wanted = set(sets)
    chosen = [label for label in labels if not wanted or label.set_name in wanted]
    missing = wanted - {label.set_name for label in labels}
    if missing or not chosen:
        have = ", ".join(sorted({label.set_name for label in labels})) or "none"
        raise ScanError(f"{path}: has no set {', '.join(sorted(missing)) or 'at all'}; its sets: {have}")
    return chosen


def _label(row: dict[str, str], path: Path, number: int) -> Label:
    names = [name.strip() for name in (row["phases"] or "").split(";") if name.strip()]
    try:
        weights = [pair.rpartition("=") for pair in (row["weight_percent"] or "").split(";") if pair.strip()]
        weight_percent = {name.strip(): float(value) for name, _, value in weights}
        wavelength = emission(row["wavelength"])[0].wavelength if (row["wavelength"] or "").strip() else None
    except (ValueError, BragglensError) as error:
        raise ScanError(f"{path}, line {number}: {error}") from error
    return Label(
        file=path.parent / row["file"],
        set_name=row["set"],
        phases=frozenset(name for name in names if not name.startswith("unknown:")),
        strangers=frozenset(name.removeprefix("unknown:") for name in names if name.startswith("unknown:")),
        weight_percent=weight_percent,
        wavelength=wavelength,
        note=row.get("note") or "",
    )


def read_alike(path: str | Path) -> tuple[frozenset[str], ...]:
    """Groups of indistinguishable phases that count as one: one group a line, names separated by commas."""
    try:
        lines = read_bytes(path, ScanError, largest=_LARGEST, what="groups of phases").decode().splitlines()
    except UnicodeDecodeError as error:
        raise ScanError(f"{path}: the list of equivalent phases cannot be read: {error}") from error
    return tuple(frozenset(name.strip() for name in line.split(",")) for line in lines if "," in line)


def judge(label: Label, model: Source, alike: tuple[frozenset[str], ...] = (), options: Options = Options()) -> Judged:
    """Identify a labelled scan with these options and the wavelength of its label."""
    answer = identify_file(label.file, model, replace(options, wavelength=label.wavelength))
    return Judged(label, answer.without_patterns, alike)


def scores(judged: list[Judged]) -> dict[str, float | int | None]:
    """Figures of one set.

    Returns:
        scans; errors (scans that could not be judged); first_right (share of scans with a phase of the library whose
        first ranked phase is present); exact_set (share of the same with an exact match); rejected (share of scans with
        only phases outside the library that were called unknown); confident_wrong (scans with a false positive);
        false_phases and missed_phases (counts); fraction_error (mean, wt%); seconds (median). None where a set has no
        scan for a figure.
    """
    holding = [j for j in judged if j.label.phases]
    foreign = [j for j in judged if not j.label.phases]
    errors = [e for j in judged for e in j.fraction_errors]
    seconds = sorted(j.answer.seconds for j in judged if j.answer.seconds is not None)
    return {
        "scans": len(judged),
        "errors": sum(j.answer.error is not None for j in judged),
        "first_right": _share([j.first_right for j in holding]),
        "exact_set": _share([j.exact for j in holding]),
        "rejected": _share([j.rejected for j in foreign]),
        "confident_wrong": sum(bool(j.false) for j in judged),
        "false_phases": sum(len(j.false) for j in judged),
        "missed_phases": sum(len(j.missed) for j in judged),
        "fraction_error": sum(errors) / len(errors) if errors else None,
        "seconds": seconds[len(seconds) // 2] if seconds else None,
    }


def _share(values: list[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def evaluation(asked: Source, judged: list[Judged]) -> dict[str, Any]:
    """The object of `bragglens evaluate --json`: that of `identify`, with labels beside the answers, and scores."""
    whole = document(proposer_of(asked).identity, [j.answer for j in judged])
    for entry, j in zip(whole["scans"], judged, strict=True):
        entry["label"] = {
            "set": j.label.set_name,
            "phases": sorted(j.label.phases),
            "strangers": sorted(j.label.strangers),
            "weight_percent": j.label.weight_percent,
            "note": j.label.note,
        }
        entry["false"], entry["missed"] = sorted(j.false), sorted(j.missed)
        entry["exact"], entry["first_right"] = j.exact, j.first_right
    whole["scores"] = {name: scores(members) for name, members in by_set(judged).items()}
    return whole


def by_set(judged: list[Judged]) -> dict[str, list[Judged]]:
    """Judged scans by name of their set, in the order of the manifest."""
    sets: dict[str, list[Judged]] = {}
    for j in judged:
        sets.setdefault(j.label.set_name, []).append(j)
    return sets
