"""Tube lines: unexplained peaks that are Kβ or tungsten Lα lines of the named phases.

Each emission line of the tube shows every reflection once more, at the same d. If the unexplained peaks lie at these
places, the strongest reflections first and with nearly one ratio to Kα1, they are lines of the tube and not of a
further phase. Only phases with a crystal structure have calculated lines at another wavelength.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.candidates import Candidates, instrument_and_specimens
from bragglens.fit.observed import Observed, moving_average
from bragglens.fit.peaks import peaks as tops_of
from bragglens.fit.problem import Problem
from bragglens.fit.residual import Peak, unexplained
from bragglens.fit.state import Solution
from bragglens.identification.answer import TubeLine
from bragglens.simulate.formulas import displacement_shift
from bragglens.simulate.instrument import TUBES, TUNGSTEN, Line
from bragglens.simulate.reference import sticks
from bragglens.simulate.render import pack_apart

Array = NDArray[np.float64]

_SAME = 5e-4  # relative; tables of wavelengths differ by less (`from_scan.instrument_of`)


@dataclass(frozen=True)
class Left:
    """Intensity that a fit leaves unexplained.

    Attributes:
        share: share of the peak intensity that neither a phase nor a line of the tube explains.
        peaks: the peaks of this intensity.
        tube_lines: peaks that are lines of the tube.
    """

    share: float
    peaks: tuple[Peak, ...]
    tube_lines: tuple[TubeLine, ...] = ()


def left_over(problem: Problem, solution: Solution) -> Left:
    """What a fit leaves unexplained, with the lines of the tube separated."""
    observed, policy = problem.observed, problem.policy
    wavelength = problem.known.instrument.lines[0].wavelength
    most_of = {"Kβ": policy.most_k_beta, "W Lα": policy.most_tungsten}
    share, peaks = unexplained(observed, solution, wavelength)
    found_lines: list[TubeLine] = []
    for name, line in _lines(wavelength):
        pattern = _pattern(problem, solution, line) if peaks else np.zeros(observed.grid.size)
        ratio = _ratio(observed, solution, pattern, peaks)
        if not 0 < ratio <= most_of[name]:
            continue
        most = np.minimum(observed.counts - solution.calculated, policy.tube_agree * ratio * pattern)
        solution = replace(solution, calculated=solution.calculated + np.maximum(most, 0))
        share, rest = unexplained(observed, solution, wavelength)
        gone = [peak for peak in peaks if all(abs(peak.two_theta - one.two_theta) > policy.line_width for one in rest)]
        found_lines += _named(problem, solution, gone, name, line, ratio)
        peaks = rest
    return Left(share, peaks, tuple(found_lines))


def tube_notices(tube_lines: Sequence[TubeLine]) -> list[str]:
    """A sentence for each visible line of the tube: its peaks, and the reflections that cause them."""
    notices = []
    for name in dict.fromkeys(one.line for one in tube_lines):
        those = sorted((one for one in tube_lines if one.line == name), key=lambda one: -one.share)[:3]
        each = ", ".join(f"{one.two_theta:.2f}° of {one.phase}'s {one.of_two_theta:.2f}°" for one in those)
        notices.append(
            f"{name} of the tube, {100 * those[0].ratio:.1f}% of Kα1: the strongest peaks are {each}; "
            "they do not count as unexplained"
        )
    return notices


def _lines(wavelength: float) -> Iterator[tuple[str, float]]:
    """Kβ and W Lα in Å for the tube with this Kα1; none for any other source."""
    for first, _, beta in TUBES.values():
        if abs(wavelength / first - 1) < _SAME:
            yield "Kβ", beta
            yield "W Lα", TUNGSTEN


def _pattern(problem: Problem, solution: Solution, wavelength: float) -> Array:
    """Pattern of the fitted structures at another wavelength, with the intensity of Kα1."""
    lines, state, known = (Line(wavelength, 1.0),), solution.state, problem.known
    kept = [place for place, i in enumerate(state.phases) if i < len(known.structures)]
    if not kept:
        return np.zeros(problem.observed.grid.size)
    structures = tuple(known.structures[state.phases[place]] for place in kept)
    packed = pack_apart([one.crystal for one in structures], lines)
    instrument = replace(known.instrument, lines=lines)
    moved = replace(problem, known=Candidates(structures, packed, known.atlas, instrument, known.calibrated))
    moved = moved.with_orientations() if known.oriented else moved
    places = np.arange(len(structures), dtype=np.int64)
    return np.asarray(solution.scales[kept] @ moved.render(state.shared, state.own[kept], places, state.axes[kept]))


def _ratio(observed: Observed, solution: Solution, pattern: Array, peaks: Sequence[Peak]) -> float:
    """Intensity of a line of the tube relative to Kα1, if the strongest places of its pattern agree on it; else 0.

    The strongest place must hold a peak. If a stronger place were empty, a weaker peak could not be such a line.
    """
    policy = observed.policy
    points = observed.points_a_line
    residual = moving_average(observed.counts - solution.calculated, points)
    drawn = moving_average(pattern, points)
    error = np.sqrt(observed.noise**2 / points + np.maximum(observed.sigma**2 - observed.noise**2, 0))
    tops = tops_of(drawn, distance=points)
    if not len(tops):
        return 0.0
    first = tops[np.argsort(-drawn[tops] / error[tops])][: policy.tube_places]
    ratios, errors = residual[first] / drawn[first], error[first] / drawn[first]
    angles = observed.grid.two_theta[first]
    shown = [any(abs(peak.two_theta - angle) < policy.tube_near for peak in peaks) for angle in angles]
    if not shown[0] or ratios[0] < policy.tube_stands_out * errors[0]:
        return 0.0
    visible = ratios[0] > policy.tube_stands_out * errors  # where a line with this ratio would be above the noise
    if (ratios[visible] < ratios[0] / policy.tube_agree - errors[visible]).any():
        return 0.0
    return float(np.median(ratios[visible]))


def _named(
    problem: Problem,
    solution: Solution,
    peaks: Sequence[Peak],
    name: str,
    wavelength: float,
    ratio: float,
) -> Iterator[TubeLine]:
    """Peaks with the reflection that causes each, by the fitted cells and shifts."""
    instrument, specimens = instrument_and_specimens(problem.known, solution.state)
    table = []
    for i, specimen, scale in zip(solution.state.phases, specimens, solution.scales, strict=True):
        if i >= len(problem.known.structures):
            continue
        crystal = problem.known.structures[i].crystal
        both = [
            sticks(crystal, wavelength=one, specimen=specimen) for one in (wavelength, instrument.lines[0].wavelength)
        ]
        table += [
            (angle, float(scale * area), crystal.phase.name, both[1].two_theta[match[0]])
            for angle, area, hkl in zip(both[0].two_theta, both[0].area, both[0].hkl, strict=True)
            if len(match := np.flatnonzero((both[1].hkl == hkl).all(axis=1)))
        ]
    for peak in peaks:
        moved = displacement_shift(
            two_theta=np.array([peak.two_theta]), displacement=specimens[0].displacement, radius=instrument.radius
        )
        shift = instrument.zero + float(moved[0])
        near = [row for row in table if abs(row[0] + shift - peak.two_theta) < 2 * problem.policy.tube_near]
        if near:
            _, _, phase, main = max(near, key=lambda row: row[1])
            yield TubeLine(peak.two_theta, peak.d, peak.share, name, phase, float(main + shift), ratio)
