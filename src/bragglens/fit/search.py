"""Search: which phases of a library a scan needs, by forward selection, exchange and backward elimination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bragglens.fit.atlas import STRETCHES, swelling
from bragglens.fit.observed import LINE, SOFT, Observed, moving_average
from bragglens.fit.refine import (
    DISPLACEMENT,
    FIRST_STRAIN,
    USUAL_DISPLACEMENT,
    USUAL_STRAIN,
    WIDTH,
    ZERO,
    Candidates,
    Solution,
    about_each_axis,
    choose_texture,
    empty,
    largest_strains,
    misfit_unit,
    phase_residuals,
    refine,
    render_states,
    solve,
    solve_symmetric,
    usual_state,
)

Array = NDArray[np.float64]

MOST_PHASES = 8
_DISPLACEMENTS = np.linspace(-0.4, 0.4, 9)  # mm, tried while no phase tells the shift
_TRIED = 4  # candidates that are fitted, of those that screening puts first
_TURNED = 3  # texture axes of a phase that are fitted, of those that are best unfitted
_POLISHINGS = 2  # rounds of further starts for the phases that a search ends with
SURE_EVIDENCE = 100.0  # of a detection limit: half of the phases at it are found (benchmarks/detection.py)
LEAST_EVIDENCE = 10.0  # below it a phase is not considered at all
_STRAINED = 2 * USUAL_STRAIN  # beyond it a lattice may be at the lines of another phase
_TWINS = 0.8  # likeness of two fitted patterns from which on one phase may stand for both
_AS_WELL = 12.0  # misfit by which a rival may be worse and still explain the scan about as well


@dataclass(frozen=True)
class Prior:
    """What is held of the candidates before the fit.

    Attributes:
        evidence: what speaks for each, in the unit of misfit, (candidates,).
        expected: which of the elements that should be in the specimen each holds, (candidates, elements).
        worth: of a phase that brings one of these which no other phase brings, in the unit of misfit.
    """

    evidence: Array
    expected: NDArray[np.bool_]
    worth: float

    def of(self, phase: int, others: Sequence[int]) -> float:
        """What speaks for a phase beside others."""
        missing = ~self.expected[list(others)].any(axis=0)
        return float(self.evidence[phase] + self.worth * (self.expected[phase] & missing).any())


def no_prior(candidates: int) -> Prior:
    """Nothing is held of any of the candidates."""
    return Prior(np.zeros(candidates), np.zeros((candidates, 0), bool), 0.0)


@dataclass(frozen=True)
class Trial:
    """How well one phase would go with what is left of a scan.

    Attributes:
        phase: its place among the candidates.
        gain: by how much chi2 would fall.
        displacement: specimen displacement in mm at which it fits best.
        stretch: relative swelling of its lattice at which it fits best.
    """

    phase: int
    gain: float
    displacement: float
    stretch: float


@dataclass(frozen=True)
class Supported:
    """A phase in the solution and what speaks for it.

    Attributes:
        phase: its place among the candidates.
        evidence: misfit that the scan would gain without it (`evidence`).
        without: the fit of the others alone.
        rivals: phases that explain the scan about as well in its place, and how much worse each is.
    """

    phase: int
    evidence: float
    without: Solution
    rivals: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Found:
    """Outcome of a search: the fit, and for each of its phases what speaks for it."""

    solution: Solution
    phases: tuple[Supported, ...]


def search(known: Candidates, observed: Observed, pool: Sequence[int], prior: Prior) -> Found:
    """Find the phases.

    Args:
        known: the candidates.
        observed: the scan.
        pool: places of the candidates that may be named.
        prior: what is held of the candidates beforehand.

    Returns:
        The fit of the phases that hold.
    """
    solution = solve(known, observed, empty(known))
    while len(solution.state.phases) < MOST_PHASES:
        grown = _grow(known, observed, solution, pool, prior)
        if grown is None:
            break
        solution = grown
    solution = refine(known, observed, choose_texture(known, observed, solution), rounds=8, texture=True)
    return settle(known, observed, solution, pool, prior)


def evidence(known: Candidates, observed: Observed, without: Solution, with_it: Solution, place: int) -> float:
    """How much worse a scan is explained without a phase, in independent standard deviations squared.

    The misfit of neighbouring points is one misfit: points count as `Observed.information` says, and for a phase whose
    lines are broad by so much less as its lines are broader than LINE. The unit is the misfit that is left.
    """
    worth = _worth_of_points(known, with_it.state.own[place], float(with_it.state.shared[WIDTH]))
    return (without.cost - with_it.cost) / misfit_unit(observed, with_it) * worth


def _worth_of_points(known: Candidates, own: Array, log_width: float) -> float:
    """LINE over the breadth of a phase's lines near 2θ = 40°, at most 1 (Scherrer's and Stokes & Wilson's formulas)."""
    wavelength, theta = known.instrument.lines[0].wavelength, np.radians(20)
    size = np.degrees(0.94 * wavelength / (10 * np.exp(own[0]) * np.cos(theta)))
    strain = np.degrees(4 * np.exp(own[1]) * np.tan(theta))
    return float(min(1.0, LINE / (size + strain + np.exp(log_width))))


def screen(known: Candidates, observed: Observed, solution: Solution, pool: Sequence[int]) -> list[Trial]:
    """What each phase of a pool would add to a solution, all else held, the best first: a first look on the atlas."""
    if not pool:
        return []
    first = not solution.state.phases
    displacements = _DISPLACEMENTS if first else solution.state.shared[DISPLACEMENT : DISPLACEMENT + 1]
    drawn = known.atlas.patterns[list(pool)]
    gain = np.full((len(pool), len(displacements), drawn.shape[1]), -np.inf)
    for j, displacement in enumerate(displacements):
        unusual = (displacement / USUAL_DISPLACEMENT) ** 2 * first + (STRETCHES / USUAL_STRAIN) ** 2
        gain[:, j] = _gains(known, observed, solution, drawn, float(displacement)) - unusual
    trials = []
    for phase, own in zip(pool, gain, strict=True):
        place, size = np.unravel_index(int(np.argmax(own)), own.shape)
        trials.append(Trial(int(phase), float(own.max()), float(displacements[place]), float(STRETCHES[size])))
    return sorted(trials, key=lambda trial: -trial.gain)


def _gains(
    known: Candidates, observed: Observed, solution: Solution, drawn: NDArray[np.float32], displacement: float
) -> Array:
    """By how much chi2 would fall with each pattern of the atlas at one displacement, (phases, stretches)."""
    atlas = known.atlas
    shift = np.degrees(2 * displacement / known.instrument.radius) * np.cos(np.radians(atlas.grid.two_theta / 2))
    angles = atlas.grid.two_theta + solution.state.shared[ZERO] - shift
    inside = (angles >= observed.grid.start) & (angles <= observed.grid.stop)

    def seen(values: Array) -> Array:
        return np.asarray(np.interp(angles[inside], observed.grid.two_theta, values), dtype=np.float64)

    sigma = seen(observed.sigma)
    present = np.vstack([solution.patterns[solution.scales > 0], observed.background.T])
    columns = np.stack([seen(column) / sigma for column in present]).astype(np.float32)
    points = max(1, int(atlas.grid.step / observed.grid.step) | 1)
    residual = (seen(moving_average(observed.counts - solution.calculated, points)) / sigma).astype(np.float32)
    first, last = np.flatnonzero(inside)[[0, -1]]
    weight = (1 / sigma).astype(np.float32)
    patterns = (drawn[:, :, first : last + 1] * weight).reshape(-1, last - first + 1)
    information = min(1.0, atlas.grid.step / LINE)
    gain = information * np.maximum(patterns @ residual, 0) ** 2 / np.maximum(_free_norm(columns, patterns), 1e-300)
    return np.asarray(gain.reshape(drawn.shape[:2]))


def detection_limits(
    known: Candidates, observed: Observed, solution: Solution, pool: Sequence[int]
) -> dict[int, float]:
    """wt% of each phase of a pool that would have had enough evidence in this scan; empty where no phase was found.

    The evidence of a phase grows with the square of its scale: its pattern as the renderer gives it, less what scales
    of the others and background could take its place for.
    """
    state = solution.state
    absent = [i for i in pool if i not in state.phases]
    if not state.phases or not absent:
        return {}
    columns = np.vstack([solution.patterns[solution.scales > 0], observed.background.T]) / observed.sigma
    own, axes = np.tile(usual_state(), (len(absent), 1)), np.tile([0.0, 0.0, 1.0], (len(absent), 1))
    patterns = render_states(known, observed, state.shared, own, np.array(absent), axes) / observed.sigma
    free = _free_norm(columns, patterns)
    worth = observed.information * _worth_of_points(known, own[0], float(state.shared[WIDTH]))
    grams = np.sqrt(SURE_EVIDENCE * misfit_unit(observed, solution) / np.maximum(worth * free, 1e-300))
    percent = 100 * grams / (grams + solution.scales.sum())
    return {phase: float(value) for phase, value in zip(absent, percent, strict=True)}


def _free_norm(columns: NDArray[np.floating], patterns: NDArray[np.floating]) -> Array:
    """Squared length of each pattern that is left when the columns have taken all they can, (patterns,)."""
    columns = columns / np.linalg.norm(columns, axis=1, keepdims=True)
    mixed = (patterns @ columns.T).astype(float)
    taken = solve_symmetric((columns @ columns.T).astype(float) + 1e-6 * np.eye(len(columns)), mixed.T)
    whole = np.einsum("ij,ij->i", patterns, patterns).astype(float)
    return np.asarray(np.maximum(whole - (mixed * taken.T).sum(axis=1), 1e-4 * whole))


def add(known: Candidates, observed: Observed, solution: Solution, trial: Trial) -> Solution:
    """A solution with one phase more, its own values fitted (and the shift where it is the first)."""
    state = solution.state.with_phase(trial.phase)
    first = len(state.phases) == 1
    shared, own = state.shared.copy(), state.own.copy()
    own[-1, FIRST_STRAIN:] = trial.stretch * swelling(known.crystals[trial.phase])
    if first:
        shared[DISPLACEMENT] = trial.displacement
        width, shared[WIDTH] = shared[WIDTH], np.log(SOFT)
        free = replace(known, calibrated=False)  # softened lines are broader than a calibrated instrument's
        soft = solve(free, observed.softened, replace(state, shared=shared, own=own))
        state = refine(free, observed.softened, soft, rounds=8).state
        shared, own = state.shared.copy(), state.own.copy()
        shared[WIDTH] = width
    start = solve(known, observed, replace(state, shared=shared, own=own))
    return refine(known, observed, start, rounds=4, only=None if first else len(state.phases) - 1)


def _likeliest(
    known: Candidates, observed: Observed, solution: Solution, pool: Sequence[int], prior: Prior
) -> list[Trial]:
    """The phases of a pool that are worth a fit beside a solution, by what each would add and was expected to."""
    there = solution.state.phases
    trials = screen(known, observed, solution, pool)
    return sorted(trials, key=lambda trial: -trial.gain - prior.of(trial.phase, there))[:_TRIED]


def _grow(
    known: Candidates, observed: Observed, solution: Solution, pool: Sequence[int], prior: Prior
) -> Solution | None:
    """The solution with the phase that it needs most, all refined together; None where it needs none."""
    there = solution.state.phases
    rest = [i for i in pool if i not in there]
    added = [add(known, observed, solution, trial) for trial in _likeliest(known, observed, solution, rest, prior)]
    if not added:
        return None

    def support(one: Solution) -> float:
        return evidence(known, observed, solution, one, -1) + prior.of(one.state.phases[-1], there)

    likeliest = max(added, key=support)
    best = refine(known, observed, likeliest, rounds=6)
    if evidence(known, observed, solution, best, -1) > LEAST_EVIDENCE:
        return best
    oriented = _oriented(known, observed, likeliest)
    # With texture and a strained lattice together a phase can be laid over the lines of another.
    strained = largest_strains(known, oriented.state)[-1] > _STRAINED
    return oriented if not strained and evidence(known, observed, solution, oriented, -1) > LEAST_EVIDENCE else None


def _oriented(known: Candidates, observed: Observed, solution: Solution) -> Solution:
    """A solution whose last phase may have preferred orientation: what one whose lines are hardly seen may need."""
    chosen = choose_texture(known, observed, solution)
    own = len(solution.state.phases) - 1
    return refine(known, observed, chosen, rounds=8, texture=True, only=own if own else None)


def settle(known: Candidates, observed: Observed, solution: Solution, pool: Sequence[int], prior: Prior) -> Found:
    """Take out phases that do not hold, exchange others for better ones, until all stand."""
    exchanges = 0
    while True:
        solution = _polished(known, observed, _thinned(known, observed, solution))
        left_out, proofs = _support(known, observed, solution)
        if proofs and min(proofs) < LEAST_EVIDENCE:
            solution = left_out[int(np.argmin(proofs))]
            continue
        merged = _merged(known, observed, solution, pool, prior)
        if merged is not None:
            solution = merged
            continue
        better, phases = _exchange(known, observed, solution, pool, prior, left_out, proofs)
        if better is None or exchanges == MOST_PHASES:
            return Found(solution, phases)
        solution, exchanges = better, exchanges + 1


def _thinned(known: Candidates, observed: Observed, solution: Solution) -> Solution:
    """Only the phases that have enough evidence: the weakest is taken out until all have."""
    while True:
        solution = _relaxed(known, observed, solution)
        left_out, proofs = _support(known, observed, solution)
        if not proofs or min(proofs) >= LEAST_EVIDENCE:
            return solution
        solution = left_out[int(np.argmin(proofs))]


def _support(known: Candidates, observed: Observed, solution: Solution) -> tuple[list[Solution], list[float]]:
    """The fit without each phase, and the evidence of each."""
    left_out = [_without(known, observed, solution, i) for i in range(len(solution.state.phases))]
    return left_out, [evidence(known, observed, one, solution, i) for i, one in enumerate(left_out)]


def _polished(known: Candidates, observed: Observed, solution: Solution) -> Solution:
    """The same phases in the best of the states that further starts lead to.

    Textures, breadths and lattices make up for each other, so that small steps from one start end in one of many states
    that are nearly as good: of 20 random starts the best is some units of misfit better than most.
    """
    for _ in range(_POLISHINGS if solution.state.phases else 0):
        before = solution.cost
        for start in (_anew, _turned):
            solution = min(solution, start(known, observed, solution), key=lambda one: one.cost)
        if before - solution.cost < misfit_unit(observed, solution):
            break
    return solution


def _turned(known: Candidates, observed: Observed, solution: Solution) -> Solution:
    """Fitted from other texture axes, those that are better for one phase after the other, all else held."""
    best = solution
    for place in range(len(solution.state.phases)):
        starts = about_each_axis(known, observed, best, place)[:_TURNED]
        tried = (refine(known, observed, one, rounds=3, texture=True, only=place) for one in starts)
        best = min((best, *tried), key=lambda one: one.cost)
    return best if best is solution else refine(known, observed, best, rounds=20, texture=True)


def _anew(known: Candidates, observed: Observed, solution: Solution) -> Solution:
    """Fitted from the usual breadths, displacements and no texture, the lattices kept."""
    own = np.tile(usual_state(), (len(solution.state.phases), 1))
    own[:, FIRST_STRAIN:] = solution.state.own[:, FIRST_STRAIN:]
    plain = refine(known, observed, solve(known, observed, replace(solution.state, own=own)), rounds=8)
    return refine(known, observed, choose_texture(known, observed, plain), rounds=20, texture=True)


def _relaxed(known: Candidates, observed: Observed, solution: Solution) -> Solution:
    """The same phases fitted from their own lattices where two are strained far, if that ends better.

    Of two structures of one kind the first that is added takes the lines of the stronger one, whichever it is; the
    second is left with those of the first, and no small step leads from there to both at their own.
    """
    strained = largest_strains(known, solution.state) > _STRAINED
    if sum(strained) < 2:
        return solution
    own = solution.state.own.copy()
    own[:, FIRST_STRAIN:] = 0.0
    start = solve(known, observed, replace(solution.state, own=own))
    relaxed = refine(known, observed, start, rounds=8, texture=True)
    return min(solution, relaxed, key=lambda one: one.cost)


def _merged(
    known: Candidates, observed: Observed, solution: Solution, pool: Sequence[int], prior: Prior
) -> Solution | None:
    """One phase in the place of two of much the same lines, where the scan does not ask for both.

    A wrong phase that came first leaves lines to a relative of it, and together they hold the place of the right one,
    which could then replace neither of them alone.
    """
    state = solution.state
    rest = [i for i in pool if i not in state.phases]
    for pair in _twins(observed, solution):
        others = state.without(pair[1]).without(pair[0])
        start = solve(known, observed, others)
        own = max(prior.of(state.phases[place], others.phases) for place in pair)
        for trial in _likeliest(known, observed, start, rest, prior):
            tried = choose_texture(known, observed, add(known, observed, start, trial))
            tried = refine(known, observed, tried, rounds=8, texture=True)
            worse = (tried.cost - solution.cost) / misfit_unit(observed, solution)
            if worse + own - prior.of(trial.phase, others.phases) < LEAST_EVIDENCE:
                return tried
    return None


def _twins(observed: Observed, solution: Solution) -> list[tuple[int, int]]:
    """Places of phases whose fitted patterns are alike when their lines are as broad as SOFT."""
    if len(solution.patterns) < 2:
        return []
    soft = np.sqrt(np.maximum(observed.soften(solution.patterns), 0.0))
    soft /= np.maximum(np.linalg.norm(soft, axis=1, keepdims=True), 1e-300)
    alike = np.triu(soft @ soft.T, 1) > _TWINS
    return [(int(i), int(j)) for i, j in np.argwhere(alike)]


def _without(known: Candidates, observed: Observed, solution: Solution, place: int) -> Solution:
    start = solve(known, observed, solution.state.without(place))
    return refine(known, observed, start, rounds=5, texture=True)


def _exchange(
    known: Candidates,
    observed: Observed,
    solution: Solution,
    pool: Sequence[int],
    prior: Prior,
    left_out: Sequence[Solution],
    proofs: Sequence[float],
) -> tuple[Solution | None, tuple[Supported, ...]]:
    """The best exchange of one phase for another where one is better, and the rivals of each phase."""
    unit = misfit_unit(observed, solution)
    best, gain, phases = None, 0.0, []
    rest = [i for i in pool if i not in solution.state.phases]
    imperfect = phase_residuals(observed, solution)
    for place, phase in enumerate(solution.state.phases):
        # a structure that misses its own lines by R leaves about R² of its evidence as misfit, whichever it is
        doubt = 1 + (imperfect[place] / (1 - min(imperfect[place], 0.9))) ** 2 * proofs[place]
        others = solution.state.without(place).phases
        rivals = []
        for trial in screen(known, observed, left_out[place], rest)[: _TRIED - 1]:
            if trial.gain < 0.5 * proofs[place] * unit:
                continue
            tried = add(known, observed, left_out[place], trial)
            tried = refine(known, observed, choose_texture(known, observed, tried), rounds=8, texture=True)
            worse = (tried.cost - solution.cost) / unit / doubt
            worse += prior.of(phase, others) - prior.of(trial.phase, others)
            if worse < _AS_WELL:
                rivals.append((trial.phase, worse))
            if worse < gain:
                best, gain = tried, worse
        phases.append(
            Supported(phase, proofs[place], left_out[place], tuple(sorted(rivals, key=lambda rival: rival[1])))
        )
    return best, tuple(phases)
