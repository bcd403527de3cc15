"""Second line: whether a scan shows the Kα2 of its tube.

A monochromator in front of the specimen removes Kα2, and so does software that strips it. Headers often do not say so.
Where the doublet is resolved, each Kα1 peak must have its Kα2 at the angle that Bragg's law gives, half as high (Hölzer
et al. 1997, Phys. Rev. A 56, 4554). Where no peak is sharp enough the scan does not tell, and it matters little.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.observed import Observed, moving_average
from bragglens.fit.peaks import peaks as tops_of
from bragglens.simulate.instrument import Instrument

Array = NDArray[np.float64]

_CLOSE = 1.01  # largest ratio of two wavelengths of a doublet
_LEAST = 0.1  # height of a peak that is looked at, over the strongest; lower ones may be Kβ lines
_FEWEST = 3  # peaks on which the answer rests; together they are higher than the strongest
_STANDS_OUT = 10.0  # σ
_AFTER = 1.5  # ratio of heights from which on a peak may itself be the Kα2 of the one before it; a doublet has 2
_ABSENT = 0.6  # of the expected Kα2: between those of a doublet, at least 1, and the tail of Kα1 alone, at most 0.4


def told_by_scan(observed: Observed, instrument: Instrument) -> Instrument:
    """The instrument without its second emission line, where the scan shows that it has none."""
    first, *others = instrument.lines
    close = [line for line in others if 1 < line.wavelength / first.wavelength < _CLOSE]
    if not close or seen(observed, first.wavelength, close[0].wavelength, close[0].weight / first.weight):
        return instrument
    return replace(instrument, lines=tuple(line for line in instrument.lines if line not in close))


def seen(observed: Observed, first: float, second: float, ratio: float) -> bool:
    """Whether the peaks have a second line at its angles; True where fewer than three are resolved.

    Args:
        observed: the scan.
        first, second: wavelengths in Å.
        ratio: of the intensities, second over first.
    """
    angles, step = observed.grid.two_theta, observed.grid.step
    height = np.maximum(moving_average(observed.peaks, 3), 0.0) * observed.measured
    least = np.maximum(_STANDS_OUT * observed.noise, _LEAST * height.max())
    tops = tops_of(height, height=least, prominence=least)
    away = _moved(angles[tops], second / first) - angles[tops]
    before = angles[tops] - _moved(angles[tops], first / second)
    own = np.interp(angles[tops] - before, angles, height) < _AFTER * height[tops]
    inside = angles[tops] + away < angles[-1]
    sharp = away > np.array([_width(height, top) for top in tops]) * step if len(tops) else np.zeros(0, bool)
    told = own & inside & sharp
    if told.sum() < _FEWEST or height[tops][told].sum() < height.max():
        return True
    there = np.interp(angles[tops] + away, angles, height)[told].sum()
    return bool(there > _ABSENT * ratio * height[tops][told].sum())


def _moved(angles: Array, ratio: float) -> Array:
    """2θ of the same planes at a wavelength that is `ratio` times the other, in degrees."""
    return np.asarray(2 * np.degrees(np.arcsin(np.clip(ratio * np.sin(np.radians(angles / 2)), 0.0, 1.0))))


def _width(height: Array, top: int) -> float:
    """Full width of a peak at half of its height, in points: twice that of its narrower side."""
    half = height[top] / 2
    left = top - np.flatnonzero(height[:top] < half)[-1:]
    right = np.flatnonzero(height[top:] < half)[:1]
    return float(2 * min([*left, *right], default=len(height)))
