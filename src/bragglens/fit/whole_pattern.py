"""Whole-pattern fit of phases to a measured scan: the public result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bragglens.crystal.cell import Cell
from bragglens.crystal.phase import Phase, Site
from bragglens.fit.candidate import Candidate
from bragglens.fit.candidates import candidates, instrument_and_specimens
from bragglens.fit.engine import refine, solve
from bragglens.fit.extensions import oriented, with_two_sizes
from bragglens.fit.model_error import with_learned_error
from bragglens.fit.observed import NOT_MEASURED, Observed, observe
from bragglens.fit.problem import Problem
from bragglens.fit.screening import add, screen
from bragglens.fit.state import Solution
from bragglens.fit.texture import choose_texture
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.reflection_list import ReflectionList
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A fitted pattern.

    Attributes:
        two_theta, observed, calculated, background: the axis in degrees and the patterns on it, in counts.
        noise: standard deviation of the counting noise at each point, from the scan's own scatter; beyond all counts
            where nothing was measured.
        candidates: what was fitted: the phases, those without a crystal structure included.
        patterns: calculated pattern of each phase, shape (phases, points).
        weight_fraction: share of each phase among those fitted whose scale is in grams, shape (phases,), from the
            scales alone, for structures from cell mass and volume; nan for the others.
        rwp: weighted profile R, √(Σ w (o - c)² / Σ w o²), w the inverse variance of the counting noise
            (Young 1993, The Rietveld Method, chapter 1).
        r_expected: the Rwp that counting noise alone would leave; goodness of fit is rwp / r_expected.
        instrument: with the fitted zero error, resolution and axial divergence.
        specimens: fitted state of each phase.
        cells: fitted cell of each phase; None where it has none.
        extra_b: fitted B in Å² of each phase, beyond the displacement of its structure, shape (phases,).
    """

    two_theta: Array
    observed: Array
    calculated: Array
    background: Array
    noise: Array
    candidates: tuple[Candidate, ...]
    patterns: Array
    weight_fraction: Array
    rwp: float
    r_expected: float
    instrument: Instrument
    specimens: tuple[Specimen, ...]
    cells: tuple[Cell | None, ...]
    extra_b: Array

    @property
    def measured(self) -> NDArray[np.bool_]:
        """False in holes of the scan, shape (points,)."""
        return np.asarray(self.noise < NOT_MEASURED / 2 * self.observed.max())

    @property
    def names(self) -> tuple[str, ...]:
        """The phases' names."""
        return tuple(one.name for one in self.candidates)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The crystal structures, as the library has them, of the phases that have one."""
        return tuple(one.phase for one in self.candidates if one.phase is not None)

    @property
    def of_structures(self) -> Fit:
        """The same without the phases that have no crystal structure, for programs that refine structures."""
        kept = [place for place, one in enumerate(self.candidates) if one.phase is not None]
        if len(kept) == len(self.candidates):
            return self
        return replace(
            self,
            calculated=self.background + self.patterns[kept].sum(axis=0),
            candidates=tuple(self.candidates[place] for place in kept),
            patterns=self.patterns[kept],
            weight_fraction=self.weight_fraction[kept],
            specimens=tuple(self.specimens[place] for place in kept),
            cells=tuple(self.cells[place] for place in kept),
            extra_b=self.extra_b[kept],
        )

    @cached_property
    def reflections(self) -> tuple[ReflectionList, ...]:
        """Visible reflections of each phase at their fitted angles; computed at first use."""
        start, stop = float(self.two_theta[0]), float(self.two_theta[-1])
        states = zip(self.candidates, self.specimens, strict=True)
        return tuple(one.reflections(self.instrument, state, start, stop) for one, state in states)

    @property
    def goodness(self) -> float:
        """Rwp over the Rwp that counting noise alone would leave; 1 is perfect."""
        return self.rwp / self.r_expected


def fit(
    scan: Scan,
    phases: Sequence[Phase],
    instrument: Instrument,
    *,
    texture: bool = True,
    others: Sequence[Candidate] = (),
) -> Fit:
    """Fit phases that are known to be present.

    Args:
        scan: the measured scan; neighbouring points of a very fine one are averaged (`observed.observe`).
        phases: the phases.
        instrument: its lines, radius, slits and monochromator are kept; zero, widths and axial divergence are fitted.
        texture: whether preferred orientation may be fitted.
        others: phases without a crystal structure, which are known to be present too.
    """
    with threadpool_limits(1):  # small matrices: more threads only wait for each other
        observed = observe(scan)
        problem = Problem(candidates(phases, instrument, observed.grid.stop, others), observed)
        problem, solution = fit_given(problem, texture=texture)
        return fit_of(problem, solve(problem, solution.state.in_order()))


def fit_given(problem: Problem, *, texture: bool = True) -> tuple[Problem, Solution]:
    """All candidates fitted together, added one after another, the most visible first.

    Returns:
        The problem with the model error that the scan shows, and with orientation distributions where it needs them;
        and the fit.
    """
    solution = solve(problem, problem.empty())
    left = list(range(len(problem.known)))
    while left:
        trial = screen(problem, solution, left)[0]
        solution = with_two_sizes(problem, add(problem, solution, trial))
        left.remove(trial.phase)
    solution = refine(problem, solution, rounds=10)
    if texture:
        solution = refine(problem, choose_texture(problem, solution), rounds=20, texture=True)
        problem, solution = oriented(problem, solution)
    problem, solution = with_learned_error(problem, solution)
    return problem, refine(problem, solution, rounds=20, texture=texture)


def fit_of(problem: Problem, solution: Solution) -> Fit:
    """The public result of a solution."""
    known, observed = problem.known, problem.observed
    instrument, specimens = instrument_and_specimens(known, solution.state)
    fitted = known.of(solution.state)
    weighed = np.array([one.in_grams for one in fitted], dtype=bool)
    return Fit(
        two_theta=observed.grid.two_theta,
        observed=observed.counts,
        calculated=solution.calculated,
        background=solution.background,
        noise=np.where(observed.measured, observed.noise, NOT_MEASURED * observed.counts.max()),
        candidates=fitted,
        patterns=solution.patterns * solution.scales[:, None],
        weight_fraction=np.where(weighed, solution.scales, np.nan) / max(float(solution.scales[weighed].sum()), 1e-300),
        rwp=profile_r(observed, observed.counts - solution.calculated),
        r_expected=profile_r(observed, observed.noise),
        instrument=instrument,
        specimens=specimens,
        cells=tuple(one.cell(strains) for one, strains in zip(fitted, solution.state.strains, strict=True)),
        extra_b=solution.state.each("extra_b"),
    )


def fitted_phases(fit: Fit) -> tuple[Phase, ...]:
    """The crystal structures of a fit in its order, with fitted cells and displacement parameters (never below zero).

    A phase without a structure is left out.
    """
    fitted = []
    for one, cell, extra in zip(fit.candidates, fit.cells, fit.extra_b, strict=True):
        if one.phase is not None and cell is not None:
            phase = replace(one.phase, cell=cell.numbers)
            fitted.append(replace(phase, sites=tuple(_displaced(site, phase, extra) for site in phase.sites)))
    return tuple(fitted)


def _displaced(site: Site, phase: Phase, extra_b: float) -> Site:
    """A site with its isotropic displacement B increased, U = B/8π².

    An ellipsoid takes U times the cosines of the reciprocal axes.
    """
    more = extra_b / (8 * np.pi**2)
    out = replace(site, u_iso=max(0.0, site.u_iso + more))
    if site.u_aniso is None:
        return out
    turned = phase.unit_cell.reciprocal()
    cosines = [float(np.cos(np.radians(angle))) for angle in (turned.gamma, turned.beta, turned.alpha)]
    more = max(more, -min(site.u_aniso[:3]))
    values = [u + more * part for u, part in zip(site.u_aniso, [1.0, 1.0, 1.0, *cosines], strict=True)]
    return replace(out, u_aniso=(values[0], values[1], values[2], values[3], values[4], values[5]))


def profile_r(observed: Observed, difference: Array) -> float:
    """√(Σ w δ² / Σ w o²), w the inverse variance of the counting noise: Rwp where δ is observed - calculated."""
    weight = observed.measured / observed.noise
    return float(np.sqrt(((difference * weight) ** 2).sum() / ((observed.counts * weight) ** 2).sum()))
