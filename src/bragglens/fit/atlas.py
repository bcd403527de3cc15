"""Atlas: coarse patterns of every phase of a library at a range of lattice strains, calculated once for all scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.reflections import Reflections
from bragglens.fit.candidate import Candidate, swelling
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.kernel import PackedPhases
from bragglens.simulate.render import fixed_conditions, render_per_gram
from bragglens.simulate.specimen import Specimen

_STRETCH, _MOST = 0.002, 0.012  # relative expansion; a line at 60° moves by 0.13° from one to the next
_POINTS = 1500  # 0.06° for scans to 90°; synchrotrons measure sharper lines over shorter ranges
_BREADTH = 2.5  # steps; lines this broad still overlap peaks that they miss by a little
_FIRST = 2.0  # degrees


@dataclass(frozen=True)
class Atlas:
    """Patterns of one gram of each phase on a coarse axis.

    Attributes:
        grid: the axis.
        patterns: shape (phases, stretches, points), in the renderer's unit.
        stretches: relative expansion of each.
    """

    grid: Grid
    patterns: NDArray[np.float32]
    stretches: NDArray[np.float64]


def stretches(heat: float = 0.0) -> NDArray[np.float64]:
    """Relative expansions for lattices that deviate from the library's by `heat` (standard deviation) through heat."""
    most = round((_MOST + 2 * heat) / _STRETCH) if heat else round(_MOST / _STRETCH)
    return np.asarray(_STRETCH * np.arange(-round(_MOST / _STRETCH), most + 1), dtype=np.float64)


def draw_atlas(
    crystals: tuple[Reflections, ...],
    packed: PackedPhases,
    others: tuple[Candidate, ...],
    instrument: Instrument,
    end: float,
    stretches: NDArray[np.float64],
) -> Atlas:
    """Patterns of all structures, then of the candidates without a structure, up to 2θ of `end` degrees."""
    step = end / _POINTS
    grid = Grid(_FIRST, _FIRST + step * int((end - _FIRST) / step), step)
    broad = Instrument(instrument.lines, radius=instrument.radius, W=(_BREADTH * step) ** 2)
    expansions = [swelling(crystal.strain_basis) for crystal in crystals]
    specimens = [Specimen(size=60.0, strain=tuple(s * one)) for one in expansions for s in stretches]
    phases = np.repeat(np.arange(len(crystals)), len(stretches))
    patterns = render_per_gram(packed, fixed_conditions(broad, specimens, phases.tolist()), grid)
    drawn = patterns.reshape(len(crystals), len(stretches), grid.size)
    if others:
        drawn = np.concatenate([drawn, [_stretched(one, broad, grid, stretches) for one in others]]).astype(np.float32)
    return Atlas(grid, drawn, stretches)


def _stretched(
    one: Candidate, instrument: Instrument, grid: Grid, stretches: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pattern of a candidate at each stretch, (stretches, points)."""
    expansion = swelling(one.strain_basis)
    specimens = [Specimen(size=60.0, strain=tuple(stretch * expansion)) for stretch in stretches]
    return np.array([one.pattern(instrument, specimen, grid) for specimen in specimens])
