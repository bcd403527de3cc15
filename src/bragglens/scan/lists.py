"""refuse_lists: a list of peaks or of background points is no scan, although both have angles and intensities.

The steps of a diffractometer are even, change in few places, or grow slowly. The steps between peaks, or between
background points that a person picked, are unrelated to the steps next to them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError

LEAST_EVEN = 0.5
"""Least share of steps like the step before: 0.99 to 1 in the 423 measured scans at hand; under 0.3 in made lists of up
to 100 random angles with one to four decimals, and of 300 with two (300 with one decimal reach 0.5)."""

_ALIKE = 0.1  # relative difference of two neighbouring steps that are called alike; digits allow more
_OF_PEAKS = re.compile(r"(?:[hkl]|hkl|fwhm.*|d[\s_-]*(?:spacing|value).*|multiplicity|mult?\.?|rel\W*int.*|area)$")
_FEW = 8  # steps; fewer show no pattern
_MOST_DECIMALS = 6  # more are those of a binary number
_AROUND = 5  # angles to each side; one by itself may end in zeros


def refuse_lists(axis: NDArray[np.float64], titles: Sequence[str] = ()) -> None:
    """Raise a ScanError if these angles (or d, Q), in the order of the file, are those of a list.

    Args:
        axis: as written, since the rounding of the last digit matters.
        titles: of the columns, in lower case, which show what the list contains.
    """
    of_peaks = sum(_OF_PEAKS.match(title) is not None for title in titles) > 1
    if not np.isfinite(axis).all() or even_share(axis) >= LEAST_EVEN:
        return  # what is not finite is refused with the scan
    what = "a list of peaks" if of_peaks else "a list of peaks or of background points"
    raise ScanError(
        f"is {what}, as {axis.size} angles have uneven steps "
        f"({', '.join(f'{value:g}' for value in axis[:4])}, ...), not a scan: give the measured scan"
    )


def even_share(axis: NDArray[np.float64]) -> float:
    """Share of the steps equal to the step before, within a tenth or the last digit; 1 for too few steps."""
    steps = np.abs(np.diff(axis))
    if steps.size < _FEW:
        return 1.0
    digits = _last_digits(axis)[1:-1]
    return float((np.abs(np.diff(steps)) <= np.maximum(_ALIKE * steps[1:], 2.01 * digits)).mean())


def _last_digits(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each angle the value of the last decimal that is used around it: some programs write 9.984 and 10.02."""
    decimals = np.full(axis.size, _MOST_DECIMALS)
    for places in reversed(range(_MOST_DECIMALS)):
        decimals[np.abs(np.round(axis, places) - axis) < 1e-9] = places
    padded = np.pad(decimals, _AROUND, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1).max(axis=1)
    return np.asarray(10.0**-around, np.float64)
