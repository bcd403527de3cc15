"""Problem: candidates and a scan bound together; every step of a search works on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.harmonics import harmonics
from bragglens.fit.candidates import Candidates, render_states
from bragglens.fit.observed import Observed
from bragglens.fit.parameters import HARMONICS, TWO_SIZES, Parameters
from bragglens.fit.state import State, empty
from bragglens.policy import Policy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """What is fitted.

    Attributes:
        known: the candidates, prepared for the tube and range of the scan.
        observed: the scan.
    """

    known: Candidates
    observed: Observed

    @property
    def policy(self) -> Policy:
        """The thresholds that decide."""
        return self.observed.policy

    @property
    def parameters(self) -> Parameters:
        """What may change."""
        return self.known.parameters

    def refined(self, state: State, place: int, *, texture: bool) -> Sequence[str]:
        """Names of the own parameters of a state's component that a fit may change."""
        one = self.known[state.phases[place]]
        own = [*one.refined, *(TWO_SIZES if state.each(TWO_SIZES[0])[place] > 0 else ())]
        if not (texture and one.texture_axes):
            return own
        terms = len(harmonics(one.phase).orders) if self.known.oriented and one.phase is not None else 0
        return [*own, "log_march", *HARMONICS[:terms]]

    def render(self, shared: Array, own: Array, components: NDArray[np.int64], axes: Array) -> Array:
        """Pattern without noise of one unit of a candidate for each row of values, (rows, points)."""
        return render_states(self.known, self.observed.grid, shared, own, components, axes)

    def empty(self) -> State:
        """No phase at all."""
        return empty(self.parameters)

    def is_faulted(self, candidate: int) -> bool:
        """Whether stacking faults broaden some lines of a candidate."""
        return "faults" in self.known[candidate].refined

    def with_orientations(self, only: Collection[int] | None = None) -> Problem:
        """The same with orientation distributions of all structures, or of some, where texture is fitted."""
        return replace(self, known=self.known.with_orientations(only))

    @cached_property
    def softened(self) -> Problem:
        """The same with lines of at least `soft_width`.

        They are broader than those of any calibration, so the width is free.
        """
        return replace(self, known=replace(self.known, calibrated=False), observed=self.observed.softened)
