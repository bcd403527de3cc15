"""Problem: candidates and a scan bound together; every step of a search works on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.candidates import Candidates, render_states
from bragglens.fit.observed import Observed
from bragglens.fit.parameters import Parameters
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

    def refined(self, component: int, *, texture: bool) -> Sequence[str]:
        """Names of a candidate's own parameters that a fit may change."""
        one = self.known[component]
        return [*one.refined, *(["log_march"] if texture and one.texture_axes else [])]

    def render(self, shared: Array, own: Array, components: NDArray[np.int64], axes: Array) -> Array:
        """Pattern without noise of one unit of a candidate for each row of values, (rows, points)."""
        return render_states(self.known, self.observed.grid, shared, own, components, axes)

    def empty(self) -> State:
        """No phase at all."""
        return empty(self.parameters)

    @cached_property
    def softened(self) -> Problem:
        """The same with lines of at least `soft_width`.

        They are broader than those of any calibration, so the width is free.
        """
        return replace(self, known=replace(self.known, calibrated=False), observed=self.observed.softened)
