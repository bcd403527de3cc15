"""Background and noise for stored patterns. Training streams draw counts, humps and air scatter by themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import RecipeError

HIGHEST_BACKGROUND = 0.1  # of the strongest point, as in Schuetzke et al. (2021), IUCrJ 8, 408


def add_noise(
    patterns: NDArray[np.floating],
    *,
    noise: tuple[float, float] = (0.01, 0.05),
    poisson: bool = False,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Stored patterns with a random background and noise.

    The noise has a mean of zero. The expectation of the noisy pattern is therefore the clean pattern plus its
    background.

    Args:
        patterns: shape (patterns, points).
        noise: smallest and largest amplitude relative to the strongest point. An amplitude is three standard
            deviations.
        poisson: use counting noise of that amplitude at the strongest point in place of white noise.
        seed: the noise of pattern i comes from (seed, i).

    Raises:
        RecipeError: patterns or amplitudes are not possible.
    """
    if patterns.ndim != 2:
        raise RecipeError(f"patterns of shape {patterns.shape} are not a table: give (patterns, points)")
    if not 0 < noise[0] <= noise[1] <= 1:
        raise RecipeError(f"noise from {noise[0]:g} to {noise[1]:g} is not possible: give 0 < least <= greatest <= 1")
    noisy = np.empty(patterns.shape)
    for i, pattern in enumerate(patterns):
        random = np.random.default_rng([seed, i])
        top = float(pattern.max())
        deviation = random.uniform(*noise) / 3
        expected = np.maximum(pattern, 0.0) + top * _background(random, pattern.size)
        if poisson:
            counts = 1 / (deviation**2 * top)
            noisy[i] = random.poisson(expected * counts) / counts
        else:
            noisy[i] = expected + random.normal(0.0, deviation * top, pattern.size)
    return noisy


def _background(random: np.random.Generator, points: int) -> NDArray[np.float64]:
    """A smooth Chebyshev background of order 1 to 3, from zero to at most HIGHEST_BACKGROUND."""
    coefficients = random.uniform(-1, 1, int(random.integers(2, 5)))
    shape = np.polynomial.chebyshev.chebval(np.linspace(-1, 1, points), coefficients)
    shape -= shape.min()
    height = HIGHEST_BACKGROUND * random.uniform(0.1, 1.0)
    return np.asarray(shape / max(shape.max(), 1e-12) * height)
