"""Shortlist: of thousands of phases the few that are worth a fit, as the matcher sees them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.whole_pattern import Fit
from bragglens.match.catalogue import Catalogue
from bragglens.match.matcher import Opinion, matcher
from bragglens.match.sought import PREPARATION
from bragglens.scan.pattern import Pattern
from bragglens.scan.prepare import to_grid
from bragglens.scan.scan import Scan

SMALL = 150  # phases; of a library that is no larger every one is fitted
_LIKELIEST, _LARGEST = 32, 12  # phases of a larger one
_ADDED = 12  # once some are known, at most so many more
# Likeness of lines from which on the matcher may take one phase for another. In 24 measured minerals the nearest phase
# outside the list has 0.56 to 0.75, but for sarcopside beside forsterite (0.82); illite beside muscovite has 0.90.
_RELATED = 0.8
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


def shortlist(opinion: Opinion, catalogue: Catalogue, allowed: NDArray[np.bool_]) -> list[int]:
    """Rows of the phases that are worth a fit: the likeliest, those that would explain most, and their relatives."""
    likeliest = _best(opinion.probability, allowed)[:_LIKELIEST]
    largest = _best(opinion.probability * opinion.share, allowed)
    chosen = [*likeliest, *[row for row in largest if row not in likeliest][:_LARGEST]]
    return sorted([*chosen, *relatives(catalogue, chosen, allowed)])


def additions(
    opinion: Opinion, catalogue: Catalogue, allowed: NDArray[np.bool_], had: Collection[int], found: Sequence[int]
) -> list[int]:
    """Rows of further phases: those that what is left asks for, and the relatives of those that were found."""
    asked = [row for row in _best(opinion.probability, allowed)[:_ADDED] if opinion.probability[row] > _WORTH_IT]
    new = [row for row in asked if row not in had]
    return [*new, *(row for row in relatives(catalogue, found, allowed) if row not in had and row not in new)]


def relatives(catalogue: Catalogue, rows: Sequence[int], allowed: NDArray[np.bool_]) -> list[int]:
    """Of each row the phase whose lines are most like its own, where they are much alike and it is not among the rows.

    The matcher may take one of two such phases for the other, and then sees nothing of the other (illite beside
    muscovite): the fit tells them apart.
    """
    marks = catalogue.signatures
    others = np.flatnonzero(allowed & ~np.isin(np.arange(len(allowed)), rows))
    if not len(others):
        return []
    likeness = marks[list(rows)] @ marks[others].T
    nearest = likeness.argmax(axis=1)
    return [int(row) for row in np.unique(others[nearest[likeness.max(axis=1) > _RELATED]])]


def _best(figure: NDArray[np.float64], allowed: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.argsort(-figure, kind="stable") if allowed[row]]
