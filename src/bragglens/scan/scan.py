"""Scan: what the diffractometer wrote."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError


@dataclass(frozen=True)
class Scan:
    """One measured powder scan.

    Attributes:
        name: what to call it, usually the file's name.
        two_theta: strictly ascending angles in degrees, shape (n,).
        counts: intensity as written, counts or a multiple of them, shape (n,).
        wavelength: Kα1 (or the only) wavelength in Å where the file states it, else None: never assumed.
        notes: what the reader had to do to the file, one sentence each.
        metadata: further entries of the file's header, as written.
    """

    name: str
    two_theta: NDArray[np.float64]
    counts: NDArray[np.float64]
    wavelength: float | None = None
    notes: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problem = _problem(self.two_theta, self.counts)
        if problem:
            raise ScanError(f"{self.name}: {problem}")


def _problem(two_theta: NDArray[np.float64], counts: NDArray[np.float64]) -> str | None:
    """Why these two arrays are no powder scan, or None."""
    if two_theta.ndim != 1 or two_theta.shape != counts.shape:
        return "angles and counts are not two columns of the same length"
    if two_theta.size < 50:
        return f"only {two_theta.size} points, too few for a powder scan: is this the right file?"
    if not (np.isfinite(two_theta).all() and np.isfinite(counts).all()):
        return "holds numbers that are not finite"
    if not (np.diff(two_theta) > 0).all():
        return "the 2θ axis does not ascend: sort it, or say which column is 2θ"
    if two_theta[0] < -5 or two_theta[-1] > 180:
        return (
            f"the axis runs from {two_theta[0]:g} to {two_theta[-1]:g}, which is no 2θ in degrees: "
            "convert it to 2θ, at most 180°"
        )
    if counts.max() <= counts.min():
        return "all intensities are equal: nothing was measured, or the wrong column was read"
    return None
