"""Line standards with certified cells, as CIFs typed from their certificates."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from bragglens.crystal.cif import read_cif
from bragglens.crystal.phase import Phase
from bragglens.errors import StructureError

STANDARDS = {"LaB6": "LaB6_660c", "Si": "Si_640f", "corundum": "corundum_676a"}
"""Short names and the stems of the CIFs in `data/standards`."""


def standard(name: str) -> Phase:
    """A standard by its short name, by the name of its lot, or from a CIF of your own lot.

    Raises:
        StructureError: the name is none of these, or the CIF cannot be read.
    """
    stems = {key.lower(): stem for short, stem in STANDARDS.items() for key in (short, stem)}
    if name.lower() in stems:
        with as_file(files("bragglens") / "data" / "standards" / f"{stems[name.lower()]}.cif") as path:
            return read_cif(path)
    if Path(name).suffix.lower() == ".cif":
        return read_cif(name)
    known = ", ".join(f"{short} ({stem})" for short, stem in STANDARDS.items())
    raise StructureError(f"standard '{name}' is not known: give {known}, or a .cif with the certified cell of your lot")
