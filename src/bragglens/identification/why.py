"""Why: which parts of a scan support a network's probability of a phase.

By occlusion (Zeiler & Fergus 2014, ECCV, 818): a window of the scan is flattened, as if it had no peak, and the network
is run again. A lower probability of a phase shows that the window supported it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.learn.model import Model
from bragglens.scan.moving import moving_lowest
from bragglens.scan.pattern import Pattern

Array = NDArray[np.float64]

WINDOW = 2.0  # degrees; a few line widths, so that a window holds whole peaks
_OVERLAP = 4  # windows over each point
_FOOT = 0.5  # degrees on either side of a window's end in which the level of the scan is taken as its minimum
_BATCH = 32


def vote(pattern: Pattern, model: Model, name: str) -> Array:
    """Which parts of a scan support a network's probability of a phase.

    Args:
        pattern: the scan on the model's grid.
        model: the network.
        name: of a phase of its library.

    Returns:
        For each point of the grid the decrease of the log odds ln p/(1 - p) of the phase when the WINDOW degrees around
        it are flattened to the straight line between their ends; the mean over the windows that contain the point,
        shape (grid.size,). A positive value supports the phase, a negative one speaks against it; 0 where nothing was
        measured.
    """
    return np.asarray(votes(pattern, model, [name])[0])


def votes(pattern: Pattern, model: Model, names: Sequence[str]) -> Array:
    """The same for several phases at once, shape (phases, grid.size)."""
    places = [model.library.names.index(name) for name in names]
    windows = _windows(pattern)
    whole = _log_odds(pattern.intensity[None], pattern, model)[0, places]
    total, count = np.zeros((len(names), pattern.grid.size)), np.zeros(pattern.grid.size)
    for first in range(0, len(windows), _BATCH):
        part = windows[first : first + _BATCH]
        lost = whole - _log_odds(_flattened(pattern, part), pattern, model)[:, places]
        for window, change in zip(part, lost, strict=True):
            total[:, window] += change[:, None]
            count[window] += 1
    return total / np.maximum(count, 1)


def _windows(pattern: Pattern) -> list[slice]:
    """Overlapping windows over the measured range."""
    first, *_, last = np.flatnonzero(pattern.covered).tolist()
    reach = max(4, round(WINDOW / pattern.grid.step))
    starts = range(first + 2 - reach, last, max(1, reach // _OVERLAP))
    return [slice(max(first, start), min(last + 1, start + reach)) for start in starts]


def _flattened(pattern: Pattern, windows: Sequence[slice]) -> Array:
    """The scan with one window flattened in each row, never raised above the measured intensity."""
    measured = np.where(pattern.covered, pattern.intensity, np.inf)
    low = moving_lowest(measured, 2 * max(1, round(_FOOT / pattern.grid.step)) + 1, "edge")
    rows = np.repeat(pattern.intensity[None], len(windows), axis=0)
    for row, window in zip(rows, windows, strict=True):
        line = np.linspace(low[window.start], low[window.stop - 1], window.stop - window.start)
        row[window] = np.minimum(row[window], line)
    return rows


def _log_odds(intensity: Array, pattern: Pattern, model: Model) -> Array:
    """ln p/(1 - p) of every output for rows of intensity, shape (rows, outputs)."""
    covered = np.repeat(pattern.covered[None], len(intensity), axis=0)
    logits = model.logits(model.preparation.apply(intensity, covered)) / model.temperature
    if model.answer == "sigmoid":
        return logits
    others = [np.logaddexp.reduce(np.delete(logits, i, axis=1), axis=1) for i in range(logits.shape[1])]
    return np.asarray(logits - np.column_stack(others))
