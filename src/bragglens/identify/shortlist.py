"""Shortlist: of thousands of phases the few that are worth a fit, as the matcher sees them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bragglens.identify.fit import Fit
from bragglens.match.catalogue import Catalogue
from bragglens.match.matcher import Opinion, matcher
from bragglens.match.sought import PREPARATION
from bragglens.scan.pattern import Pattern
from bragglens.scan.prepare import to_grid
from bragglens.scan.scan import Scan

SMALL = 150  # phases; of a library that is no larger every one is fitted
_LIKELIEST, _LARGEST = 32, 12  # phases of a larger one
_ADDED = 12  # once some are known, at most so many more
_WORTH_IT = 0.02  # probability; less likely ones are not worth the time of another fit


def matched(scan: Scan, catalogue: Catalogue, *, wavelength: float) -> tuple[Pattern, Opinion]:
    """A scan on the matcher's axis, and what the matcher says of each phase.

    Raises:
        ScanError: the scan covers nothing of the axis.
    """
    pattern = to_grid(scan, PREPARATION, wavelength=wavelength)
    return pattern, matcher().opinion(pattern, catalogue.sought)


def rest(scan: Scan, catalogue: Catalogue, pattern: Pattern, fit: Fit, *, wavelength: float) -> Opinion:
    """What the matcher says of each phase in what a fit leaves."""
    explained = replace(scan, two_theta=fit.two_theta, counts=fit.calculated - fit.background)
    return matcher().opinion(
        pattern, catalogue.sought, to_grid(explained, PREPARATION, wavelength=wavelength).intensity
    )


def shortlist(opinion: Opinion, allowed: NDArray[np.bool_]) -> list[int]:
    """Rows of the phases that are worth a fit: the likeliest, and of the others those that would explain most."""
    by_probability = _best(opinion.probability, allowed)
    likeliest = by_probability[:_LIKELIEST]
    largest = _best(opinion.probability * opinion.share, allowed)
    return sorted([*likeliest, *[row for row in largest if row not in likeliest][:_LARGEST]])


def additions(opinion: Opinion, allowed: NDArray[np.bool_], had: Collection[int]) -> list[int]:
    """Rows of phases that what is left asks for and that were not among those fitted."""
    asked = [row for row in _best(opinion.probability, allowed)[:_ADDED] if opinion.probability[row] > _WORTH_IT]
    return [row for row in asked if row not in had]


def _best(figure: NDArray[np.float64], allowed: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.argsort(-figure, kind="stable") if allowed[row]]
