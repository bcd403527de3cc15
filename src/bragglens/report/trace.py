"""Trace: a scan reduced for the map of a series, and whether scans form a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification
from bragglens.report.picture import picture_of

LEAST = 3  # smallest number of scans in a series
_POINTS = 800  # points of a scan in the map, each the mean of its neighbours
_SAME = 0.002  # largest difference of the axes of two scans, as a share of the range: a row or two of the map


@dataclass(frozen=True)
class Trace:
    """A scan reduced for a map.

    Attributes:
        start, stop: ends of its axis, in degrees.
        intensity: on an even axis, shape (points,).
    """

    start: float
    stop: float
    intensity: NDArray[np.float32]


def trace_of(answer: Identification) -> Trace | None:
    """The scan of an answer with fewer points; None where it holds none, as it could not be judged."""
    picture = picture_of(answer)
    if picture is None:
        return None
    angle, intensity = picture.two_theta, picture.observed
    ends = np.linspace(0, len(angle), min(_POINTS, len(angle)) + 1).astype(int)
    mean = np.add.reduceat(intensity, ends[:-1]) / np.diff(ends)
    return Trace(float(angle[0]), float(angle[-1]), mean.astype(np.float32))


def same_axis(traces: Sequence[Trace | None]) -> bool:
    """Whether the judged scans are enough for a map and have one range."""
    there = [trace for trace in traces if trace is not None]
    same_range = one_range([(trace.start, trace.stop) for trace in there])
    return same_range and len({trace.intensity.size for trace in there}) == 1


def one_range(ends: Sequence[tuple[float, float]]) -> bool:
    """Whether scans with these first and last angles are enough for a map and have one range."""
    if len(ends) < LEAST:
        return False
    return bool(np.ptp(np.array(ends), axis=0).max() <= _SAME * (ends[0][1] - ends[0][0]))


def check_series(ends: Sequence[tuple[float, float]]) -> None:
    """Refuse scans that do not form a series, before any work.

    Args:
        ends: first and last angle of each scan that can be read.

    Raises:
        BragglensError: there are fewer than three, or their ranges of 2θ differ.
    """
    if not one_range(ends):
        raise BragglensError(
            f"these {len(ends)} scans do not form a series: give at least {LEAST} that can be read, over one "
            "range of 2θ"
        )
