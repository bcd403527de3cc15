"""Phases of a library with indistinguishable powder patterns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bragglens.crystal.phase import Phase
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

ALIKE = 0.9
_GRID = Grid(10.0, 90.0, 0.05)
_BLUR = 0.3  # degrees; about the shift by strain and displacement


def indistinguishable_pairs(phases: Sequence[Phase], *, threshold: float = ALIKE) -> list[tuple[str, str, float]]:
    """Pairs of phases whose ideal Cu Kα patterns are nearly the same.

    The similarity is the cosine of the angle between the square roots of the two patterns, blurred to 0.3°. It is 1 for
    the same crystal, and about 0.2-0.6 for different ones.

    Returns:
        (one name, other name, similarity) of each pair above the threshold, the most similar first.
    """
    if len(phases) < 2:
        return []
    instrument = Instrument(emission("CuKa1"), W=_BLUR**2)
    crystals = reflections_in_range(phases, instrument.lines, _GRID)
    patterns = np.sqrt(render_phases(crystals, instrument, [Specimen()] * len(phases), _GRID).astype(float))
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    cosine = patterns @ patterns.T
    pairs = [(i, j) for i in range(len(phases)) for j in range(i) if cosine[i, j] > threshold]
    named = [(phases[j].name, phases[i].name, float(cosine[i, j])) for i, j in pairs]
    return sorted(named, key=lambda pair: -pair[2])
