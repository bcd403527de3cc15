"""Cell: fitted lattice constants, with the crystal system that says which of them are free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, overload

import numpy as np

from bragglens.crystal.phase import Phase

System = Literal["cubic", "hexagonal", "trigonal", "tetragonal", "orthorhombic", "monoclinic", "triclinic"]

_EQUAL = 1e-4  # Å or degrees within which two constants are equal, as rounding leaves them


@dataclass(frozen=True)
class Cell(Sequence[float]):
    """A unit cell; as a sequence its six constants.

    Attributes:
        a, b, c: in Å.
        alpha, beta, gamma: in degrees.
        system: crystal system of the structure.
    """

    a: float
    b: float
    c: float
    alpha: float
    beta: float
    gamma: float
    system: System = "triclinic"

    @classmethod
    def of(cls, phase: Phase, numbers: Iterable[float]) -> Cell:
        """The cell of a phase with other constants, as a fit finds them."""
        a, b, c, alpha, beta, gamma = map(float, numbers)
        return cls(a, b, c, alpha, beta, gamma, crystal_system(phase))

    @property
    def numbers(self) -> tuple[float, float, float, float, float, float]:
        """The six constants, as `Phase.cell` has them."""
        return self.a, self.b, self.c, self.alpha, self.beta, self.gamma

    def __len__(self) -> int:
        return 6

    @overload
    def __getitem__(self, place: int) -> float: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[float, ...]: ...

    def __getitem__(self, place: int | slice) -> float | tuple[float, ...]:
        return self.numbers[place]

    @property
    def free(self) -> dict[str, float]:
        """The constants that the system leaves free, by their signs: a, b, c, α, β, γ."""
        lengths = dict(zip("abc", self[:3], strict=True))
        angles = dict(zip("αβγ", self[3:], strict=True))
        if self.system == "triclinic":
            return lengths | angles
        if self.system == "monoclinic":
            oblique = max("βγα", key=lambda name: abs(angles[name] - 90))
            return lengths | {oblique: angles[oblique]}
        if self.system == "orthorhombic":
            return lengths
        unequal = {"a": self.a} | {name: value for name, value in lengths.items() if self._differs(name, value)}
        rhombohedral = self.system == "trigonal" and len(unequal) == 1 and abs(self.alpha - 90) > _EQUAL
        return unequal | ({"α": self.alpha} if rhombohedral else {})

    def _differs(self, name: str, length: float) -> bool:
        """Whether a length is another than a; c is left out only where all three are equal."""
        others = [self.a] if name == "b" else [self.a, self.b]
        return any(abs(length - other) > _EQUAL for other in others)


@lru_cache(maxsize=1024)
def crystal_system(phase: Phase) -> System:
    """The crystal system that the rotations of a structure make, whatever its axes are called."""
    rotations = phase.rotations
    proper = rotations * np.round(np.linalg.det(rotations)).astype(int)[:, None, None]
    traces = np.trace(np.unique(proper, axis=0), axis1=1, axis2=2)
    twofold, threefold, fourfold, sixfold = (int((traces == trace).sum()) for trace in (-1, 0, 1, 2))
    if threefold > 2:
        return "cubic"
    if sixfold:
        return "hexagonal"
    if threefold:
        return "trigonal"
    if fourfold:
        return "tetragonal"
    return {0: "triclinic", 1: "monoclinic"}.get(twofold, "orthorhombic")  # type: ignore[return-value]
