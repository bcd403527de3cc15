"""Shortlist: the few phases of thousands that are fitted, chosen by the matcher."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from bragglens.identification.proposers import Proposal
from bragglens.match.catalogue import Catalogue
from bragglens.policy import Policy


def shortlist(proposal: Proposal, catalogue: Catalogue, allowed: NDArray[np.bool_], policy: Policy) -> list[int]:
    """Rows of the phases to fit: the most probable, those with the largest share, and the neighbours of both."""
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
    """Rows of further phases to fit: proposals for the unexplained part, and the neighbours of the phases found."""
    best = _best(proposal.probability, allowed)[: policy.added]
    new = [row for row in best if proposal.probability[row] > policy.least_added and row not in had]
    near = neighbours(catalogue, found, allowed, policy.similar_lines)
    return [*new, *(row for row in near if row not in had and row not in new)]


def neighbours(catalogue: Catalogue, rows: Sequence[int], allowed: NDArray[np.bool_], least: float) -> list[int]:
    """For each row the phase with the most similar lines, if it is similar enough and not among the rows.

    The matcher may take one of two such phases for the other and then propose only one (muscovite but not illite). The
    fit distinguishes them.
    """
    marks = catalogue.signatures
    others = np.flatnonzero(allowed & ~np.isin(np.arange(len(allowed)), rows))
    if not len(others) or not rows:
        return []
    likeness = marks[list(rows)] @ marks[others].T
    nearest = likeness.argmax(axis=1)
    return [int(row) for row in np.unique(others[nearest[likeness.max(axis=1) > least]])]


def _best(figure: NDArray[np.float64], allowed: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.argsort(-figure, kind="stable") if allowed[row]]
