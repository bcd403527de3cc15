"""Whole-pattern fit of given phases to a measured scan, with the renderer that training uses.

Positions and shapes (shifts, lattices, widths, texture) are fitted by bounded least squares; scales and background,
which enter linearly, are solved exactly at each step, scales never negative (variable projection, Golub & Pereyra 1973;
the Jacobian in Kaufman's form, 1975, BIT 15, 49).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, lsq_linear
from threadpoolctl import threadpool_limits

from bragglens.crystal.lattice import cell_parameters, strained_axes
from bragglens.crystal.phase import Phase
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.kernel import PackedPhases
from bragglens.simulate.render import fixed_conditions, pack, reflections_in_range, render_per_gram
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

_TEXTURE_AXES = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
_DEGREES_PER_BACKGROUND_TERM = 6.0  # a hump of a glass holder is about twenty degrees wide


@dataclass(frozen=True)
class Parameter:
    """One number that is fitted.

    Attributes:
        name: what it is; a phase's own are `NAME[i]`, with i the place of the phase.
        start, low, high: first value and bounds.
        scale: a step that matters.
        usual: how far from the start it usually lies; what the scan does not decide stays within.
        phase: the phase it belongs to, or None where all share it.
    """

    name: str
    start: float
    low: float
    high: float
    scale: float
    usual: float
    phase: int | None = None


@dataclass(frozen=True)
class Fit:
    """A fitted pattern.

    Attributes:
        two_theta, observed, calculated, background: the axis in degrees and the patterns on it, in counts.
        patterns: calculated pattern of each phase, shape (phases, points).
        weight_fraction: share of each phase in the crystalline mass, from scale, cell mass and volume.
        rwp: weighted profile R, √(Σ w (o - c)² / Σ w o²) (Young 1993, The Rietveld Method, chapter 1).
        r_expected: the Rwp that counting noise alone would leave.
        instrument: with the fitted zero error and resolution.
        specimens: state of each phase.
        cells: fitted a, b, c (Å), α, β, γ (degrees) of each phase, shape (phases, 6).
    """

    two_theta: Array
    observed: Array
    calculated: Array
    background: Array
    patterns: Array
    weight_fraction: Array
    rwp: float
    r_expected: float
    instrument: Instrument
    specimens: tuple[Specimen, ...]
    cells: Array


@dataclass(frozen=True)
class _Problem:
    grid: Grid
    observed: Array
    weight: Array  # 1/σ
    packed: PackedPhases
    instrument: Instrument
    axes: tuple[tuple[int, int, int], ...]
    strains: tuple[int, ...]
    background: Array  # (points, terms)


def fit(
    two_theta: Array, counts: Array, phases: Sequence[Phase], instrument: Instrument, *, texture: bool = True
) -> Fit:
    """Fit phases that are known to be there.

    Args:
        two_theta: degrees, ascending.
        counts: as measured.
        phases: what is there.
        instrument: where the fit starts; its lines, slits and axial divergence are kept.
        texture: whether preferred orientation may be fitted.

    Returns:
        The best fit found, from the best of several starting shifts.
    """
    with threadpool_limits(1):  # tables of 10,000 x 20: more threads wait for each other longer than they work
        return _fit(_problem(two_theta, counts, phases, instrument), texture)


def _fit(problem: _Problem, texture: bool) -> Fit:
    parameters = _parameters(problem, texture=False)
    values = _start(problem, parameters)
    values = _refine(problem, parameters, values, rounds=8)
    if texture:
        problem = _choose_axes(problem, parameters, values)
        known = dict(zip((p.name for p in parameters), values, strict=True))
        parameters = _parameters(problem, texture=True)
        values = np.array([known.get(p.name, p.start) for p in parameters])
    values = _refine(problem, parameters, values, rounds=25)
    return _result(problem, parameters, values)


# --- the problem ------------------------------------------------------------------------------------------------


def _problem(two_theta: Array, counts: Array, phases: Sequence[Phase], instrument: Instrument) -> _Problem:
    step = float(np.median(np.diff(two_theta)))
    stop = two_theta[0] + step * np.floor((two_theta[-1] - two_theta[0]) / step + 1e-6)
    grid = Grid(float(two_theta[0]), float(stop), step)
    observed = np.interp(grid.two_theta, two_theta, counts)
    crystals = reflections_in_range(phases, instrument.lines, grid)
    x = np.linspace(-1, 1, grid.size)
    terms = int(np.clip((grid.stop - grid.start) / _DEGREES_PER_BACKGROUND_TERM, 4, 16))
    background = np.polynomial.chebyshev.chebvander(x, terms)
    air = grid.start / grid.two_theta
    return _Problem(
        grid=grid,
        observed=observed,
        weight=1 / np.sqrt(np.maximum(observed, max(1.0, 0.001 * observed.max()))),
        packed=pack(crystals, instrument.lines),
        instrument=instrument,
        axes=((0, 0, 1),) * len(phases),
        strains=tuple(len(crystal.strain_basis) for crystal in crystals),
        background=np.column_stack([background, air]),
    )


def _parameters(problem: _Problem, *, texture: bool) -> list[Parameter]:
    width = float(np.log(max(problem.instrument.W, 4e-4)) / 2)
    shared = [
        Parameter("zero", problem.instrument.zero, -0.4, 0.4, 0.02, 0.05),
        Parameter("displacement", 0.0, -0.8, 0.8, 0.03, 0.15),
        Parameter("log width", width, np.log(0.02), np.log(0.4), 0.2, 1.0),
    ]
    own = []
    for i, strains in enumerate(problem.strains):
        own += [
            Parameter(f"log size[{i}]", np.log(60.0), np.log(2.0), np.log(800.0), 0.5, 2.0, i),
            Parameter(f"log microstrain[{i}]", np.log(5e-4), np.log(1e-5), np.log(0.015), 0.5, 2.0, i),
        ]
        own += [Parameter(f"strain {k}[{i}]", 0.0, -0.03, 0.03, 0.001, 0.005, i) for k in range(strains)]
        if texture:
            own.append(Parameter(f"log march[{i}]", 0.0, np.log(0.3), np.log(3.0), 0.1, 0.3, i))
    return shared + own


def _states(problem: _Problem, parameters: list[Parameter], values: Array) -> tuple[Instrument, list[Specimen]]:
    """Instrument and specimens that the values stand for."""
    value = dict(zip((p.name for p in parameters), values, strict=True))
    base = problem.instrument
    width = float(np.exp(value["log width"]))
    ratio = width / max(np.sqrt(base.W), 0.02)
    instrument = replace(base, zero=value["zero"], W=width**2, U=base.U * ratio**2, V=base.V * ratio**2)
    specimens = [
        Specimen(
            size=float(np.exp(value[f"log size[{i}]"])),
            microstrain=float(np.exp(value[f"log microstrain[{i}]"])),
            strain=tuple(value[f"strain {k}[{i}]"] for k in range(strains)),
            texture_axis=problem.axes[i],
            march=float(np.exp(value.get(f"log march[{i}]", 0.0))),
            displacement=value["displacement"],
        )
        for i, strains in enumerate(problem.strains)
    ]
    return instrument, specimens


def _patterns(
    problem: _Problem, parameters: list[Parameter], values: Array, only: Sequence[int] | None = None
) -> Array:
    """Clean pattern of one gram of each phase (or of some), shape (points, phases)."""
    instrument, specimens = _states(problem, parameters, values)
    chosen = range(len(specimens)) if only is None else only
    return _render(problem, instrument, [specimens[i] for i in chosen], chosen)


def _render(problem: _Problem, instrument: Instrument, specimens: Sequence[Specimen], phases: Sequence[int]) -> Array:
    conditions = fixed_conditions(instrument, specimens, phases)
    return render_per_gram(problem.packed, conditions, problem.grid).T.astype(float)


# --- the linear part --------------------------------------------------------------------------------------------


def _solve(problem: _Problem, patterns: Array) -> tuple[Array, Array]:
    """Scales (never negative) and background coefficients that fit best; returns them and the calculated pattern."""
    norm = np.maximum(patterns.max(axis=0), 1e-300) / problem.observed.max()
    columns = np.column_stack([patterns / norm, problem.background])
    weighted, target = columns * problem.weight[:, None], problem.observed * problem.weight
    scales = np.asarray(np.linalg.lstsq(weighted, target, rcond=None)[0], dtype=np.float64)
    n = patterns.shape[1]
    if (scales[:n] < 0).any():
        low = np.concatenate([np.zeros(n), np.full(columns.shape[1] - n, -np.inf)])
        scales = lsq_linear(weighted, target, bounds=(low, np.inf), tol=1e-9).x
    calculated = columns @ scales
    scales[:n] = scales[:n] / norm
    return scales, calculated


# --- the search -------------------------------------------------------------------------------------------------


def _start(problem: _Problem, parameters: list[Parameter]) -> Array:
    """The best of several common shifts, tried with broad lines that still meet peaks they miss."""
    first = np.array([p.start for p in parameters])
    index = [p.name for p in parameters].index("displacement")
    broad = first.copy()
    for i, p in enumerate(parameters):
        if p.name == "log width":
            broad[i] = np.log(0.25)
    best, best_cost = first, np.inf
    for displacement in np.linspace(-0.4, 0.4, 17):
        broad[index] = displacement
        _, calculated = _solve(problem, _patterns(problem, parameters, broad))
        cost = float((((problem.observed - calculated) * problem.weight) ** 2).sum())
        if cost < best_cost:
            best, best_cost = first.copy(), cost
            best[index] = displacement
    return best


def _refine(problem: _Problem, parameters: list[Parameter], values: Array, *, rounds: int) -> Array:
    scale = np.array([p.scale for p in parameters])
    start = np.array([p.start for p in parameters])
    noise = _noise(problem, parameters, values)

    def residual(v: Array) -> Array:
        _, calculated = _solve(problem, _patterns(problem, parameters, v))
        return np.concatenate([(problem.observed - calculated) * problem.weight / noise, _prior(parameters, v, start)])

    def jacobian(v: Array) -> Array:
        return _jacobian(problem, parameters, v, noise)

    low, high = np.array([p.low for p in parameters]), np.array([p.high for p in parameters])
    done = least_squares(
        residual,
        np.clip(values, low + 1e-9, high - 1e-9),
        jac=jacobian,
        bounds=(low, high),
        x_scale=scale,
        max_nfev=rounds,
        ftol=1e-5,
        xtol=1e-5,
    )
    return done.x


def _noise(problem: _Problem, parameters: list[Parameter], values: Array) -> float:
    """√(reduced χ²) at the start: misfit that is not counting noise, so that priors are not drowned by it."""
    _, calculated = _solve(problem, _patterns(problem, parameters, values))
    return float(np.sqrt(np.mean(((problem.observed - calculated) * problem.weight) ** 2)) + 1e-12)


def _prior(parameters: list[Parameter], values: Array, start: Array) -> Array:
    """Distance of each parameter from its start in units of what is usual."""
    return np.array([(v - s) / p.usual for p, v, s in zip(parameters, values, start, strict=True)])


def _jacobian(problem: _Problem, parameters: list[Parameter], values: Array, noise: float) -> Array:
    """Change of the residual with each parameter, the part that scales and background can follow projected out."""
    patterns = _patterns(problem, parameters, values)
    scales, _ = _solve(problem, patterns)
    n = patterns.shape[1]
    active = scales[:n] > 0
    columns = np.column_stack([patterns[:, active] * scales[:n][active], problem.background])
    basis, _ = np.linalg.qr(columns * problem.weight[:, None])
    derivative = np.empty((problem.grid.size, len(parameters)))
    for j, parameter in enumerate(parameters):
        step = 0.02 * parameter.scale
        sign = 1.0 if values[j] + step < parameter.high else -1.0
        moved = values.copy()
        moved[j] += sign * step
        touched = range(n) if parameter.phase is None else [parameter.phase]
        change = _patterns(problem, parameters, moved, touched) - patterns[:, touched]
        derivative[:, j] = change @ scales[touched] / (sign * step)
    derivative *= problem.weight[:, None]
    derivative -= basis @ (basis.T @ derivative)
    prior = np.diag([1 / p.usual for p in parameters])
    return np.vstack([-derivative / noise, prior])


def _choose_axes(problem: _Problem, parameters: list[Parameter], values: Array) -> _Problem:
    """For each phase the texture axis that helps most."""
    instrument, specimens = _states(problem, parameters, values)
    axes = list(problem.axes)
    for i in range(len(specimens)):
        costs = {}
        for axis in _TEXTURE_AXES:
            for march in (0.75, 1.33):
                tried = list(specimens)
                tried[i] = replace(specimens[i], texture_axis=axis, march=march)
                patterns = _render(problem, instrument, tried, range(len(tried)))
                _, calculated = _solve(problem, patterns)
                costs[axis, march] = float((((problem.observed - calculated) * problem.weight) ** 2).sum())
        axes[i] = min(costs, key=costs.__getitem__)[0]
    return replace(problem, axes=tuple(axes))


def _result(problem: _Problem, parameters: list[Parameter], values: Array) -> Fit:
    patterns = _patterns(problem, parameters, values)
    scales, calculated = _solve(problem, patterns)
    n = patterns.shape[1]
    observed, weight = problem.observed, problem.weight
    total = float(((observed * weight) ** 2).sum())
    instrument, specimens = _states(problem, parameters, values)
    free = observed.size - len(parameters) - len(scales)
    cells = [
        cell_parameters(strained_axes(axes, basis[:k], np.array(s.strain)))
        for axes, basis, k, s in zip(
            problem.packed.axes, problem.packed.strains, problem.strains, specimens, strict=True
        )
    ]
    return Fit(
        two_theta=problem.grid.two_theta,
        observed=observed,
        calculated=calculated,
        background=problem.background @ scales[n:],
        patterns=(patterns * scales[:n]).T,
        weight_fraction=scales[:n] / max(scales[:n].sum(), 1e-300),
        rwp=float(np.sqrt((((observed - calculated) * weight) ** 2).sum() / total)),
        r_expected=float(np.sqrt(max(free, 1) / total)),
        instrument=instrument,
        specimens=tuple(specimens),
        cells=np.array(cells),
    )
