"""Parameters: what a fit may change, each with its name, unit, bounds and usual spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.harmonics import MOST_TERMS
from bragglens.simulate.instrument import Instrument

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A value that enters a pattern non-linearly.

    Attributes:
        name: by which a state addresses it.
        unit: of the value; empty for a ratio.
        start: where a fit begins, and the value that the prior draws it to.
        low, high: bounds.
        step: a change that matters; derivatives use a tenth of it.
        usual: standard deviation about the start in measured scans; a step is no longer than this.
    """

    name: str
    unit: str
    start: float
    low: float
    high: float
    step: float
    usual: float


USUAL_DISPLACEMENT, USUAL_STRAIN = 0.15, 0.004  # mm, relative
STRAINS = tuple(f"strain_{k}" for k in range(6))  # coefficients of the allowed lattice strains
HARMONICS = tuple(f"harmonic_{k}" for k in range(MOST_TERMS))  # coefficients of the orientation distribution
TWO_SIZES = ("fine_share", "log_fine")
# Standard deviation of a coefficient: about that of order 2 of ln M for March-Dollase r of 0.75 (0.36) and 1.33 (-0.40)
USUAL_HARMONIC = 0.4
SHARED = (
    Parameter("zero", "°", 0.0, -0.4, 0.4, 0.02, 0.05),
    Parameter("displacement", "mm", 0.0, -0.8, 0.8, 0.03, USUAL_DISPLACEMENT),
    Parameter("log_width", "ln °", np.log(0.06), np.log(0.004), np.log(0.8), 0.2, 0.5),  # of the instrument's lines
    Parameter("roughness", "", 0.0, 0.0, 0.9, 0.1, 0.3),  # p of Suortti's correction
    Parameter("axial", "", 0.03, 0.0, 0.12, 0.01, 0.03),  # (S + H)/L
    Parameter("lorentzian", "", 0.7, 0.0, 1.0, 0.1, 0.2),  # share of the broadening by size and microstrain
)
OWN = (
    Parameter("log_size", "ln nm", np.log(60.0), np.log(2.0), np.log(800.0), 0.5, 1.5),
    Parameter("log_microstrain", "", np.log(5e-4), np.log(1e-5), np.log(0.015), 0.5, 1.5),
    Parameter("fine_share", "", 0.0, 0.0, 0.95, 0.05, 0.5),  # of the scattering, by a second size of crystallites
    Parameter("log_fine", "ln nm", np.log(8.0), np.log(4.0), np.log(50.0), 0.3, 0.7),  # that size
    Parameter("log_march", "", 0.0, np.log(0.3), np.log(3.0), 0.1, 0.25),  # ln r of March and Dollase
    Parameter("extra_b", "Å²", 0.0, -0.5, 4.0, 0.1, 0.5),  # beyond the structure's own displacement
    Parameter("faults", "1/nm", 0.0, 0.0, 0.6, 0.02, 0.15),  # inverse of the distance of stacking faults
    *(Parameter(name, "", 0.0, -0.03, 0.03, 0.001, USUAL_STRAIN) for name in STRAINS),
    *(Parameter(name, "", 0.0, -4.0, 4.0, 0.1, USUAL_HARMONIC) for name in HARMONICS),
)
# For a calibrated instrument: how far a scan may deviate from its calibration (judgement). Degrees for the zero,
# relative for the width.
_CALIBRATED_SPREAD = {"zero": 0.01, "log_width": 0.03, "axial": 0.003}


@dataclass(frozen=True)
class Parameters:
    """The parameters of a fit: those of the whole scan, and those of each component.

    Attributes:
        shared: of the whole scan.
        own: of each component.
    """

    shared: tuple[Parameter, ...]
    own: tuple[Parameter, ...] = ()

    @cached_property
    def _rows(self) -> Array:
        every = (*self.shared, *self.own)
        return np.array([[p.start, p.low, p.high, p.step, p.usual] for p in every]).T

    @cached_property
    def _places(self) -> dict[str, int]:
        places = {p.name: i for i, p in enumerate(self.shared)}
        return places | {p.name: i for i, p in enumerate(self.own)}

    def place(self, name: str) -> int:
        """Position of a value among the shared ones, or among a component's own."""
        return self._places[name]

    def places(self, names: Sequence[str]) -> list[int]:
        """The same for several."""
        return [self._places[name] for name in names]

    def start(self) -> tuple[Array, Array]:
        """Where a fit begins: the shared values, and those of one component."""
        first = self._rows[0]
        return first[: len(self.shared)].copy(), first[len(self.shared) :].copy()

    @lru_cache(maxsize=16)  # noqa: B019 - a handful of these live as long as the program
    def table(self, components: int) -> Array:
        """Start, low, high, step and usual spread of every value in the vector of a state, shape (5, values)."""
        n = len(self.shared)
        return np.hstack([self._rows[:, :n], np.tile(self._rows[:, n:], (1, components))])


PARAMETERS = Parameters(SHARED, OWN)
"""Those of a scan that is identified."""


# Linear thermal expansion of inorganic crystals: 0 to 5e-5 per K (Touloukian 1977, Thermophysical Properties of Matter
# 12 and 13); NaCl has 4e-5 at room temperature.
EXPANSION = 2e-5  # per K, standard deviation
_B_PER_K = 1 / 298  # Å² per K: B, about 1 Å² at room temperature, is proportional to the absolute temperature (Debye)
ROOM = 25.0  # °C, at which lattices of a library are assumed to be


def heat_spread(temperature: float | None) -> float:
    """Relative standard deviation of lattices from the library's at a temperature in °C; None is room temperature."""
    return 0.0 if temperature is None else EXPANSION * abs(temperature - ROOM)


@lru_cache(maxsize=64)
def heated(parameters: Parameters, spread: float) -> Parameters:
    """The parameters for a specimen whose lattices deviate from the library's by `spread`, relative, through heat.

    Displacements of atoms grow with it.
    """

    shaken = _B_PER_K * spread / EXPANSION

    def wider(one: Parameter) -> Parameter:
        by = spread if one.name in STRAINS else shaken if one.name == "extra_b" else 0.0
        low = one.low - 2 * by * (one.name in STRAINS)
        return replace(one, low=low, high=one.high + 2 * by, usual=float(np.hypot(one.usual, by)))

    return Parameters(parameters.shared, tuple(map(wider, parameters.own)))


@lru_cache(maxsize=8)
def held_near(instrument: Instrument, width: float) -> Parameters:
    """Parameters of a scan of a calibrated instrument with lines of `width` degrees: held near the calibration."""
    measured = {"zero": instrument.zero, "log_width": float(np.log(width)), "axial": instrument.axial}

    def held(one: Parameter) -> Parameter:
        if one.name not in measured:
            return one
        value = measured[one.name]
        return Parameter(
            one.name, one.unit, value, min(value, one.low), max(value, one.high), one.step, _CALIBRATED_SPREAD[one.name]
        )

    return Parameters(tuple(map(held, SHARED)), OWN)
