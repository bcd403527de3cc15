"""Refine: the engine of whole-pattern fits, with the renderer that training uses.

Positions and shapes (shifts, lattices, widths, texture) are fitted by bounded Levenberg-Marquardt steps; scales and
background, which enter linearly, are solved exactly at each step, scales never negative (variable projection, Golub &
Pereyra 1973; the Jacobian in Kaufman's form, 1975, BIT 15, 49). All runs on normal equations of a few dozen unknowns,
so that a step costs little more than rendering each phase once for each of its parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, lstsq

from bragglens.crystal.lattice import cell_parameters, strained_axes
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections
from bragglens.fit.atlas import Atlas, draw_atlas
from bragglens.fit.observed import Observed
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, Line
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.render import pack, pack_apart, reflections_in_range, render_per_gram, usual_conditions
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

USUAL_DISPLACEMENT, USUAL_STRAIN = 0.15, 0.004  # mm, relative
# name: start, low, high, a step that matters, how far it usually is from its start
_SHARED = {
    "zero": (0.0, -0.4, 0.4, 0.02, 0.05),  # degrees
    "displacement": (0.0, -0.8, 0.8, 0.03, USUAL_DISPLACEMENT),  # mm
    "log width": (np.log(0.06), np.log(0.004), np.log(0.8), 0.2, 0.5),  # of the instrument, degrees
    "roughness": (0.0, 0.0, 0.9, 0.1, 0.3),  # p of Suortti's correction
    "axial": (0.03, 0.0, 0.12, 0.01, 0.03),  # (S + H)/L
    "lorentzian": (0.7, 0.0, 1.0, 0.1, 0.2),  # share of the broadening by size and microstrain
}
# The same of a calibrated instrument: how far a scan may be from its calibration, a judgement that no measurement backs
# yet. Degrees for the zero, relative for the width.
_HELD = {"zero": 0.01, "log width": 0.03, "axial": 0.003}
_STRAIN = (0.0, -0.03, 0.03, 0.001, USUAL_STRAIN)
_OWN = {
    "log size": (np.log(60.0), np.log(2.0), np.log(800.0), 0.5, 1.5),  # nm
    "log microstrain": (np.log(5e-4), np.log(1e-5), np.log(0.015), 0.5, 1.5),
    "log march": (0.0, np.log(0.3), np.log(3.0), 0.1, 0.25),
    "B": (0.0, -0.5, 4.0, 0.1, 0.5),  # Å² beyond the structure's own displacement
    "faults": (0.0, 0.0, 0.6, 0.02, 0.15),  # 1/nm, inverse of the distance of stacking faults
    **{f"strain {k}": _STRAIN for k in range(6)},
}
_TABLE = np.array([*_SHARED.values(), *_OWN.values()]).T
_START, _LOW, _HIGH, _STEP, _USUAL = _TABLE
_N, _K = len(_SHARED), len(_OWN)
ZERO, DISPLACEMENT, WIDTH = 0, 1, 2  # places among the shared values
MARCH, EXTRA_B, _FAULTS, FIRST_STRAIN = 2, 3, 4, 5  # places among a phase's own
# Of Suortti's correction; p and q are hard to tell apart. Of 0.25 to 1 the weighed mixtures of oxides fit best by this.
_ROUGHNESS_Q = 0.35
TEXTURE_AXES = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
# Mean distance from a fit that noise alone leaves, in its standard deviations: 0.8 of a normal distribution, less what
# the fit takes up; of 74 simulated oxides with 200 counts at the top a quarter leaves less.
_NOISE_LEFT = 0.6
_MARCH_TRIED = (0.75, 1.33)  # plates, needles: of common strength
_SETTLED = 3e-5  # relative gain of a step below which the fit has arrived


@dataclass(frozen=True)
class Candidates:
    """Phases that a fit may use, made ready for one tube and range.

    Attributes:
        crystals: their reflections.
        packed: the same for the renderer, the lines that stacking faults blur apart.
        atlas: their patterns in a first look.
        instrument: what the fit starts from.
        calibrated: whether its zero, resolution and axial divergence were measured, and are held near those.
    """

    crystals: tuple[Reflections, ...]
    packed: PackedPhases
    atlas: Atlas
    instrument: Instrument
    calibrated: bool = False

    @property
    def table(self) -> Array:
        """Start, low, high, step and usual distance of every value, (5, values)."""
        return _held(self.instrument) if self.calibrated else _TABLE

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases."""
        return tuple(crystal.phase for crystal in self.crystals)


@dataclass(frozen=True)
class State:
    """Values of all that enters non-linearly.

    Attributes:
        phases: places of the phases among the candidates, (k,).
        shared: in the order of `_SHARED`, (6,).
        own: of each phase, in the order of `_OWN`, (k, 11).
        axes: texture axis of each phase, (k, 3).
    """

    phases: tuple[int, ...]
    shared: Array
    own: Array
    axes: Array

    @property
    def march_logarithm(self) -> Array:
        """ln r of each phase's texture."""
        return self.own[:, MARCH]

    def in_order(self) -> State:
        """The same with its phases in the order of the candidates."""
        order = np.argsort(self.phases)
        return State(tuple(sorted(self.phases)), self.shared, self.own[order], self.axes[order])

    def with_phase(self, phase: int) -> State:
        """One phase more, in its usual state."""
        return State(
            (*self.phases, phase),
            self.shared,
            np.vstack([self.own, usual_state()]),
            np.vstack([self.axes, [0.0, 0.0, 1.0]]),
        )

    def without(self, place: int) -> State:
        """All but one."""
        kept = [i for i in range(len(self.phases)) if i != place]
        return State(tuple(self.phases[i] for i in kept), self.shared, self.own[kept], self.axes[kept])


@dataclass(frozen=True)
class Solution:
    """A state with its linear part.

    Attributes:
        state: the non-linear values.
        patterns: clean pattern of one gram of each phase, (k, points).
        scales: grams of each phase, as the scan counts them, never negative, (k,).
        calculated, background: in counts, (points,).
        chi2: misfit in units of what is expected, of as many independent points as `Observed.information` says.
        cost: chi2 and the distance of the values from what is usual, which the fit makes least.
    """

    state: State
    patterns: Array
    scales: Array
    calculated: Array
    background: Array
    chi2: float
    cost: float


def candidates(phases: Sequence[Phase], instrument: Instrument, end: float) -> Candidates:
    """Phases made ready for scans up to 2θ of `end` degrees."""
    crystals = tuple(_crystal(phase, instrument.lines, end) for phase in phases)
    atlas = draw_atlas(crystals, pack(crystals, instrument.lines), instrument, end)
    return Candidates(crystals, pack_apart(crystals, instrument.lines), atlas, instrument)


@lru_cache(maxsize=512)
def _crystal(phase: Phase, lines: tuple[Line, ...], end: float) -> Reflections:
    """A phase's reflections, kept because shortlists of one scan and of the next have much in common."""
    return reflections_in_range([phase], lines, Grid(end / 2, end, end / 200), margin=0.03)[0]


@lru_cache(maxsize=8)
def _held(instrument: Instrument) -> Array:
    """The table of values for a calibrated instrument."""
    table, names = _TABLE.copy(), list(_SHARED)
    measured = {"zero": instrument.zero, "log width": np.log(_breadth(instrument)), "axial": instrument.axial}
    for name, value in measured.items():
        place = names.index(name)
        table[:, place] = value, min(value, _LOW[place]), max(value, _HIGH[place]), _STEP[place], _HELD[name]
    return table


def empty(known: Candidates | None = None) -> State:
    """No phase at all."""
    start = _START if known is None else known.table[0]
    return State((), start[:_N].copy(), np.empty((0, _K)), np.empty((0, 3)))


def usual_state() -> Array:
    """A phase's own values before anything is known of them."""
    return _START[_N:].copy()


# --- patterns ---------------------------------------------------------------------------------------------------


def render_states(
    known: Candidates, observed: Observed, shared: Array, own: Array, phases: NDArray[np.int64], axes: Array
) -> Array:
    """Clean pattern of one gram of a phase for each row of values, shape (rows, points)."""
    shared = np.broadcast_to(shared, (len(phases), _N)).copy()  # the kernel takes no read-only views
    zero, displacement, log_width, roughness, axial, lorentzian = shared.T
    widths = np.array([_widths(known.instrument, width) for width in np.exp(log_width)]).reshape(-1, 5)
    conditions = usual_conditions(known.instrument, np.asarray(phases, dtype=np.int64))._replace(
        strain=np.ascontiguousarray(own[:, None, FIRST_STRAIN:]),
        size=np.exp(own[:, :1]),
        microstrain=np.exp(own[:, 1:2]),
        lorentzian=np.ascontiguousarray(lorentzian[:, None]),
        axis=np.ascontiguousarray(axes[:, None, :]),
        march=np.exp(own[:, MARCH, None]),
        resolution=widths,
        roughness=np.column_stack([roughness, np.full(len(phases), _ROUGHNESS_Q)]),
        axial=np.ascontiguousarray(axial),
        zero=np.ascontiguousarray(zero),
        tilt=np.degrees(2 * displacement / known.instrument.radius),
    )
    s2 = (np.sin(np.radians(observed.grid.two_theta / 2)) / known.instrument.lines[0].wavelength) ** 2
    patterns = render_per_gram(known.packed, conditions, observed.grid)
    faulted = np.flatnonzero(known.packed.blurred[phases] >= 0)
    if len(faulted):
        some = Conditions._make(column[faulted] for column in conditions)._replace(
            phase=known.packed.blurred[phases[faulted], None],
            size=1 / (np.exp(-own[faulted, :1]) + own[faulted, _FAULTS, None]),
        )
        patterns[faulted] += render_per_gram(known.packed, some, observed.grid)
    values, which = np.unique(own[:, EXTRA_B], return_inverse=True)  # most rows share theirs
    return np.asarray(patterns * np.exp(-2 * values[:, None] * s2)[which], dtype=np.float64)


def _widths(instrument: Instrument, width: float) -> tuple[float, float, float, float, float]:
    """U, V, W, X, Y of an instrument whose curve of widths keeps its shape and is `width` degrees at W."""
    ratio = width / _breadth(instrument)
    return instrument.U * ratio**2, instrument.V * ratio**2, width**2, instrument.X * ratio, instrument.Y * ratio


def _breadth(instrument: Instrument) -> float:
    """√W in degrees, at least a width that a laboratory's line has."""
    return float(max(np.sqrt(instrument.W), 0.02))


def _patterns(known: Candidates, observed: Observed, state: State) -> Array:
    return render_states(known, observed, state.shared, state.own, np.array(state.phases, dtype=np.int64), state.axes)


# --- the linear part --------------------------------------------------------------------------------------------


def solve(known: Candidates, observed: Observed, state: State, patterns: Array | None = None) -> Solution:
    """Scales (never negative) and background that fit best."""
    if patterns is None:
        patterns = _patterns(known, observed, state)
    k = len(patterns)
    norm = observed.counts.max() / np.maximum(patterns.max(axis=1, initial=0.0), 1e-300)
    gram, right = _linear_system(observed, patterns * norm[:, None] / observed.sigma)
    values = _non_negative(gram, right, k)
    scales = values[:k] * norm
    background = observed.background @ values[k:]
    calculated = scales @ patterns + background
    chi2 = observed.information * float((((observed.counts - calculated) / observed.sigma) ** 2).sum())
    return Solution(state, patterns, scales, calculated, background, chi2, chi2 + _unusual(known, state))


def _linear_system(observed: Observed, weighted: Array) -> tuple[Array, Array]:
    """Normal equations of the scales of patterns, given over sigma, and of the background columns after them."""
    own, count = observed.background_products
    k = len(weighted)
    gram = np.empty((k + len(count), k + len(count)))
    gram[:k, :k], gram[k:, k:] = weighted @ weighted.T, own
    gram[:k, k:] = weighted @ observed.weighted_background.T
    gram[k:, :k] = gram[:k, k:].T
    return gram, np.concatenate([weighted @ observed.weighted_counts, count])


def solve_symmetric(matrix: Array, right: Array) -> Array:
    """Solution of a symmetric system whose unknowns may nearly stand for each other."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    even = matrix / np.outer(scale, scale) + 1e-12 * np.eye(len(matrix))
    right = (right.T / scale).T
    try:
        found = cho_solve(cho_factor(even), right)
    except LinAlgError:  # columns so alike that rounding decides
        found = lstsq(even, right)[0]
    return np.asarray((found.T / scale).T, dtype=np.float64)


def _non_negative(gram: Array, right: Array, k: int) -> Array:
    """Least squares with the first k unknowns at least 0: the most negative is taken out until none is."""
    active = np.ones(len(gram), dtype=bool)
    values = np.zeros(len(gram))
    while True:
        values[:] = 0
        part = np.ix_(active, active)
        values[active] = solve_symmetric(gram[part], right[active])
        if not k or values[:k].min() >= 0:
            return values
        active[int(np.argmin(values[:k]))] = False


def _unusual(known: Candidates, state: State) -> float:
    """Squared distance of the values from where they start, in units of what is usual."""
    start, _, _, _, usual = known.table
    shared = (state.shared - start[:_N]) / usual[:_N]
    own = (state.own - start[_N:]) / usual[_N:]
    return float((shared**2).sum() + (own**2).sum())


# --- the search -------------------------------------------------------------------------------------------------


def refine(
    known: Candidates,
    observed: Observed,
    solution: Solution,
    *,
    rounds: int,
    texture: bool = False,
    only: int | None = None,
) -> Solution:
    """Levenberg-Marquardt steps from a solution, none longer in a value than its usual distance from the start.

    Args:
        known: the candidates.
        observed: the scan.
        solution: where to start.
        rounds: at most so many steps.
        texture: whether March-Dollase r may move.
        only: place of the one phase whose own values move, all else held; None moves everything.
    """
    free = _free(known, solution.state, texture, only)
    damping = 1e-2
    for _ in range(rounds):
        matrix, gradient = _normal_equations(known, observed, solution, free)
        ends = _at_bounds(known, solution.state, free)
        better = None
        for _ in range(7):
            step = _step(matrix + damping * np.diag(np.diag(matrix)), gradient, ends)
            tried = _attempt(known, observed, solution, free, step, only)
            if tried.cost < solution.cost:
                better = tried
                damping = max(damping / 4, 1e-9)
                break
            damping *= 5
        if better is None:
            break
        gain, solution = solution.cost - better.cost, better
        if gain < _SETTLED * solution.cost:
            break
    return solution


def _step(matrix: Array, gradient: Array, ends: Array) -> Array:
    """The step that leads to the minimum; a value at a bound stays there where it would be led beyond.

    Were it only clipped, the others would move as if it had moved with them.
    """
    moving = np.ones(len(gradient), dtype=bool)
    while True:
        step = np.zeros(len(gradient))
        step[moving] = np.linalg.solve(matrix[np.ix_(moving, moving)], gradient[moving])
        beyond = step * ends > 0
        if not beyond.any():
            return step
        moving &= ~beyond


def _at_bounds(known: Candidates, state: State, free: NDArray[np.intp]) -> Array:
    """Of each free value 1 where it is at its upper bound, -1 at the lower, 0 between."""
    _, low, high, _, _ = _bounds(known, len(state.phases))
    values = _vector(state)[free]
    return np.sign((values >= high[free]).astype(float) - (values <= low[free]))


def _free(known: Candidates, state: State, texture: bool, only: int | None) -> NDArray[np.intp]:
    """Places of the values that move, in the vector of shared values and then each phase's own."""
    free = [] if only is not None else list(range(_N))
    for i, phase in enumerate(state.phases):
        if only is None or only == i:
            strains = len(known.crystals[phase].strain_basis)
            faults = [_FAULTS] if known.packed.blurred[phase] >= 0 else []
            own = [0, 1, *([MARCH] if texture else []), EXTRA_B, *faults, *range(FIRST_STRAIN, FIRST_STRAIN + strains)]
            free += [_N + i * _K + j for j in own]
    return np.array(free, dtype=np.intp)


def _vector(state: State) -> Array:
    return np.concatenate([state.shared, state.own.ravel()])


def _at(state: State, vector: Array) -> State:
    return replace(state, shared=vector[:_N], own=vector[_N:].reshape(-1, _K))


def _bounds(known: Candidates, k: int) -> tuple[Array, Array, Array, Array, Array]:
    """Start, low, high, step and usual distance of every value in the vector."""
    rows = [np.concatenate([row[:_N], np.tile(row[_N:], k)]) for row in known.table]
    return rows[0], rows[1], rows[2], rows[3], rows[4]


def _attempt(
    known: Candidates, observed: Observed, solution: Solution, free: NDArray[np.intp], step: Array, only: int | None
) -> Solution:
    _, low, high, _, usual = _bounds(known, len(solution.state.phases))
    vector = _vector(solution.state)
    step = np.clip(step, -usual[free], usual[free])
    vector[free] = np.clip(vector[free] + step, low[free], high[free])
    state = _at(solution.state, vector)
    if only is None:
        return solve(known, observed, state)
    patterns = solution.patterns.copy()
    patterns[only] = _patterns(known, observed, _single(state, only))[0]
    return solve(known, observed, state, patterns)


def _single(state: State, place: int) -> State:
    return State((state.phases[place],), state.shared, state.own[place : place + 1], state.axes[place : place + 1])


def _normal_equations(
    known: Candidates, observed: Observed, solution: Solution, free: NDArray[np.intp]
) -> tuple[Array, Array]:
    """Matrix and right-hand side of the step, the part that scales and background can follow projected out."""
    state, k = solution.state, len(solution.state.phases)
    start, _, high, size, usual = _bounds(known, k)
    vector = _vector(state)
    steps = 0.1 * size[free]
    steps = np.where(vector[free] + steps > high[free], -steps, steps)
    derivative = _derivatives(known, observed, solution, free, steps) / observed.sigma
    present = solution.scales > 0
    weighted = solution.patterns[present] * (solution.scales[present, None] / observed.sigma)
    gram, _ = _linear_system(observed, weighted)
    mixed = np.vstack([weighted @ derivative.T, observed.weighted_background @ derivative.T])
    residual = (observed.counts - solution.calculated) / observed.sigma
    matrix = derivative @ derivative.T - mixed.T @ solve_symmetric(gram, mixed)
    gradient = derivative @ residual
    prior = 1 / usual[free] ** 2
    matrix = observed.information * matrix + np.diag(prior)
    return matrix, observed.information * gradient - prior * (vector[free] - start[free])


def _derivatives(
    known: Candidates, observed: Observed, solution: Solution, free: NDArray[np.intp], steps: Array
) -> Array:
    """Change of the calculated pattern with each free value, shape (free, points)."""
    state, k = solution.state, len(solution.state.phases)
    vector = _vector(state)
    rows, owner, number = [], [], []
    for j, place in enumerate(free):
        moved = vector.copy()
        moved[place] += steps[j]
        touched = range(k) if place < _N else [(int(place) - _N) // _K]
        for i in touched:
            if solution.scales[i] > 0:
                rows.append(np.concatenate([moved[:_N], moved[_N + i * _K : _N + (i + 1) * _K]]))
                owner.append(i)
                number.append(j)
    out = np.zeros((len(free), observed.grid.size))
    if not rows:
        return out
    table, who = np.array(rows), np.array(owner)
    phases = np.array(state.phases, dtype=np.int64)[who]
    moved_patterns = render_states(known, observed, table[:, :_N], table[:, _N:], phases, state.axes[who])
    change = (moved_patterns - solution.patterns[who]) * solution.scales[who, None]
    for j, row in zip(number, change, strict=True):
        out[j] += row
    return out / steps[:, None]


def misfit_unit(observed: Observed, solution: Solution) -> float:
    """Reduced chi2 of a fit, at least 1: what one unit of misfit is worth where no fit is perfect."""
    return max(1.0, solution.chi2 / (observed.information * observed.measured.sum()))


def covariance(known: Candidates, observed: Observed, solution: Solution) -> Array:
    """Covariance of the scales, shape (k, k), with all other fitted values free; the unit of misfit is what is left."""
    scale = np.maximum(solution.scales, 1e-30 * solution.scales.max(initial=1.0))
    k = len(scale)
    return _all_covariance(known, observed, solution)[0][:k, :k] * np.outer(scale, scale)


def size_errors(known: Candidates, observed: Observed, solution: Solution) -> Array:
    """Half of the 95% interval of each phase's crystallite size in nm, all other fitted values free, shape (k,)."""
    k = len(solution.scales)
    whole, free = _all_covariance(known, observed, solution)
    places = [len(whole) - len(free) + int(np.flatnonzero(free == _N + i * _K)[0]) for i in range(k)]
    return np.asarray(1.96 * np.exp(solution.state.own[:, 0]) * np.sqrt(np.maximum(np.diag(whole)[places], 0.0)))


def _all_covariance(known: Candidates, observed: Observed, solution: Solution) -> tuple[Array, NDArray[np.intp]]:
    """Covariance of the scales' logarithms, the background and the free values, and the places of these."""
    state, k = solution.state, len(solution.state.phases)
    free = _free(known, state, texture=True, only=None)
    _, _, _, size, usual = _bounds(known, k)
    derivative = _derivatives(known, observed, solution, free, 0.1 * size[free]) / observed.sigma
    scale = np.maximum(solution.scales, 1e-30 * solution.scales.max(initial=1.0))
    columns = np.vstack([solution.patterns * scale[:, None], observed.background.T, derivative * observed.sigma])
    columns = columns / observed.sigma
    matrix = observed.information * columns @ columns.T
    matrix += np.diag(np.concatenate([np.zeros(k + observed.background.shape[1]), 1 / usual[free] ** 2]))
    return misfit_unit(observed, solution) * solve_symmetric(matrix, np.eye(len(matrix))), free


@lru_cache(maxsize=1024)
def texture_axes(operations: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    """Of TEXTURE_AXES, plane normals as hkl, those that no operation of a phase turns into an earlier one."""
    rotations = [np.array(gemmi.Op(xyz).rot) // gemmi.Op.DEN for xyz in operations]
    taken: set[tuple[int, ...]] = set()
    distinct = []
    for axis in TEXTURE_AXES:
        if axis not in taken:
            distinct.append(axis)
            turned = [np.array(axis) @ rotation for rotation in rotations]
            taken |= {tuple(int(h) for h in sign * one) for one in turned for sign in (1, -1)}
    return tuple(distinct)


def choose_texture(known: Candidates, observed: Observed, solution: Solution) -> Solution:
    """For each phase the texture axis that helps most, its strength as it was."""
    axes = [
        about_each_axis(known, observed, solution, place)[0].state.axes[place] for place in range(len(solution.scales))
    ]
    return replace(solution, state=replace(solution.state, axes=np.array(axes).reshape(-1, 3)))


def about_each_axis(known: Candidates, observed: Observed, solution: Solution, place: int) -> list[Solution]:
    """Solutions in which one phase has a texture about each distinct axis, the best first, all else held.

    The texture is that of plates or that of needles, whichever is better.
    """
    state = solution.state
    distinct = texture_axes(known.crystals[state.phases[place]].phase.operations)
    trials = [(axis, np.log(march)) for axis in distinct for march in _MARCH_TRIED]
    axes = np.array([axis for axis, _ in trials], dtype=float)
    own = np.tile(state.own[place], (len(trials), 1))
    own[:, MARCH] = [march for _, march in trials]
    phases = np.full(len(trials), state.phases[place])
    tried = []
    for row, axis, pattern in zip(
        own, axes, render_states(known, observed, state.shared, own, phases, axes), strict=True
    ):
        patterns, every, about = solution.patterns.copy(), state.own.copy(), state.axes.copy()
        patterns[place], every[place], about[place] = pattern, row, axis
        tried.append(solve(known, observed, replace(state, own=every, axes=about), patterns))
    n = len(_MARCH_TRIED)
    better = [min(tried[i : i + n], key=lambda one: one.cost) for i in range(0, len(tried), n)]
    return sorted(better, key=lambda one: one.cost)


def states(known: Candidates, state: State) -> tuple[Instrument, tuple[Specimen, ...]]:
    """Instrument and specimens that a state stands for."""
    zero, displacement, log_width, roughness, axial, lorentzian = (float(v) for v in state.shared)
    u, v, w, x, y = (float(value) for value in _widths(known.instrument, float(np.exp(log_width))))
    instrument = replace(known.instrument, zero=zero, axial=axial, U=u, V=v, W=w, X=x, Y=y)
    specimens = [
        Specimen(
            size=float(np.exp(own[0])),
            microstrain=float(np.exp(own[1])),
            lorentzian=lorentzian,
            strain=tuple(own[FIRST_STRAIN:][: len(known.crystals[phase].strain_basis)].tolist()),
            texture_axis=(int(axis[0]), int(axis[1]), int(axis[2])),
            march=float(np.exp(own[MARCH])),
            displacement=displacement,
            roughness=(roughness, _ROUGHNESS_Q),
            faults=float(own[_FAULTS]),
        )
        for phase, own, axis in zip(state.phases, state.own, state.axes, strict=True)
    ]
    return instrument, tuple(specimens)


def phase_residuals(observed: Observed, solution: Solution) -> Array:
    """R of each phase: misfit under its lines over the intensity there, each point by the phase's part in it.

    In the manner of the Bragg R of a Rietveld refinement (Young 1993, The Rietveld Method, chapter 1): 0 is perfect,
    one half means that half of what lies under its lines is not explained. Bragg R is of integrated intensities, in
    which counting noise hardly counts; here what noise alone would leave is taken off in squares.
    """
    total = np.maximum(solution.calculated - solution.background, 1e-12)
    measured = np.maximum(observed.counts - solution.background, 0)
    own = solution.patterns * solution.scales[:, None] * observed.measured
    whole = np.maximum(own @ np.maximum(measured, total), 1e-300)
    misfit, noise = own @ np.abs(measured - total) / whole, own @ (_NOISE_LEFT * observed.noise) / whole
    return np.asarray(np.sqrt(np.maximum(misfit**2 - noise**2, 0.0)))


def largest_strains(known: Candidates, state: State) -> Array:
    """The largest relative change of a length in each phase's lattice, the same in every setting of it, shape (k,)."""
    out = []
    for phase, own in zip(state.phases, state.own, strict=True):
        basis = known.crystals[phase].strain_basis
        tensor = np.tensordot(own[FIRST_STRAIN:][: len(basis)], basis, axes=1)
        out.append(np.abs(np.linalg.eigvalsh(tensor)).max())
    return np.array(out)


def cells(known: Candidates, state: State) -> Array:
    """Fitted a, b, c in Å and α, β, γ in degrees of each phase, shape (k, 6)."""
    out = []
    for phase, own in zip(state.phases, state.own, strict=True):
        crystal = known.crystals[phase]
        strain = own[FIRST_STRAIN:][: len(crystal.strain_basis)]
        out.append(cell_parameters(strained_axes(crystal.axes, crystal.strain_basis, strain)))
    return np.array(out).reshape(-1, 6)
