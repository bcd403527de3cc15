"""Essential elements of a structure: without those that only substitute a minor part of another element."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from bragglens.crystal.phase import Phase, Site

SAME_PLACE = 0.5
"""Å; atoms closer than this exclude each other, so that they share one place (no bond is shorter than 0.7 Å)."""
_FULL = 0.99  # occupancy from which on an atom leaves no room for another


@lru_cache(maxsize=65_536)  # every scan of a batch asks for those of the whole library
def essential_elements(phase: Phase) -> frozenset[str]:
    """The elements of a phase, without those that are the minor part of every site they are on.

    Forsterite was often refined on a crystal with some iron: Mg1.6Fe0.4SiO4 also represents Mg2SiO4, but not Fe2SiO4.
    An element is essential if it is the most frequent one of some site, or holds half of it.
    """
    if all(site.occupancy > _FULL for site in phase.sites):
        return frozenset(site.element for site in phase.sites)
    found: set[str] = set()
    for place in _places(phase):
        share: dict[str, float] = {}
        for site in place:
            share[site.element] = share.get(site.element, 0.0) + site.occupancy
        most, whole = max(share.values()), sum(share.values())
        found |= {element for element, part in share.items() if part >= min(most, whole / 2)}
    return frozenset(found)


def _places(phase: Phase) -> Iterator[list[Site]]:
    """Sites of the asymmetric unit, those at one position together."""
    axes = np.array(phase.unit_cell.orth.mat.tolist())
    left = list(phase.sites)
    while left:
        between = np.array([site.position for site in left]) - left[0].position
        near = np.linalg.norm((between - np.round(between)) @ axes.T, axis=1) < SAME_PLACE
        yield [site for site, one in zip(left, near, strict=True) if one]
        left = [site for site, one in zip(left, near, strict=True) if not one]
