"""Coverage: which phases a scan of a short range can show, and with what certainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bragglens.errors import ScanError
from bragglens.identification.proposers import Proposer
from bragglens.match.catalogue import Catalogue
from bragglens.match.reference_lines import PREPARATION
from bragglens.policy import DEFAULT, Policy
from bragglens.scan.prepare import LEAST_COVERAGE, to_grid
from bragglens.scan.scan import Scan


@dataclass(frozen=True)
class Coverage:
    """What the range of a scan can show.

    Attributes:
        allowed: names of the phases that may be named and have at least `least_lines` lines in it.
        certainty: factor of the probabilities, at most 1: the range over the least range that networks are trained with
            and that the confidence was fitted to, 34° of 5-90° for copper.
        notes: a note where it is less than 1.
    """

    allowed: tuple[str, ...]
    certainty: float = 1.0
    notes: tuple[str, ...] = ()


def coverage(
    scan: Scan, who: Proposer, allowed: Sequence[str], *, wavelength: float, policy: Policy = DEFAULT
) -> Coverage:
    """Which of the phases that may be named the range of a scan can show.

    Raises:
        ScanError: none of them has `least_lines` lines in it.
    """
    certainty = to_grid(scan, PREPARATION, wavelength=wavelength).coverage / LEAST_COVERAGE
    if certainty >= 1:
        return Coverage(tuple(allowed))
    lines = _lines(scan, who.catalogue, wavelength, policy.faint_line)
    least = policy.least_lines
    kept = tuple(name for name in allowed if lines[name] >= least)
    if not kept:
        raise ScanError(
            f"{scan.name}: its {scan.two_theta[0]:.4g}-{scan.two_theta[-1]:.4g}° at {wavelength:.4f} Å contain at most "
            f"{max(lines[name] for name in allowed)} lines of any phase that may be named, {least} are needed: "
            "measure a wider range or state the right wavelength"
        )
    notes = [f"a short range: probabilities are multiplied by {certainty:.2f}"]
    left_out = [name for name in allowed if lines[name] < least]
    if left_out:
        listed = ", ".join(left_out[:3]) + (", ..." if len(left_out) > 3 else "")
        notes.append(f"{len(left_out)} phases with fewer than {least} lines in its range are not considered: {listed}")
    return Coverage(kept, certainty, tuple(notes))


def _lines(scan: Scan, structures: Catalogue, wavelength: float, faint: float) -> dict[str, int]:
    """Number of visible lines of each phase in the range of a scan."""
    angle, intensity = structures.lines.intensity(wavelength)
    with np.errstate(invalid="ignore"):
        inside = (angle >= scan.two_theta[0]) & (angle <= scan.two_theta[-1])
    shown = np.where(inside, intensity, 0.0)
    counted = np.count_nonzero(shown > faint * shown.max(axis=1, keepdims=True), axis=1)
    return dict(zip(structures.library.names, counted.tolist(), strict=True))
