"""From the content of a file to a Scan: the steps that all file formats share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.scan.invalid_points import MUCH, TINY, impossible
from bragglens.scan.scan import LEAST_POINTS, Scan

Array = NDArray[np.float64]
Piece = TypeVar("Piece")

MOST_POINTS = 2_000_000
"""Points of the longest scan: a synchrotron's has some 100,000; more can only come from a damaged header."""

MOST_SCANS = 5_000
"""Scans in a file: a series in time or temperature has some thousands."""

_LONGEST_LIST = 24 * 2**20  # characters; of a point one needs ten or twenty


@dataclass
class Range:
    """What a file states about one of its scans.

    Attributes:
        two_theta: angles in degrees, in the order of the file.
        counts: as many intensities.
        metadata: entries under the keys of `scan.METADATA`; what is empty or zero is dropped.
        wavelength: Kα1 in Å as stated, None or 0 where it is not.
        notes: what the reader had to do, one sentence each.
    """

    two_theta: Array
    counts: Array
    metadata: Mapping[str, object]
    wavelength: float | None = None
    notes: list[str] = field(default_factory=list)


def scans(name: str, ranges: Iterable[Range]) -> tuple[Scan, ...]:
    """Scans from the ranges of a file, with ascending angles and a possible wavelength.

    Ranges too short to be scans, such as alignment scans, are left out with a note.

    Raises:
        ScanError: there is no range, or one of them is no powder scan.
    """
    found = few(ranges)
    kept = [each for each in found if each.counts.size >= LEAST_POINTS] or found
    if not kept:
        raise ScanError("has no scan: measure or export it again")
    left_out = len(found) - len(kept)
    note = [f"{left_out} of {len(found)} ranges have fewer than {LEAST_POINTS} points: left out"] if left_out else []
    return tuple(_scan(name, each, note) for each in kept)


def few(pieces: Iterable[Piece]) -> list[Piece]:
    """All scans of a file or pieces of them, taken one by one up to the limit.

    Raises:
        ScanError: they are more than MOST_SCANS.
    """
    found = list(islice(pieces, MOST_SCANS + 1))
    if len(found) > MOST_SCANS:
        raise ScanError(f"holds over {MOST_SCANS} scans: export them as several files")
    return found


def _scan(name: str, found: Range, more_notes: list[str]) -> Scan:
    notes = [*found.notes, *more_notes]
    two_theta, counts = measured(found.two_theta, found.counts, notes)
    wavelength = known_wavelength(found.wavelength, notes)
    return Scan(name, two_theta, counts, wavelength, tuple(notes), _stated(found.metadata))


def measured(two_theta: Array, counts: Array, notes: list[str]) -> tuple[Array, Array]:
    """Both columns with strictly ascending angles, without invalid points.

    Invalid are points at or below 0° and those that `impossible` finds. The notes list them, first of all if there are
    many.

    Raises:
        ScanError: the angles are not monotonic, half of them repeat or lie at or below 0°, or hardly any point is left.
    """
    if not np.isfinite(two_theta).all():
        raise ScanError("holds angles that are not finite: it is damaged, copy or export it again")
    two_theta, counts = ascending(two_theta, counts, notes)
    if two_theta.size < LEAST_POINTS:  # no powder scan, as its reader will say
        return two_theta, counts
    above = two_theta > 0
    if 2 * np.count_nonzero(above) <= above.size:
        raise ScanError(
            f"its axis runs from {two_theta[0]:g} to {two_theta[-1]:g}, half of it at or below 0, which is not 2θ: "
            "give a 2θ scan"
        )
    if not above.all():
        count = int(np.count_nonzero(~above))
        notes.append(f"{count} point{'s' * (count > 1)} at or below 0°: left out")
        two_theta, counts = two_theta[above], counts[above]
    counts = np.where(np.abs(counts) < TINY, 0.0, counts)
    found = impossible(counts)
    if not found:
        return two_theta, counts
    left = ~np.any([each.which for each in found], axis=0)
    few, whole = np.count_nonzero(left), left.size
    if few < LEAST_POINTS <= whole:
        raise ScanError(f"{whole - few} of its {whole} points were not measured ({found[0].why}): measure it again")
    notes.extend(each.told(two_theta) for each in found)
    if whole - few > MUCH * whole:
        notes.insert(0, f"{(whole - few) / whole:.0%} of the points are left out: they were not measured")
    return two_theta[left], counts[left]


@contextmanager
def about(name: str) -> Iterator[None]:
    """A context in which a ScanError gets the name of its file and becomes one printable line."""
    try:
        yield
    except ScanError as error:
        said = "".join(sign if sign.isprintable() else "?" for sign in str(error))
        raise ScanError(said if said.startswith(f"{name}: ") else f"{name}: {said}") from None


def even_axis(start: float, step: float, points: int) -> Array:
    """2θ in degrees from a first angle and a step.

    Raises:
        ScanError: these values are not possible for a scan.
    """
    if not (math.isfinite(start) and math.isfinite(step) and 0 < abs(step) < 10 and abs(start) <= 360):
        raise ScanError(
            f"says it begins at {start:g}° with steps of {step:g}°, which is not possible: copy or export it again"
        )
    if not 0 <= points <= MOST_POINTS:
        raise ScanError(f"says it holds {points} points, which is not possible: copy or export it again")
    # To 1e-6°: files state single precision, and 4.98 should not become 4.98000001907.
    return np.round(start + step * np.arange(points, dtype=np.float64), 6)


def agreed_points(held: int, *, start: float, stop: float | None, step: float, notes: list[str]) -> int:
    """How many points of a file lie in the range that it states.

    A stopped scan has fewer points, and some converters write one more; a note says so. A larger disagreement means a
    wrong axis or lost counts.

    Raises:
        ScanError: the counts do not fit the range.
    """
    if stop is None or not step or not math.isfinite((stop - start) / step):
        return held
    expected = round((stop - start) / step) + 1
    if held == expected:
        return held
    stated = f"{start:g} to {stop:g}° in steps of {step:g}°, {expected} points"
    if held in (expected + 1, expected - 1):
        notes.append(f"the header states {stated}, the file holds {held}")
        return min(held, expected)
    if expected / 2 < held < expected:
        notes.append(f"the header states {stated}, but only {held} are there: the measurement may have been stopped")
        return held
    raise ScanError(f"states {stated}, but holds {held}: its angles cannot be trusted, copy or export it again")


def ascending(two_theta: Array, counts: Array, notes: list[str]) -> tuple[Array, Array]:
    """Both columns with strictly ascending angles; rows of the same angle are averaged.

    Raises:
        ScanError: the angles are not monotonic, or half of them repeat.
    """
    steps = np.diff(two_theta)
    if steps.size and steps.min() < 0 < steps.max():
        turn = np.flatnonzero(steps * np.sign(steps[steps != 0][0]) < 0)[0]
        found = f"after {two_theta[turn]:g} comes {two_theta[turn + 1]:g}"
        raise ScanError(
            f"its angles are not monotonic, {found}: save each range as a file of two columns, 2θ and intensity"
        )
    if steps.size and steps.min() < 0:
        notes.append("the angles descend: reversed")
    angles, where, rows = np.unique(two_theta, return_inverse=True, return_counts=True)
    if angles.size and 2 * angles.size <= two_theta.size:
        raise ScanError("half of its angles repeat: save it again with more digits, and with blanks between columns")
    if angles.size < two_theta.size:
        notes.append(f"{two_theta.size - angles.size} rows repeat an angle: averaged")
    return angles, np.bincount(where, weights=counts) / rows


def unattenuated(counts: Array, factors: Array, notes: list[str]) -> Array:
    """Counts with the factors of an attenuator applied, unless the program did so already.

    Files do not state which. The right choice is the one without a jump where the factor changes.
    """
    changes = np.flatnonzero(np.diff(factors))
    if not changes.size or factors.min() <= 0:
        return counts

    def jump(values: Array) -> float:
        level = np.log(np.maximum(values, 1))
        return float(np.abs(level[changes + 1] - level[changes]).sum())

    if jump(counts * factors) < jump(counts):
        notes.append("the attenuator was in the beam: counts multiplied by its factors")
        return counts * factors
    notes.append("the attenuator was in the beam: the counts were already corrected")
    return counts


def plain(data: bytes) -> str:
    """Text of a vendor's file with newlines as line ends; Japanese text is not used."""
    return data.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")


def numbers(text: str, what: str) -> Array:
    """Numbers in text, separated by blanks or commas.

    Raises:
        ScanError: there is something else among them.
    """
    if len(text) > _LONGEST_LIST:
        raise ScanError(
            f"its {what} take over {_LONGEST_LIST >> 20} MB, more than a powder scan: is this the right file?"
        )
    try:
        return np.array(text.replace(",", " ").split(), dtype=np.float64)
    except ValueError as error:
        found = str(error).partition(": ")[2][:40]
        raise ScanError(f"its {what} are not all numbers ({found}): copy or export it again") from None


def number(text: str | None) -> float | None:
    """The finite number at the start of an entry, or None; `0.5 deg` is 0.5."""
    word = (text or "").strip().strip("'\"").split(" ")[0].rstrip("degm,;°")
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _stated(entries: Mapping[str, object]) -> dict[str, str]:
    """Metadata from a header: short numbers, without entries that are empty, zero or "not known"."""
    shown = {key: f"{value:.7g}" if isinstance(value, float) else str(value or "") for key, value in entries.items()}
    plain = {key: "".join(sign for sign in value[:200] if sign.isprintable()).strip() for key, value in shown.items()}
    return {key: value for key, value in plain.items() if value not in ("", "0", "?", "None", "nan", "inf")}


def known_wavelength(value: float | None, notes: list[str]) -> float | None:
    """The wavelength in Å that a header states; None if there is none, or an impossible one (with a note)."""
    if not value:
        return None
    if math.isfinite(value) and 0.1 < value < 6:  # synchrotrons begin at 0.1, neutrons end at 6
        return float(f"{value:.7g}")  # as typed: headers hold it in single precision
    notes.append(f"the header states a wavelength of {value:g} Å, which is not possible: not used")
    return None
