"""Identity: whether a fitted phase is itself, or another compound of its structure type that has this lattice."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.match.compounds import Compounds, distance

Array = NDArray[np.float64]

# Judgements; the table of the feature is fitted.
_LATTICE = 0.003  # relative; lattices of specimens of one compound differ by 0.05 to 0.3%
_LOWEST = -15.0  # ln; a lattice that is farther from the library's says no more
_UNKNOWN = 1.0  # weight of all compounds of the type with this lattice that the table lacks: one with one paper


@dataclass(frozen=True)
class Frequency:
    """How often a phase is met: what the logarithm of its frequency grows with.

    Attributes:
        papers: per ln(number of papers with its structure).
        listed: where a list of common phases names it.
    """

    papers: float
    listed: float

    def of(self, known: Compounds, rows: Sequence[int]) -> Array:
        """Logarithm of the frequency of some known compounds, 0 for one with one paper that no list names."""
        return self.papers * np.log(np.maximum(known.papers[list(rows)], 1.0)) + self.listed * known.listed[list(rows)]

    def of_phase(self, known: Compounds, phase: Phase) -> float:
        """The same of a phase; for one that is not known, of the mean frequency of those that are."""
        row = known.entry(phase)
        return self.usual(known) if row is None else float(self.of(known, [row])[0])

    def usual(self, known: Compounds) -> float:
        """Logarithm of the mean frequency of the known compounds."""
        return float(np.log(np.exp(self.of(known, range(len(known.names)))).mean()))


def identity_features(
    phase: Phase,
    fitted: Phase,
    known: Compounds,
    frequency: Frequency,
    allowed: Callable[[Set[str]], bool] = lambda _: True,
    heat: float = 0.0,
) -> dict[str, float]:
    """Features of one phase that follow from the table of known compounds.

    Args:
        phase: as in the library.
        fitted: the same with its fitted cell.
        known: the compounds.
        frequency: how often they are met.
        allowed: whether a compound of these elements is possible.
        heat: relative standard deviation of lattices through heat.

    Returns:
        frequency: logarithm of how often the phase is met. identity: ln of its frequency over that of the other
        compounds of its structure type, each weighted by how near its lattice is to the fitted one.
    """
    own = frequency.of_phase(known, phase)
    away, rows = known.neighbours(phase, fitted, allowed)
    others = float((np.exp(frequency.of(known, rows)) * _near(away, heat)).sum())
    at_home = float(np.log(np.maximum(_near(distance(phase, fitted), heat), 1e-30)))
    return {"frequency": own, "identity": max(_LOWEST, own + at_home - float(np.log(_UNKNOWN + others)))}


def chemistry(own: Set[str], others: Sequence[Set[str]], named: Set[str]) -> dict[str, float]:
    """The chemistry of the answer as a whole.

    Args:
        own: essential elements of a phase.
        others: those of each other fitted phase.
        named: elements that the user named.

    Returns:
        foreign_elements: number of elements that no other fitted phase has, without named ones and hydrogen, carbon and
        oxygen; nothing for a phase alone.
    """
    if not others:
        return {}
    return {"foreign_elements": float(len(own - {"H", "C", "O", *named}.union(*others)))}


def _near(away: Array | float, heat: float) -> Array:
    return np.asarray(np.exp(-0.5 * (np.asarray(away) / np.hypot(_LATTICE, heat)) ** 2))
