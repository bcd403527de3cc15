"""Scans from the reference formulas, for tests of fits and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.fit.whole_pattern import Fit
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID = Grid(15.0, 85.0, 0.02)
INSTRUMENT = Instrument(emission("CuKa"), W=0.005, axial=0.03, zero=0.04)


def measured(grams: dict[str, float], library: Library, *, counts: float = 2e4) -> Scan:
    """A scan with these grams of each phase; `LaB6` and `Si` are the standards."""
    known = {phase.name: phase for phase in library}
    phases = [known.get(name) or standard(name) for name in grams]
    crystals = reflections_in_range(phases, INSTRUMENT.lines, GRID)
    specimen = Specimen(size=40.0, microstrain=6e-4, displacement=0.08)
    clean = sum(g * pattern(c, INSTRUMENT, specimen, GRID) for g, c in zip(grams.values(), crystals, strict=True))
    smooth = 0.04 + 0.2 * np.exp(-GRID.two_theta / 20)
    noisy = np.random.default_rng(3).poisson(counts * (clean / clean.max() + smooth))
    return Scan("made up", GRID.two_theta, noisy.astype(float), wavelength=INSTRUMENT.lines[0].wavelength)


def called(fit: Fit, names: Sequence[str]) -> Fit:
    """A fit of structures with other names."""

    def renamed(one: Any, name: str) -> Any:
        return replace(one, crystal=replace(one.crystal, phase=replace(one.phase, name=name)))

    return replace(fit, candidates=tuple(map(renamed, fit.candidates, names)))
