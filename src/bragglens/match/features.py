"""Features: a scan and the lines of phases as input of the matcher, in the same way for training and use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bragglens.match.line_matching import LineMatch
from bragglens.match.reference_lines import GRID, ReferenceLines
from bragglens.scan.prepare import zero_to_one

Array32 = NDArray[np.float32]

CHANNELS = 3  # square roots of measured and explained intensity, and the mask of measured points
OF_LINES, OF_PHASES = 6, 5
_FAINT = 2e-3  # of the scan's highest point; added to two heights before their ratio is taken


class Features(NamedTuple):
    """Input of the judge for phases in one scan.

    Attributes:
        place: position of each line in points of the axis, (phases, lines).
        lines: features of each line, (phases, lines, OF_LINES).
        weight: share of each line in the intensity of its phase within the scan, (phases, lines).
        phases: features of each phase, (phases, OF_PHASES).
    """

    place: Array32
    lines: Array32
    weight: Array32
    phases: Array32


def scaled(
    counts: NDArray[np.floating], covered: NDArray[np.bool_], explained: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """A scan scaled to 0 to 1 where it has data, and the intensity explained by known phases in the same unit."""
    intensity, span = zero_to_one(counts, covered)
    return intensity, np.where(covered, explained / span, 0.0)


def channels(intensity: NDArray[np.floating], covered: NDArray[np.bool_], explained: NDArray[np.floating]) -> Array32:
    """The scan as input of the encoder, (CHANNELS, points), from intensities of 0 to 1."""
    return np.stack(
        [np.sqrt(np.clip(intensity, 0, 1)), covered, np.sqrt(np.clip(explained, 0, 1))],
    ).astype(np.float32)


def line_features(reference: ReferenceLines, matched: LineMatch) -> Features:
    """Features of phases, from their reference lines and the line match with a scan."""
    there = matched.near >= 0
    near = np.where(there, matched.near, 0.0)
    expected = matched.scale[:, None] * reference.height
    covered = np.where(there, reference.height, 0.0)
    total = covered.sum(axis=1, keepdims=True)
    weight = covered / np.maximum(total, 1e-9)
    ratio = np.log((near + _FAINT) / (expected + _FAINT))
    lines = [
        np.sqrt(reference.height),
        np.sqrt(weight),
        np.clip(ratio, -4, 4),
        np.sqrt(np.clip(expected, 0, 1)),
        np.sqrt(near),
        reference.angle / 90,
    ]
    phases = [
        np.sqrt(matched.scale),
        matched.agreement,
        np.log(matched.explained + _FAINT),
        matched.share,
        there.mean(axis=1),
    ]
    return Features(
        place=((reference.angle - GRID.start) / GRID.step).astype(np.float32),
        lines=np.where(there[..., None], np.stack(lines, axis=-1), 0.0).astype(np.float32),
        weight=weight.astype(np.float32),
        phases=np.stack(phases, axis=-1).astype(np.float32),
    )
