"""Shortlist: of thousands of phases the few that are worth a fit, as the matcher sees them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.identification.proposers import Proposal
from bragglens.match.catalogue import Catalogue
from bragglens.policy import Policy


def shortlist(proposal: Proposal, catalogue: Catalogue, allowed: NDArray[np.bool_], policy: Policy) -> list[int]:
    """Rows of the phases that are worth a fit: the likeliest, those that would explain most, and their neighbours."""
    likeliest = _best(proposal.probability, allowed)[: policy.likeliest]
    largest = _best(proposal.probability * proposal.share, allowed)
    chosen = [*likeliest, *[row for row in largest if row not in likeliest][: policy.largest]]
    return sorted([*chosen, *neighbours(catalogue, chosen, allowed, policy.similar_lines)])


def additions(
    proposal: Proposal,
    catalogue: Catalogue,
    allowed: NDArray[np.bool_],
    had: Collection[int],
    found: Sequence[int],
    policy: Policy,
) -> list[int]:
    """Rows of further phases: those that what is left asks for, and the neighbours of those that were found."""
    best = _best(proposal.probability, allowed)[: policy.added]
    new = [row for row in best if proposal.probability[row] > policy.least_added and row not in had]
    near = neighbours(catalogue, found, allowed, policy.similar_lines)
    return [*new, *(row for row in near if row not in had and row not in new)]


def neighbours(catalogue: Catalogue, rows: Sequence[int], allowed: NDArray[np.bool_], least: float) -> list[int]:
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
    return [int(row) for row in np.unique(others[nearest[likeness.max(axis=1) > least]])]


def _best(figure: NDArray[np.float64], allowed: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.argsort(-figure, kind="stable") if allowed[row]]
