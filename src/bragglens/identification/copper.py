"""Copper axis: a scan of any other source as Cu Kα1 would show it.

Line widths, shifts and the smoothness of a background are known in degrees of a laboratory scan. At 0.24 Å the same
lines are six times closer. On the axis of Cu Kα1 all of them are as usual, whatever the source.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bragglens.errors import ScanError
from bragglens.scan.prepare import convert
from bragglens.scan.scan import LEAST_POINTS, Scan
from bragglens.simulate.instrument import TUBES

COPPER = TUBES["Cu"][0]  # Å, Kα1
SOURCE = "source_wavelength"  # key of the metadata
_HIGHEST = 150.0  # degrees (judgement); towards 180° the axis is stretched without limit


def as_copper(scan: Scan, wavelength: float) -> Scan:
    """A scan of monochromatic, polarised radiation on the axis of Cu Kα1, with the intensities that it would give.

    sin θ grows with the wavelength. The Lorentz factor 1/(sin²θ cosθ) and the stretch of the axis together change
    intensities only by a constant. What remains is the polarisation of a tube, (1 + cos² 2θ)/2.

    Args:
        scan: of a source that is polarised perpendicular to the diffraction plane, or corrected for its polarisation.
        wavelength: Å of the source.

    Returns:
        The scan up to 150°, with the wavelength of Cu Kα1, and a note.

    Raises:
        ScanError: fewer than LEAST_POINTS points remain.
    """
    two_theta = convert(scan.two_theta, wavelength, COPPER)
    seen = (two_theta > 0) & (two_theta < _HIGHEST)  # NaN is not
    if seen.sum() < LEAST_POINTS:
        raise ScanError(f"{scan.name}: at {wavelength:.4f} Å hardly a point lies between 0.8 Å and infinite d")
    two_theta = two_theta[seen]
    polarisation = (1 + np.cos(np.radians(two_theta)) ** 2) / 2
    note = (
        f"the scan, of {wavelength:.4f} Å, is on the axis that Cu Kα1 would give: 2θ here is for {COPPER:.4f} Å, d is "
        "that of the file"
    )
    return replace(
        scan,
        two_theta=two_theta,
        counts=scan.counts[seen] * polarisation,
        wavelength=COPPER,
        notes=(*scan.notes, note),
        metadata=scan.metadata | {"wavelength_2_weight": "0", SOURCE: f"{wavelength:.5f}"},
    )
