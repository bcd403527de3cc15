"""Scan: one measured powder pattern, as the diffractometer wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bragglens.errors import ScanError
from bragglens.extras import extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_POINTS = 50
"""Fewer points than this are no powder scan."""

METADATA = {
    "anode": "element of the tube's anode",
    "wavelength_2": "Kα2 in Å",
    "wavelength_2_weight": "its weight relative to Kα1",
    "counting_time_s": "seconds a point",
    "intensity_unit": "counts or cps",
    "radius_mm": "radius of the goniometer",
    "divergence_slit_deg": "opening of a fixed divergence slit",
    "automatic_slit_mm": "illuminated length of an automatic slit",
    "soller_rad": "opening of the Soller slits",
    "filter": "material of the Kβ filter",
    "monochromator": "side and name of the crystal",
    "scan_axis": "what moved, in the program's words",
    "tilt": "positions of the axes that do not move",
    "started": "date and time",
    "sample": "name of the specimen",
    "diffractometer": "name of the instrument, or of the program that ran it",
    "source_wavelength": "Å of the source of a scan that was put on the axis of Cu Kα1",
}
"""Keys of `Scan.metadata` that mean the same for every format; text has its own header's keys beside them."""


@dataclass(frozen=True)
class Scan:
    """One measured powder scan.

    Attributes:
        name: usually the file's name.
        two_theta: strictly ascending angles in degrees, shape (n,); lists are accepted.
        counts: intensity as written, counts or a multiple of them, shape (n,).
        wavelength: Kα1 (or the only) wavelength in Å where the file states it, else None; never assumed.
        notes: what the reader did to the data, one sentence each.
        metadata: further entries of the file's header, as text; the keys of `METADATA` mean the same everywhere.
    """

    name: str
    two_theta: NDArray[np.float64]
    counts: NDArray[np.float64]
    wavelength: float | None = None
    notes: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)

    def plot(self) -> Figure:
        """The scan as a matplotlib figure.

        Raises:
            BragglensError: matplotlib (extra `plots`) is not installed.
        """
        with extra("plots", "a figure"):
            from bragglens.report.figures import scan_figure
        return scan_figure(self)

    def __post_init__(self) -> None:
        for axis in ("two_theta", "counts"):
            object.__setattr__(self, axis, np.asarray(getattr(self, axis), dtype=np.float64))
        problem = _problem(self.two_theta, self.counts)
        if problem:
            raise ScanError(f"{self.name}: {problem}")


def _problem(two_theta: NDArray[np.float64], counts: NDArray[np.float64]) -> str | None:
    """Why these two arrays are no powder scan, or None."""
    if two_theta.ndim != 1 or two_theta.shape != counts.shape:
        return "angles and counts are not two columns of the same length: copy or export it again"
    if two_theta.size < LEAST_POINTS:
        return f"only {two_theta.size} points, too few for a powder scan: is this the right file?"
    if not (np.isfinite(two_theta).all() and np.isfinite(counts).all()):
        return "holds numbers that are not finite: it is damaged, copy or export it again"
    if not (np.diff(two_theta) > 0).all():
        return "the 2θ axis is not ascending: sort it, or say which column is 2θ"
    if two_theta[0] < -5 or two_theta[-1] > 180:
        return (
            f"the axis runs from {two_theta[0]:g} to {two_theta[-1]:g}, which is not 2θ in degrees: "
            "convert it to 2θ, at most 180°"
        )
    if counts.max() <= counts.min():
        return "all intensities are equal: nothing was measured, or the wrong column was read"
    return None
