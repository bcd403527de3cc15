"""State: the values of a fit, by name. Solution: a state with scales and background."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.parameters import STRAINS, TWO_SIZES, Parameters

Array = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """Values of all parameters that enter non-linearly.

    Attributes:
        parameters: the parameters that have these values.
        phases: places of the components among the candidates, (k,).
        shared: values of the whole scan, in the order of `parameters.shared`.
        own: of each component, in the order of `parameters.own`, (k, own).
        axes: texture axis of each component, (k, 3).
    """

    parameters: Parameters
    phases: tuple[int, ...]
    shared: Array
    own: Array
    axes: Array

    def value(self, name: str) -> float:
        """A value of the whole scan."""
        return float(self.shared[self.parameters.place(name)])

    def each(self, name: str) -> Array:
        """A value of each component, (k,)."""
        return self.own[:, self.parameters.place(name)]

    @property
    def strains(self) -> Array:
        """Coefficients of each component's allowed lattice strains, 0 for those that it does not have, (k, 6)."""
        return self.own[:, self.parameters.places(STRAINS)]

    def of_scan(self, **values: float) -> State:
        """The same with other values of the whole scan."""
        shared = self.shared.copy()
        for name, value in values.items():
            shared[self.parameters.place(name)] = value
        return replace(self, shared=shared)

    def of(self, component: int, *, axis: Array | None = None, strains: Array | None = None, **values: float) -> State:
        """The same with other values of one component."""
        own, axes = self.own.copy(), self.axes.copy()
        for name, value in values.items():
            own[component, self.parameters.place(name)] = value
        if strains is not None:
            own[component, self.parameters.places(STRAINS)] = strains
        if axis is not None:
            axes[component] = axis
        return replace(self, own=own, axes=axes)

    def unstrained(self) -> State:
        """The same with all lattices as in the library."""
        own = self.own.copy()
        own[:, self.parameters.places(STRAINS)] = 0.0
        return replace(self, own=own)

    def usual(self) -> State:
        """The same with the usual values of each component; lattices, second sizes and texture axes are kept."""
        own = np.tile(self.parameters.start()[1], (len(self.phases), 1))
        places = self.parameters.places((*STRAINS, *TWO_SIZES))
        own[:, places] = self.own[:, places]
        return replace(self, own=own)

    def in_order(self) -> State:
        """The same with its components in the order of the candidates."""
        order = np.argsort(self.phases)
        return replace(self, phases=tuple(sorted(self.phases)), own=self.own[order], axes=self.axes[order])

    def with_phase(self, phase: int) -> State:
        """The same with one further component in its usual state."""
        usual = self.parameters.start()[1]
        return replace(
            self,
            phases=(*self.phases, phase),
            own=np.vstack([self.own, usual]),
            axes=np.vstack([self.axes, [0.0, 0.0, 1.0]]),
        )

    def without(self, *components: int) -> State:
        """All but these."""
        kept = [i for i in range(len(self.phases)) if i not in components]
        return replace(self, phases=tuple(self.phases[i] for i in kept), own=self.own[kept], axes=self.axes[kept])

    def only(self, component: int) -> State:
        """One component alone."""
        return self.without(*(i for i in range(len(self.phases)) if i != component))


def empty(parameters: Parameters) -> State:
    """A state without components, with the values of the scan where a fit begins."""
    shared, own = parameters.start()
    return State(parameters, (), shared, np.empty((0, len(own))), np.empty((0, 3)))


@dataclass(frozen=True)
class Solution:
    """A state with its linear parameters.

    Attributes:
        state: the non-linear values.
        patterns: pattern without noise of one unit of each component (a gram of a structure), (k, points).
        scales: units of each component in the scan, never negative, (k,).
        calculated, background: in counts, (points,).
        chi2: misfit over its expected value, with the number of independent points by `Observed.information`.
        cost: chi2 and the squared distance of the values from their usual ones; the fit minimises it.
    """

    state: State
    patterns: Array
    scales: Array
    calculated: Array
    background: Array
    chi2: float
    cost: float
