"""Disagreement: phases on which network and fit disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.why import votes
from bragglens.learn.model import Model
from bragglens.scan.pattern import Pattern
from bragglens.scan.prepare import convert
from bragglens.simulate.reflection_list import ReflectionList, reflection_list
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Disagreement:
    """Phases on which network and fit disagree. Reflections and votes are computed at first use.

    Attributes:
        fit: the fit, which decides.
        refused: phases that the network names and the fit does not; without any phase, the most probable one of the
            network.
        doubted: names of fitted phases that the network does not name.
        pattern: the scan on the axis of the network.
        network: the trained network; None for the matcher, which has no votes.
    """

    fit: Fit
    refused: tuple[Phase, ...]
    doubted: tuple[str, ...] = ()
    pattern: Pattern | None = None
    network: Model | None = None

    def __getstate__(self) -> dict[str, Any]:
        """State for another process: the network without its running session, which cannot be sent."""
        return {**vars(self), "network": self.network and replace(self.network)}

    @cached_property
    def reflections(self) -> tuple[ReflectionList, ...]:
        """Visible reflections of each refused phase, for an unstrained specimen in the fitted instrument."""
        fit = self.fit
        state = Specimen(displacement=fit.specimens[0].displacement if fit.specimens else 0.0)
        start, stop = float(fit.two_theta[0]), float(fit.two_theta[-1])
        return tuple(reflection_list(phase, fit.instrument, state, start, stop) for phase in self.refused)

    @cached_property
    def votes(self) -> dict[str, Array]:
        """Parts of the scan that support each phase (`why.vote`), on the axis of the fit; empty for the matcher."""
        names = [*self.doubted, *(phase.name for phase in self.refused)]
        if self.network is None or self.pattern is None:
            return {}
        fit, grid = self.fit, self.pattern.grid.two_theta
        angle = convert(fit.two_theta, fit.instrument.lines[0].wavelength, self.network.preparation.wavelength)
        rows = votes(self.pattern, self.network, names)
        return {name: np.interp(angle, grid, row, left=0.0, right=0.0) for name, row in zip(names, rows, strict=True)}
