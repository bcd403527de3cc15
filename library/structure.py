"""Properties of a structure: its formula, and the shortest distance between its atoms."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.content import formula_of
from bragglens.crystal.formula import chemical_formula, parse_formula
from bragglens.crystal.lattice import orthogonalization
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.reflections import composition

# Å; images closer than this are one atom on a special position, and atoms closer than this share a site
_SAME_SITE = 0.1
_NEIGHBOURS = np.array(np.meshgrid(*[(-1, 0, 1)] * 3)).reshape(3, -1).T


def formula_name(phase: Phase) -> str:
    """The formula as chemists write it; from the sites if the given one has groups that cannot be counted."""
    stated = phase.formula if parse_formula(phase.formula) else formula_of(composition(phase))
    return chemical_formula(stated)


def space_group_number(phase: Phase) -> int:
    """Number of the space group in International Tables, 0 if its operations are of no space group."""
    group = gemmi.find_spacegroup_by_ops(gemmi.GroupOps([*map(gemmi.Op, phase.operations)]))
    return group.number if group else 0


def enantiomorphs(number: int) -> set[int]:
    """A space group and its mirror image, which powder patterns cannot distinguish."""
    pairs = ((76, 78), (91, 95), (92, 96), (144, 145), (151, 153), (152, 154), (169, 170), (171, 172), (178, 179))
    pairs += ((180, 181), (212, 213))
    return {number}.union(*(pair for pair in pairs if number in pair))


def shortest_contact(phase: Phase) -> float:
    """Shortest distance in Å between two atoms that can be present together, without hydrogen; infinite for one atom.

    Two atoms with a total occupancy of at most 1 may exclude each other.
    """
    heavy = [site for site in phase.sites if site.element != "H"]
    images = [_images(site, phase.operations) for site in heavy]
    axes, shortest = orthogonalization(phase), np.inf
    for number, site in enumerate(heavy):
        for other, places in zip(heavy[number:], images[number:], strict=True):
            if site.occupancy + other.occupancy > 1.01:
                away = places - np.array(site.position)
                away = (away - np.round(away))[:, None] + _NEIGHBOURS
                distance = np.linalg.norm(away @ axes.T, axis=2)
                shortest = min(shortest, distance[distance > _SAME_SITE].min(initial=np.inf))
    return float(shortest)


def _images(site: Site, operations: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([gemmi.Op(xyz).apply_to_xyz(list(site.position)) for xyz in operations])
