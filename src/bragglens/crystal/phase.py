"""Phase: one crystal structure, complete and checked, independent of file formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Site:
    """One atom of the asymmetric unit.

    Attributes:
        label: name in the CIF.
        element: chemical symbol, D counted as H.
        position: fractional coordinates.
        occupancy: chemical occupancy, 0 to 1 (a full atom on a special position has 1).
        u_iso: isotropic displacement parameter in Å².
        u_aniso: (U11, U22, U33, U12, U13, U23) in Å² in the CIF convention, or None.
    """

    label: str
    element: str
    position: tuple[float, float, float]
    occupancy: float
    u_iso: float
    u_aniso: tuple[float, float, float, float, float, float] | None = None


@dataclass(frozen=True)
class Phase:
    """A crystal structure with a name.

    Attributes:
        name: the CIF's stem.
        formula: chemical formula as stated, or from the sites.
        space_group: Hermann-Mauguin symbol.
        cell: a, b, c in Å and α, β, γ in degrees.
        operations: all symmetry operations of the cell as triplets, centring included.
        sites: the asymmetric unit.
        cell_mass: mass of the cell's content in g/mol, with hydrogen that is in the formula and has no sites.
        source: where the structure comes from.
        notes: corrections made on reading, one sentence each.
    """

    name: str
    formula: str
    space_group: str
    cell: tuple[float, float, float, float, float, float]
    operations: tuple[str, ...] = field(repr=False)
    sites: tuple[Site, ...] = field(repr=False)
    cell_mass: float
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def unit_cell(self) -> gemmi.UnitCell:
        """The cell as a gemmi object."""
        return gemmi.UnitCell(*self.cell)

    @property
    def symbol(self) -> str:
        """The Hermann-Mauguin symbol with single blanks, `P 42/m n m`."""
        return " ".join(self.space_group.split())

    @property
    def volume(self) -> float:
        """Cell volume in Å³."""
        return float(self.unit_cell.volume)

    @property
    def density(self) -> float:
        """Density in g/cm³."""
        return self.cell_mass / self.volume * 1.66053907

    @property
    def rotations(self) -> NDArray[np.int64]:
        """The distinct rotation parts of the operations, acting on fractional coordinates, shape (n, 3, 3)."""
        return _rotations(self.operations)


@lru_cache(maxsize=512)
def _rotations(operations: tuple[str, ...]) -> NDArray[np.int64]:
    parts = {tuple(np.ravel(gemmi.Op(xyz).rot) // gemmi.Op.DEN) for xyz in operations}
    found = np.array(sorted(parts), dtype=np.int64).reshape(-1, 3, 3)
    found.flags.writeable = False
    return found
