"""Input of the kernel, as named tuples of arrays, which compiled code can take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class PackedPhases(NamedTuple):
    """Reflections of several phases, one phase after the other, for one set of emission lines."""

    first_reflection: NDArray[np.int64]  # (phases + 1,)
    first_equivalent: NDArray[np.int64]  # (reflections + 1,)
    first_element: NDArray[np.int64]  # (phases + 1,)
    first_geometry: NDArray[np.int64]  # (phases,)
    hkl: NDArray[np.float64]  # (reflections, 3)
    multiplicity: NDArray[np.float64]  # (reflections,)
    equivalents: NDArray[np.float64]  # (equivalents, 3)
    geometry: NDArray[np.float64]  # (sum of reflections x elements, 2)
    form_factors: NDArray[np.float64]  # (elements, 9)
    dispersion: NDArray[np.float64]  # (elements, 2), at the strongest line
    axes: NDArray[np.float64]  # (phases, 3, 3)
    strains: NDArray[np.float64]  # (phases, 6, 3, 3)
    cell_mass: NDArray[np.float64]  # (phases,)
    blurred: NDArray[np.int64]  # (phases,) index of the separate reflections that faults broaden; or -1
    wavelengths: NDArray[np.float64]  # (lines,)
    harmonics: NDArray[np.float64]  # (reflections, terms) of the orientation distribution; no terms in a simulation


class Conditions(NamedTuple):
    """The drawn state of each sample, and of each phase in it."""

    sample: NDArray[np.uint64]  # (batch,) number of the sample
    phase: NDArray[np.int64]  # (batch, slots), -1 where the slot is empty
    weight: NDArray[np.float64]  # (batch, slots)
    strain: NDArray[np.float64]  # (batch, slots, 6)
    size: NDArray[np.float64]  # (batch, slots) nm
    microstrain: NDArray[np.float64]  # (batch, slots)
    lorentzian: NDArray[np.float64]  # (batch, slots)
    axis: NDArray[np.float64]  # (batch, slots, 3)
    march: NDArray[np.float64]  # (batch, slots)
    harmonics: NDArray[np.float64]  # (batch, slots, terms) coefficients of the orientation distribution
    line_weights: NDArray[np.float64]  # (batch, lines)
    resolution: NDArray[np.float64]  # (batch, 5) U V W X Y
    polarisation: NDArray[np.float64]  # (batch,)
    slit: NDArray[np.float64]  # (batch, 2) specimen length over footprint or 0, 1 for an automatic slit
    roughness: NDArray[np.float64]  # (batch, 2) p q
    axial: NDArray[np.float64]  # (batch,)
    zero: NDArray[np.float64]  # (batch,) degrees
    tilt: NDArray[np.float64]  # (batch,) 2 s/R in degrees
    transparency: NDArray[np.float64]  # (batch,) 1/(2 μ R) in degrees
    background: NDArray[np.float64]  # (batch, 5) mean level, then Chebyshev coefficients relative to it
    air: NDArray[np.float64]  # (batch,)
    humps: NDArray[np.float64]  # (batch, n, 3) centre and standard deviation in degrees, height
    counts: NDArray[np.float64]  # (batch,) at the strongest peak; 0 for a clean pattern
    span: NDArray[np.float64]  # (batch, 2) first and last 2θ that the scan covers
    smoothing: NDArray[np.int64]  # (batch,) half width in points of a moving average over the counts
    spikes: NDArray[np.int64]  # (batch,) number of points with a spike, such as from cosmic rays
