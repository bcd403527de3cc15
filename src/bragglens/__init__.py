"""bragglens: which crystalline phases are in a powder diffraction scan, and with what probability."""

from typing import TYPE_CHECKING

from bragglens import inference as inference  # before anything imports ONNX Runtime, which it keeps silent
from bragglens import late

if TYPE_CHECKING:
    from bragglens.crystal.cif_text import write_cif
    from bragglens.crystal.from_objects import phase_of
    from bragglens.crystal.library import Library, read_library
    from bragglens.crystal.phase import Phase
    from bragglens.errors import BragglensError
    from bragglens.identification.answer import Identification
    from bragglens.identification.identify import identify
    from bragglens.installed import __version__ as __version__
    from bragglens.learn.model import Model, load_model, save_model
    from bragglens.scan.pattern import Grid, Pattern
    from bragglens.scan.read import read_scan, read_scans
    from bragglens.scan.scan import Scan

__all__ = [
    "BragglensError",
    "Grid",
    "Identification",
    "Library",
    "Model",
    "Pattern",
    "Phase",
    "Scan",
    "identify",
    "load_model",
    "phase_of",
    "read_library",
    "read_scan",
    "read_scans",
    "save_model",
    "write_cif",
]

late.names(
    __name__,
    {
        "crystal.cif_text": ["write_cif"],
        "crystal.from_objects": ["phase_of"],
        "crystal.library": ["Library", "read_library"],
        "crystal.phase": ["Phase"],
        "errors": ["BragglensError"],
        "identification.answer": ["Identification"],
        "identification.identify": ["identify"],
        "installed": ["__version__"],
        "learn.model": ["Model", "load_model", "save_model"],
        "scan.pattern": ["Grid", "Pattern"],
        "scan.read": ["read_scan", "read_scans"],
        "scan.scan": ["Scan"],
    },
)
