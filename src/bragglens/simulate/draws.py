"""Random numbers that depend on (seed, sample, name) alone.

This is a counter-based generator: each number is a hash of its coordinates. Sample i is therefore the same alone, in a
batch, on one worker or on eight, and a new quantity does not change the draws of the old ones. The mixing function is
the finaliser of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA, doi:10.1145/2714064.2660195), applied once for each
coordinate.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numba import njit, vectorize
from numpy.typing import NDArray
from scipy.special import ndtri

from bragglens.errors import RecipeError

Array = NDArray[np.float64]


@njit(cache=True, inline="always")
def mix(z):  # type: ignore[no-untyped-def]
    """The finaliser: every bit of the result depends on every bit of z."""
    z = np.uint64(z) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, inline="always")
def unit(seed, sample, stream):  # type: ignore[no-untyped-def]
    """A number in the open interval (0, 1) from three integers."""
    z = mix(mix(mix(np.uint64(seed)) ^ np.uint64(sample)) ^ np.uint64(stream))
    return (np.float64(z >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@njit(cache=True)
def noise_key(seed, sample):  # type: ignore[no-untyped-def]
    """Key of the counting noise of a sample. Its stream is beyond those of all named quantities."""
    return mix(mix(mix(np.uint64(seed)) ^ np.uint64(sample)) ^ np.uint64(1 << 50))


@vectorize(cache=True)  # type: ignore[no-untyped-call]  # compiled by the first call, not by the import
def _units(seed, sample, stream):  # type: ignore[no-untyped-def]
    return unit(seed, sample, stream)


@dataclass(frozen=True)
class Draws:
    """The draws of a batch of samples.

    Attributes:
        seed: any integer from 0 to 2⁶⁴ - 1.
        samples: the samples' numbers, shape (batch,).
    """

    seed: int
    samples: NDArray[np.uint64]

    def uniform(self, name: str, slots: int = 1) -> Array:
        """Numbers in (0, 1) for the quantity `name`, shape (batch, slots)."""
        streams = np.uint64(zlib.crc32(name.encode()) << 16) + np.arange(slots, dtype=np.uint64)
        return np.asarray(_units(np.uint64(self.seed), self.samples[:, None], streams[None, :]))

    def of(self, distribution: Distribution, name: str, slots: int = 1) -> Array:
        """Values of a distribution for the quantity `name`, shape (batch, slots)."""
        return distribution.quantile(self.uniform(name, slots))


def draws(seed: int, first: int, count: int) -> Draws:
    """The draws of samples first ... first + count - 1."""
    if not 0 <= seed < 1 << 64:
        raise RecipeError(f"seed {seed} is not possible: give a whole number from 0 to 2⁶⁴ - 1")
    return Draws(seed, np.arange(first, first + count, dtype=np.uint64))


@dataclass(frozen=True)
class Constant:
    """A constant value."""

    value: float

    def quantile(self, u: Array) -> Array:
        """The value, for any u."""
        return np.full_like(u, self.value)


@dataclass(frozen=True)
class Uniform:
    """Uniform between low and high."""

    low: float
    high: float

    def quantile(self, u: Array) -> Array:
        """The value below which a share u of the draws lies."""
        return self.low + (self.high - self.low) * u


@dataclass(frozen=True)
class LogUniform:
    """Uniform in the logarithm between low and high, both positive."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise RecipeError(f"a log-uniform range from {self.low:g} to {self.high:g} needs 0 < low <= high")

    def quantile(self, u: Array) -> Array:
        """The value below which a share u of the draws lies."""
        return np.asarray(self.low * (self.high / self.low) ** u)


@dataclass(frozen=True)
class Normal:
    """Gaussian with a mean and a standard deviation."""

    mean: float
    deviation: float

    def quantile(self, u: Array) -> Array:
        """The value below which a share u of the draws lies."""
        return self.mean + self.deviation * np.asarray(ndtri(u))


Distribution = Constant | Uniform | LogUniform | Normal
