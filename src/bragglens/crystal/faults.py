"""Stacking faults: which reflections broaden if layers are shifted by a third of an axis.

In many layered crystals (micas, chlorites, talc, Li2MnO3 with its honeycomb of Mn) a layer fits the next one equally
well after a shift by b/3, so that real specimens have many such faults. Reflections whose phase changes by a multiple
of 2π stay sharp, k = 3n; the others become broad or vanish (Brindley 1980, in Crystal Structures of Clay Minerals and
their X-ray Identification, chapter 2; Bréger et al. 2005, J. Solid State Chem. 178, 2575). Layers can shift if their
outer atoms have no bonds to the next layer, as in oxides, sulfides, halides, graphite. Metals and their borides,
carbides and silicides are bonded in all directions: LaNi5 and MoSi2 also have atoms a third of an axis apart, but no
layers.
"""

from __future__ import annotations

from itertools import product

import gemmi
import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.reflections import Reflections

MOST_BROADENED = 0.3  # of the scattering; beyond it a structure is changed too much by the shift
_ENDS_LAYERS = frozenset({"O", "S", "Se", "Te", "F", "Cl", "Br", "I"})
_LAYERS_ALONE = frozenset({"H", "B", "C", "N"})  # graphite, boron nitride; with metals these are interstitial atoms


def broadened_by_faults(crystal: Reflections) -> NDArray[np.bool_] | None:
    """The reflections that stacking faults broaden, shape (n,), or None if no shift leaves most of them sharp.

    None also if no atom can be the outer one of a layer.

    Of all shifts by thirds of the axes the one is used that changes the structure least, with atoms scattering by their
    number of electrons.
    """
    if _ENDS_LAYERS.isdisjoint(crystal.elements) and not _LAYERS_ALONE.issuperset(crystal.elements):
        return None
    charges = np.array([gemmi.Element(element).atomic_number for element in crystal.elements])
    strength = crystal.multiplicity * np.abs(crystal.geometry @ charges) ** 2
    least, found = MOST_BROADENED * strength.sum(), None
    for shift in product(range(3), repeat=3):
        phase = crystal.equivalents @ np.array(shift) % 3
        blurred = np.logical_or.reduceat(phase != 0, crystal.first_equivalent[:-1])
        if blurred.any() and strength[blurred].sum() < least:
            least, found = strength[blurred].sum(), blurred
    return found
