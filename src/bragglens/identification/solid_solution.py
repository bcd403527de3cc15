"""Solid solutions: the composition of a phase between two end members, from its fitted lattice."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

import numpy as np

from bragglens.crystal.essential import essential_elements
from bragglens.crystal.formula import chemical_formula, parse_formula
from bragglens.crystal.ionic_radii import ANIONS, radius_difference
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.identification.identity import Frequency
from bragglens.match.compounds import Compounds, log_spacings
from bragglens.policy import DEFAULT, Policy

_OTHERS = 3  # further end members that are kept, the most likely ones


@dataclass(frozen=True)
class SolidSolution:
    """What a phase is mixed with, if its lattice alone decides.

    Attributes:
        name: the other end member, as the built-in library calls it.
        formula: of it, as chemists write it; empty where the formula of the phase cannot be understood.
        mol_percent: its share.
        mol_percent_error: half of the 95% interval.
        others: names of up to three end members that the lattice allows in its place, the most likely first.
    """

    name: str
    formula: str
    mol_percent: float
    mol_percent_error: float
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Member:
    """Another end member, what it has in place of what, how unequal they are, and its fraction with twice its σ."""

    row: int
    lost: str
    gained: str
    unequal: float
    fraction: float
    error: float


def solid_solution(
    phase: Phase,
    fitted: Phase,
    precision: float,
    known: Compounds,
    frequency: Frequency,
    *,
    allowed: Callable[[Set[str]], bool] = lambda _: True,
    library: Library = Library(()),
    policy: Policy = DEFAULT,
) -> SolidSolution | None:
    """The solid solution that a fitted lattice stands for; None if it is not clearly one.

    The other end member has the same structure type and one element in place of another of the same charge and about
    the same radius (Goldschmidt 1926, Naturwissenschaften 14, 477). Of several, a frequent one with similar ions is
    taken.

    Args:
        phase: as in the library. If it is a solid solution itself, its occupancies count.
        fitted: the same with its fitted cell.
        precision: relative error of the lattice by the fit.
        known: the compounds.
        frequency: how often they are met.
        allowed: whether a compound of these elements is possible.
        library: with the formulas of other end members; one that it lacks counts as pure.
        policy: the thresholds.
    """
    _, rows = known.neighbours(phase, fitted, allowed)
    tried = [_member(phase, fitted, precision, known, row, library, policy) for row in rows]
    found = [one for one in tried if one is not None]
    if not found:
        return None
    misfit = np.array([one.unequal for one in found]) / policy.radii_partly
    likely = frequency.of(known, [one.row for one in found]) - 2 * misfit**2  # a normal weight, σ half of the limit
    first, *others = (found[i] for i in np.argsort(-likely, kind="stable"))
    names = dict.fromkeys(known.names[one.row] for one in others if one.gained != first.gained)
    return SolidSolution(
        known.names[first.row],
        _replaced(phase.formula, first.lost, first.gained),
        100 * first.fraction,
        100 * first.error,
        tuple(names)[:_OTHERS],
    )


def _member(
    phase: Phase,
    fitted: Phase,
    precision: float,
    known: Compounds,
    row: int,
    library: Library,
    policy: Policy,
) -> _Member | None:
    """A known compound as the other end member; None if it cannot be that.

    The d-spacings are taken as linear in composition (Vegard 1921, Z. Phys. 5, 17). What remains off the line between
    the end members counts as an error of the lattice.
    """
    elements = known.elements[row]
    lost, gained = essential_elements(phase) - elements, elements - essential_elements(phase)
    if len(lost) != 1 or len(gained) != 1 or len(elements) < 2:
        return None
    (a,), (b,) = lost, gained
    unequal = radius_difference(a, b)
    name, start = known.names[row], _share(phase.formula, a, b, 0.0)
    way = _share(library[name].formula if name in library else "", a, b, 1.0) - start
    line = np.expm1(known.spacings[row] - log_spacings(phase))
    length = float(np.sqrt((line**2).mean()))
    full = unequal <= policy.radii_fully
    if not (full or (unequal <= policy.radii_partly and a not in ANIONS)) or way <= 0 or length == 0:
        return None
    moved = np.expm1(log_spacings(fitted) - log_spacings(phase))
    along = float(moved @ line / (line @ line))
    off = float(np.sqrt(((moved - along * line) ** 2).mean()))
    fraction, error = start + along * way, 2 * way * np.hypot(np.hypot(precision, policy.lattice_scatter), off) / length
    most = 1.0 if full else policy.most_partly
    clear = error < fraction <= most + error and error <= policy.composition_error
    return _Member(row, a, b, unequal, min(fraction, 1.0), float(error)) if clear else None


def _share(formula: str, a: str, b: str, pure: float) -> float:
    """Share of element b among the atoms of a and b in a formula; `pure` where it cannot be understood."""
    counts = parse_formula(formula)
    both = counts.get(a, 0.0) + counts.get(b, 0.0)
    return counts.get(b, 0.0) / both if both else pure


def _replaced(formula: str, lost: str, gained: str) -> str:
    """A formula with all of one element replaced by another; empty if it cannot be understood."""
    counts = parse_formula(formula)
    amount = counts.pop(lost, 0.0) + counts.pop(gained, 0.0)
    if not amount:
        return ""
    counts[gained] = amount
    return chemical_formula(" ".join(f"{symbol}{count:.6g}" for symbol, count in counts.items()))
