"""Find duplicates and indistinguishable patterns among thousands of phases.

The similarity is that of `similarity.indistinguishable_pairs`, from lines instead of rendered patterns. This is faster,
and the result differs only by the lines that `lines` leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.lattice import lattice_spacings
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import composition
from bragglens.simulate.instrument import emission
from bragglens.simulate.lines import Lines
from bragglens.simulate.similarity import ALIKE

Mark = tuple[dict[str, float], NDArray[np.float64]]

SAME = 0.99  # similarity of a structure and its duplicate
SAME_SPACING = 0.001  # relative; about the thermal expansion for 100 K
SAME_CONTENT = 0.01  # relative, of the share of each element
# Relative, a judgement: determinations of one compound, which may differ by minor elements and temperature.
COMPOUND_CONTENT, COMPOUND_SPACING = 0.05, 0.01
_LOW, _HIGH, _STEP = 10.0, 90.0, 0.1  # degrees
_FWHM, _LORENTZIAN = 0.33, 0.2  # degrees and share: a Gaussian of 0.3°, broadened by crystallites of 100 nm
_BLOCK = 1000  # phases that are compared with all others in one matrix product


@dataclass(frozen=True)
class Pairs:
    """Pairs of phases, each once.

    Attributes:
        one: index of the first phase, shape (n,).
        other: index of the second phase, always the larger one, shape (n,).
        likeness: similarity, the cosine of the angle between the square roots of their patterns, shape (n,).
    """

    one: NDArray[np.intp]
    other: NDArray[np.intp]
    likeness: NDArray[np.float32]

    def of(self, chosen: NDArray[np.bool_]) -> Pairs:
        """The pairs where the mask `chosen`, shape (n,), is true."""
        return Pairs(self.one[chosen], self.other[chosen], self.likeness[chosen])


def indistinguishable_lines(lines: Lines, *, threshold: float = ALIKE) -> Pairs:
    """The pairs of phases whose ideal Cu Kα patterns have a similarity above the threshold."""
    patterns = signatures(lines)
    found: list[Pairs] = []
    for start in range(0, len(patterns), _BLOCK):
        cosine = patterns[start : start + _BLOCK] @ patterns[start:].T
        one, other = np.nonzero(np.triu(cosine > threshold, 1))
        found.append(Pairs(one + start, other + start, cosine[one, other]))
    if not found:
        return Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))
    return Pairs(*(np.concatenate([getattr(some, name) for some in found]) for name in ("one", "other", "likeness")))


def signatures(lines: Lines) -> NDArray[np.float32]:
    """Square roots of the blurred patterns, each normalised to length 1, shape (phases, points).

    The scalar product of two rows is the similarity of the two phases.
    """
    points = round((_HIGH - _LOW) / _STEP) + 1
    sticks = np.zeros((len(lines), points), np.float32)
    for line in emission("CuKa"):
        angle, intensity = lines.intensity(line.wavelength)
        row, column = np.nonzero((angle >= _LOW) & (angle < _HIGH))
        place = (angle[row, column] - _LOW) / _STEP
        lower, area = place.astype(int), intensity[row, column] * line.weight
        np.add.at(sticks, (row, lower), area * (1 - place % 1))
        np.add.at(sticks, (row, lower + 1), area * (place % 1))
    patterns = np.sqrt(sticks @ _profile(points))
    length = np.linalg.norm(patterns, axis=1, keepdims=True)
    return np.asarray(patterns / np.maximum(length, np.finfo(np.float32).tiny))


def _profile(points: int) -> NDArray[np.float32]:
    """A pseudo-Voigt peak at each point, shape (points, points)."""
    away = _STEP * np.subtract.outer(np.arange(points), np.arange(points)) / (_FWHM / 2)
    gaussian = np.sqrt(np.log(2) / np.pi) * np.exp(-np.log(2) * away**2)
    lorentzian = 1 / (np.pi * (1 + away**2))
    return ((1 - _LORENTZIAN) * gaussian + _LORENTZIAN * lorentzian).astype(np.float32)


def repeated(phases: Sequence[Phase], pairs: Pairs) -> list[int]:
    """For each phase the index of the phase that it duplicates, or its own index if it is the first of its kind.

    A duplicate has the same elements in the same ratio, the same lattice in any cell setting, and the same pattern.
    Hydrogen is not counted, as many structures lack it. The first of several duplicates is one that has a name and not
    only its formula. Among these it is the one with the shortest name.
    """
    close = pairs.of(pairs.likeness > SAME)
    beside: dict[int, list[int]] = {}
    for one, other in zip(close.one.tolist(), close.other.tolist(), strict=True):
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    marks = {place: mark_of(phases[place]) for place in beside}
    first = list(range(len(phases)))
    seen: set[int] = set()
    for place in sorted(beside, key=lambda i: _precedence(phases[i])):
        candidates = [i for i in beside[place] if i in seen and first[i] == i and same_compound(marks[i], marks[place])]
        first[place] = min(candidates, default=place)
        seen.add(place)
    return first


def _precedence(phase: Phase) -> tuple[bool, int, str]:
    return phase.name == phase.formula.replace(" ", ""), len(phase.name), phase.name


def mark_of(phase: Phase) -> Mark:
    """Setting-independent properties of a structure: the shares of its elements and its lattice spacings."""
    content = composition(phase)
    heavy = {element: number for element, number in content.items() if element != "H"} or content
    total = sum(heavy.values())
    return {element: number / total for element, number in heavy.items()}, lattice_spacings(phase)


def same_compound(
    here: Mark, there: Mark, *, content_by: float = SAME_CONTENT, spacing_by: float = SAME_SPACING
) -> bool:
    """Whether two marks belong to one compound on one lattice, within relative differences."""
    (content, spacings), (other_content, other_spacings) = here, there
    return (
        content.keys() == other_content.keys()
        and all(abs(content[element] / other_content[element] - 1) < content_by for element in content)
        and bool(np.abs(spacings / other_spacings - 1).max() < spacing_by)
    )


def groups(pairs: Pairs, count: int) -> list[list[int]]:
    """Groups of look-alikes, the largest first: a leader, and all similar phases that are in no group yet.

    Similarity is not treated as transitive: a series of solid solutions would otherwise become one group with
    dissimilar end members.
    """
    beside: list[set[int]] = [set() for _ in range(count)]
    for one, other in zip(pairs.one.tolist(), pairs.other.tolist(), strict=True):
        beside[one].add(other)
        beside[other].add(one)
    found: list[list[int]] = []
    free = {place for place, others in enumerate(beside) if others}
    for leader in sorted(free, key=lambda place: (-len(beside[place]), place)):
        members = beside[leader] & free if leader in free else set()
        if members:
            found.append([leader, *sorted(members)])
            free -= {leader, *members}
    return found
