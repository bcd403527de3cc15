"""Write the table of known compounds (`bragglens.match.compounds`): `python library/compounds.py`.

Its phases are those of the built-in library. `build.py` calls this after it has written the library.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bragglens.match.builtin import builtin, entries
from bragglens.match.compounds import table_of

TABLE = Path(__file__).resolve().parent.parent / "src" / "bragglens" / "data" / "compounds.npz"


def write_compounds() -> None:
    """Write the table; the same library gives the same bytes."""
    phases = builtin().library.phases
    own = [entries()[phase.name] for phase in phases]
    np.savez_compressed(TABLE, **table_of(phases, [one.papers for one in own], [bool(one.listed) for one in own]))


if __name__ == "__main__":
    write_compounds()
