"""Strongest lines of a phase, independent of the wavelength: what a search through thousands of phases needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.faults import broadened_by_faults
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import reflections
from bragglens.schema import MisfitError
from bragglens.simulate.formulas import lorentz_polarisation, two_theta
from bragglens.simulate.instrument import emission
from bragglens.simulate.reference import structure_factor_squared

MOST = 80  # lines that are kept for a phase
D_MIN = 0.9  # Å; Cu Kα reaches 118° there
_ROUNDED = 1e-3  # relative, and Å: rounding of float32 and of sums of it
_SAME = 2e-4  # relative; lines this close in d are one line of the powder pattern
_DISPERSION_AT = emission("CuKa1")[0].wavelength


@dataclass(frozen=True)
class Lines:
    """The strongest lines of phases, as rows of tables padded with zeros.

    Attributes:
        d: spacings in Å, the largest first, shape (phases, lines).
        strength: m |F|² / (M V) per gram, with the dispersion of Cu Kα1 and without Lorentz and polarisation factors,
            shape (phases, lines). 0 where there is no line.
        whole: the sum of the same over all sharp lines down to D_MIN, shape (phases,). It shows how much was left out.
    """

    d: NDArray[np.float32]
    strength: NDArray[np.float32]
    whole: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.d)

    def of(self, rows: Sequence[int] | NDArray[np.integer]) -> Lines:
        """The lines of some phases, in this order."""
        chosen = np.asarray(rows, dtype=np.int64)
        return Lines(self.d[chosen], self.strength[chosen], self.whole[chosen])

    def intensity(self, wavelength: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """2θ in degrees (NaN if λ > 2 d) and intensity per gram at a wavelength in Å, both (phases, lines).

        With the Lorentz and polarisation factors of an unpolarised beam.
        """
        angle = two_theta(d=np.where(self.strength > 0, self.d, np.nan).astype(float), wavelength=wavelength)
        with np.errstate(invalid="ignore"):
            factor = lorentz_polarisation(two_theta=angle, polarisation=1.0)
        return angle, np.where(np.isfinite(angle), self.strength * factor, 0.0)


def lines_of(phase: Phase) -> Lines:
    """Lines of one phase. Lines that coincide are merged into one, at their mean spacing.

    Lines that stacking faults broaden are left out: in most specimens of such phases they are broad humps, if visible
    at all.
    """
    crystal = reflections(phase, D_MIN)
    blurred = broadened_by_faults(crystal)
    crystal = crystal if blurred is None else crystal.only(~blurred)
    volume = abs(float(np.linalg.det(crystal.axes)))
    squares = structure_factor_squared(crystal, crystal.d, _DISPERSION_AT)
    strength = crystal.multiplicity * squares / (phase.cell_mass * volume)
    group = np.cumsum(np.r_[0, np.diff(np.log(crystal.d)) < -_SAME]) if len(crystal) else np.empty(0, int)
    total = np.bincount(group, strength)
    d = np.bincount(group, strength * crystal.d) / np.maximum(total, 1e-300)
    angle = two_theta(d=d, wavelength=_DISPERSION_AT)
    seen = total * lorentz_polarisation(two_theta=angle, polarisation=1.0)
    kept = np.sort(np.argsort(-seen, kind="stable")[:MOST])
    row = np.zeros((2, 1, MOST), dtype=np.float32)
    row[0, 0, : len(kept)], row[1, 0, : len(kept)] = d[kept], total[kept]
    return Lines(row[0], row[1], np.array([total.sum()], dtype=np.float32))


def check_lines(lines: Lines, phases: Sequence[Phase]) -> Lines:
    """Check that lines can be those of the phases, and return them.

    Each phase needs at least one line, and no spacing may exceed the longest edge of its cell.

    Raises:
        MisfitError: a row is not possible.
    """
    there = lines.strength > 0
    total = lines.strength.sum(axis=1, dtype=float)
    edge = np.array([[max(phase.cell[:3])] for phase in phases]) * (1 + _ROUNDED)
    real = ~there | (lines.d > D_MIN - _ROUNDED) & (lines.d < edge)
    for name, usable, expected in (
        ("strength", there.any(axis=1), "a line of some strength"),
        ("d", real.all(axis=1), f"{D_MIN} Å to the longest edge"),
        ("whole", total <= lines.whole * (1 + _ROUNDED), "the strength of all lines together"),
    ):
        if not usable.all():
            raise MisfitError(f"{name}.npy[{int(np.argmin(usable))}] is not possible: {expected} is expected")
    return lines


def lines_in(tables: Mapping[str, NDArray[np.float32]], phases: Sequence[Phase]) -> Lines:
    """The lines in a library file, whose tables are given by name. No number in them is negative or infinite.

    Raises:
        MisfitError: a table is missing, unknown, or not possible.
    """
    rows = len(phases)
    shapes = {"d": (rows, MOST), "strength": (rows, MOST), "whole": (rows,)}
    if (found := {name: table.shape for name, table in tables.items()}) != shapes:
        raise MisfitError(f"tables are {found}: {shapes} is expected")
    return check_lines(Lines(**tables), phases)


def lines_of_phases(phases: Iterable[Phase]) -> Lines:
    """Lines of each phase of a library, in the order of the library."""
    return stack([lines_of(phase) for phase in phases])


def stack(each: Sequence[Lines]) -> Lines:
    """Lines of several phases in one table."""
    if not each:
        return Lines(*(np.empty(shape, np.float32) for shape in ((0, MOST), (0, MOST), (0,))))
    return Lines(*(np.concatenate([getattr(one, name) for one in each]) for name in ("d", "strength", "whole")))
