"""Considered: every phase that was fitted or might have been, ranked, with the lines that speak for and against it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.formula import chemical_formula
from bragglens.fit.observed import moving_average
from bragglens.fit.whole_pattern import Fit
from bragglens.identification.answer import Considered, Identification, State
from bragglens.identification.proposers import Proposer

Array = NDArray[np.float64]

_MOST = 30  # candidates of an answer; `Identification.probabilities` has all
_LINES = 10  # strongest lines of a phase in the range that are looked for
NEAR = 0.25  # degrees about the place of a line by the library's lattice: a usual shift and strain
_ABOVE = 3.0  # standard errors of the mean over _WIDTH from which on a line is there
_WIDTH = 0.1  # degrees


def considered(answer: Identification, who: Proposer) -> tuple[Considered, ...]:
    """The candidates of an answer with a fit, the best first; none without a fit.

    Named phases come first, then the other fitted ones, then those that would explain a part of what is unexplained,
    then those that were fitted in the place of one by how much worse they are, then the rest by their probability
    before the fit.
    """
    if answer.fit is None:
        return ()
    before, library = answer.probabilities or {}, who.library
    instead: dict[str, tuple[str, float]] = {}
    for found in (*answer.phases, *answer.relatives):
        for name, worse in found.tried:
            if name not in instead or worse < instead[name][1]:
                instead[name] = (found.name, worse)
    fitted: dict[str, State] = dict.fromkeys(answer.beside, "fitted beside")
    fitted |= {one.name: "fitted, not named" for one in answer.relatives}
    fitted |= {one.name: "named" for one in answer.phases}
    likely = {one.name: one.probability for one in (*answer.phases, *answer.relatives)}
    rest = sorted((n for n in before if n not in fitted and n not in instead), key=lambda n: -before[n])
    tried = sorted((n for n in instead if n not in fitted), key=lambda n: instead[n][1])
    order = [*likely, *answer.beside, *tried, *rest]
    names = [name for name in dict.fromkeys(order) if name in library][:_MOST]
    lines = _lines(answer.fit, who, names)
    out = []
    for name, (there, absent) in zip(names, lines, strict=True):
        phase, place = library[name], instead.get(name) if name not in fitted else None
        further = answer.beside.get(name)
        out.append(
            Considered(
                name=name,
                formula=chemical_formula(phase.formula),
                space_group=phase.symbol,
                state=fitted.get(name, "fitted in its place" if place else "not fitted"),
                network=before.get(name, 0.0),
                probability=likely.get(name),
                instead_of=place[0] if place else "",
                worse=place[1] if place else None,
                explains=further.share if further else None,
                lines_for=there,
                lines_against=absent,
            )
        )
    return tuple(out)


def _lines(fit: Fit, who: Proposer, names: list[str]) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """For each phase the places of its strongest lines with intensity in the scan, and of those without."""
    rows = [who.library.names.index(name) for name in names]
    angle, intensity = who.catalogue.lines.of(rows).intensity(fit.instrument.lines[0].wavelength)
    x = fit.two_theta
    with np.errstate(invalid="ignore"):
        inside = (angle >= x[0]) & (angle <= x[-1]) & (intensity > 0)
    points = max(1, int(_WIDTH / float(np.median(np.diff(x)))) | 1)
    height = moving_average(np.where(fit.measured, fit.observed - fit.background, 0.0), points)
    clear = height > _ABOVE * np.where(fit.measured, fit.noise, np.inf) / np.sqrt(points)
    out = []
    for own, strength, seen in zip(angle, intensity, inside, strict=True):
        strongest = np.argsort(-np.where(seen, strength, -1.0), kind="stable")[: min(_LINES, int(seen.sum()))]
        places = np.sort(own[strongest])
        first, last = np.searchsorted(x, places - NEAR), np.searchsorted(x, places + NEAR, "right")
        there = [bool(clear[a:b].any()) for a, b in zip(first, last, strict=True)]
        rounded = [round(float(place), 2) for place in places]
        out.append(
            (
                tuple(p for p, yes in zip(rounded, there, strict=True) if yes),
                tuple(p for p, yes in zip(rounded, there, strict=True) if not yes),
            )
        )
    return out
