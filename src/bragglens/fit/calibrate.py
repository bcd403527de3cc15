"""Calibration: zero, resolution and axial divergence of a diffractometer, from a scan of a certified line standard.

Angles and shapes of the lines are fitted by bounded least squares with the cell at its certified value. The height of
each line is free and, like the background, solved exactly at each step (variable projection, as in `fit`), so that
texture, slits, absorption and displacement parameters of the standard cannot bend what is asked for (Pawley 1981,
J. Appl. Cryst. 14, 357, with the cell held).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections
from bragglens.errors import ScanError
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate import formulas
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.kernel import PackedPhases
from bragglens.simulate.reference import widths
from bragglens.simulate.render import fixed_conditions, pack, reflections_in_range, render_per_gram
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

COARSE = Specimen(size=1e9, lorentzian=1.0)
"""Grains so large that nothing but the instrument broadens the lines."""

_MARGIN = 3.0  # degrees of background that are kept before the first line, and to the last line beyond the end
_TOGETHER = 0.15  # degrees: nearer lines share one height, at the ratio that the structure gives
_DEGREES_PER_BACKGROUND_TERM = 8.0
_EVEN = 0.02  # of a step; a scan whose angles stray less is rendered on its own angles
_WORST = 0.5  # the misfit may have this share of the peaks' weight before the scan is called something else
_FEWEST = 4  # lines; zero, displacement and the change of width with angle need more than two

# name: start, low, high, step that matters, how far it usually is from the start. `spread`, `turn` and `least` are
# the resolution as H² = spread² (tanθ - turn)² + least², which no value can make negative.
_PARAMETERS = {
    "zero": (0.0, -0.5, 0.5, 0.01, 0.2),
    "displacement": (0.0, -1.0, 1.0, 0.02, 0.3),
    "least": (0.06, 0.003, 0.5, 0.01, 0.2),
    "spread": (0.05, 0.0, 1.0, 0.02, 0.3),
    "turn": (0.2, -1.0, 1.5, 0.1, 1.0),
    "X": (0.01, 0.0, 0.3, 0.005, 0.1),
    "Y": (0.02, 0.0, 0.5, 0.01, 0.2),
    "axial": (0.03, 0.001, 0.15, 0.01, 0.05),
}
_NAMES = tuple(_PARAMETERS)
_START, _LOW, _HIGH, _STEP, _USUAL = (np.array(column) for column in zip(*_PARAMETERS.values(), strict=True))


@dataclass(frozen=True)
class Calibration:
    """What a scan of a standard tells of the instrument.

    Attributes:
        instrument: the one the fit started from, with fitted U, V, W, X, Y, axial divergence and zero.
        displacement: of the standard's surface in mm; it belongs to that mounting, not to the instrument.
        rwp: weighted profile R of the fit.
        r_expected: the Rwp that counting noise alone would leave.
        two_theta, observed, calculated, background: the range that was fitted, in degrees and counts.
        hkl: indices of the lines that were measured well enough to compare, shape (n, 3).
        line_angles: their certified angles for the first wavelength in degrees, shape (n,).
        line_errors: measured minus certified angle in degrees after calibration, shape (n,).
        notes: what a user should know, one sentence each.
    """

    instrument: Instrument
    displacement: float
    rwp: float
    r_expected: float
    two_theta: Array
    observed: Array
    calculated: Array
    background: Array
    hkl: NDArray[np.int32]
    line_angles: Array
    line_errors: Array
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Problem:
    two_theta: Array
    observed: Array
    weight: Array  # 1/σ
    background: Array  # (points, terms)
    grid: Grid
    sampling: csr_matrix | None  # takes the grid to the scan's angles; None where they are the same
    groups: tuple[Reflections, ...]  # lines that share a height
    packed: PackedPhases
    start: Instrument


def calibrate(scan: Scan, standard: Phase, start: Instrument) -> Calibration:
    """Fit the instrument to a scan of a standard whose cell is certified.

    Args:
        scan: of the standard alone; gaps between its lines do no harm.
        standard: with the certified cell of its lot, such as `standards.standard("LaB6")`.
        start: emission lines, radius, monochromator and slits, which are kept, and a name.

    Returns:
        The calibrated instrument. Broadening by the standard's own grains counts as the instrument's.

    Raises:
        ScanError: fewer than four lines in range, or a scan that does not look like the standard's.
    """
    with threadpool_limits(1):
        problem = _problem(scan, standard, start)
        values = _refine(problem, _shifted(problem), ("zero", "least", "Y"), rounds=15)
        values = _refine(problem, values, ("zero", "displacement", "least", "X", "Y", "axial"), rounds=15)
        if not _explains(problem, values):
            raise ScanError(
                f"{scan.name}: does not look like {standard.name}, whose lines explain too little of it: check the "
                "standard, the wavelength, and that no other phase is in the specimen"
            )
        return _result(problem, _refine(problem, values, _NAMES, rounds=60), standard)


def fwhm(instrument: Instrument, two_theta: Array) -> Array:
    """FWHM in degrees of the pseudo-Voigt at these angles, without the axial divergence, which skews it."""
    return widths(np.asarray(two_theta, float), instrument.lines[0].wavelength, instrument, COARSE)[0]


# --- the problem ------------------------------------------------------------------------------------------------


def _problem(scan: Scan, standard: Phase, start: Instrument) -> _Problem:
    (crystal,) = reflections_in_range([standard], start.lines, Grid(0.5, float(min(scan.two_theta[-1], 178)), 0.5))
    wavelength = start.lines[0].wavelength
    angles = formulas.two_theta(d=crystal.d, wavelength=wavelength)
    inside = np.flatnonzero((angles > scan.two_theta[0] + 0.5) & (angles < scan.two_theta[-1] - 0.5))
    if len(inside) < _FEWEST:
        raise ScanError(
            f"{scan.name}: only {len(inside)} lines of {standard.name} lie in its range at {wavelength:g} Å, "
            f"and {_FEWEST} are needed: scan further, or correct the wavelength"
        )
    kept = scan.two_theta > max(0.5, angles[inside[0]] - _MARGIN)
    two_theta, observed = scan.two_theta[kept], scan.counts[kept]
    grid, sampling = _grid(two_theta)
    terms = int(np.clip(np.ptp(two_theta) / _DEGREES_PER_BACKGROUND_TERM, 4, 16))
    x = 2 * (two_theta - two_theta[0]) / np.ptp(two_theta) - 1
    # Of lines farther beyond the end there are only tails, each like the others and like background.
    groups = _groups(crystal, np.flatnonzero(angles < two_theta[-1] + _MARGIN), angles)
    return _Problem(
        two_theta=two_theta,
        observed=observed,
        weight=1 / np.sqrt(np.maximum(observed, max(1.0, 1e-4 * observed.max()))),
        background=np.column_stack([np.polynomial.chebyshev.chebvander(x, terms), two_theta[0] / two_theta]),
        grid=grid,
        sampling=sampling,
        groups=groups,
        packed=pack(groups, start.lines),
        start=start,
    )


def _grid(two_theta: Array) -> tuple[Grid, csr_matrix | None]:
    """The scan's own angles as a grid where they are even, else a finer one, and how to interpolate from it."""
    step = float(np.ptp(two_theta)) / (two_theta.size - 1)
    grid = Grid(float(two_theta[0]), float(two_theta[-1]), step)
    if grid.size == two_theta.size and np.abs(grid.two_theta - two_theta).max() < _EVEN * step:
        return grid, None
    step = max(float(np.median(np.diff(two_theta))) / 2, 0.002)
    grid = Grid(float(two_theta[0]), min(float(two_theta[-1]) + 3 * step, 179.9), step)
    return grid, _sampling(grid, two_theta)


def _sampling(grid: Grid, two_theta: Array) -> csr_matrix:
    """Cubic interpolation through the four nearest points (Lagrange) as a matrix, shape (angles, grid)."""
    place = (two_theta - grid.start) / grid.step
    first = np.clip(np.floor(place).astype(int) - 1, 0, grid.size - 4)
    t = place - first
    weights = np.column_stack(
        [
            -(t - 1) * (t - 2) * (t - 3) / 6,
            t * (t - 2) * (t - 3) / 2,
            -t * (t - 1) * (t - 3) / 2,
            t * (t - 1) * (t - 2) / 6,
        ]
    )
    rows = np.repeat(np.arange(two_theta.size), 4)
    columns = (first[:, None] + np.arange(4)).ravel()
    return csr_matrix((weights.ravel(), (rows, columns)), shape=(two_theta.size, grid.size))


def _groups(crystal: Reflections, rows: NDArray[np.int64], angles: Array) -> tuple[Reflections, ...]:
    """The reflections apart, those that coincide or nearly so together."""
    breaks = np.flatnonzero(np.diff(angles[rows]) > _TOGETHER) + 1
    return tuple(_subset(crystal, part) for part in np.split(rows, breaks))


def _subset(crystal: Reflections, rows: NDArray[np.int64]) -> Reflections:
    first = crystal.first_equivalent
    parts = [crystal.equivalents[first[i] : first[i + 1]] for i in rows]
    return replace(
        crystal,
        hkl=crystal.hkl[rows],
        d=crystal.d[rows],
        multiplicity=crystal.multiplicity[rows],
        geometry=crystal.geometry[rows],
        equivalents=np.concatenate(parts),
        first_equivalent=np.cumsum([0, *map(len, parts)]).astype(np.int32),
    )


def _state(problem: _Problem, values: Array) -> tuple[Instrument, Specimen]:
    """Instrument and specimen that the values stand for."""
    value = {name: float(v) for name, v in zip(_NAMES, values, strict=True)}
    spread, turn = value["spread"] ** 2, value["turn"]
    instrument = replace(
        problem.start,
        U=spread,
        V=-2 * spread * turn,
        W=spread * turn**2 + value["least"] ** 2,
        X=value["X"],
        Y=value["Y"],
        axial=value["axial"],
        zero=value["zero"],
    )
    return instrument, replace(COARSE, displacement=value["displacement"])


def _columns(problem: _Problem, values: Array) -> Array:
    """Pattern of each group of lines at the scan's angles, each with a strongest point of 1, shape (points, groups)."""
    instrument, specimen = _state(problem, values)
    conditions = fixed_conditions(instrument, [specimen] * len(problem.groups), range(len(problem.groups)))
    rendered = render_per_gram(problem.packed, conditions, problem.grid).astype(float)
    strongest = np.maximum(rendered.max(axis=1), 1e-300)
    columns = rendered.T if problem.sampling is None else problem.sampling @ rendered.T
    return np.asarray(columns / strongest)


# --- the search -------------------------------------------------------------------------------------------------


def _solve(problem: _Problem, columns: Array) -> tuple[Array, Array]:
    """Heights and background that fit best, and the calculated counts."""
    table = np.column_stack([columns, problem.background])
    target = problem.observed * problem.weight
    heights = np.linalg.lstsq(table * problem.weight[:, None], target, rcond=1e-10)[0]
    return np.asarray(heights, float), np.asarray(table @ heights, float)


def _cost(problem: _Problem, values: Array) -> float:
    """Sum of squares, of lines that point up: a shift that fits noise with negative lines is no shift."""
    columns = _columns(problem, values)
    heights, calculated = _solve(problem, columns)
    if (heights[: columns.shape[1]] < 0).any():
        upward = heights[: columns.shape[1]] > 0
        _, calculated = _solve(problem, columns[:, upward])
    return float((((problem.observed - calculated) * problem.weight) ** 2).sum())


def _shifted(problem: _Problem) -> Array:
    """The best of several zeros, tried with broad lines that still meet peaks they miss."""
    tried = [_START.copy() for _ in range(25)]
    for values, zero in zip(tried, np.linspace(-0.48, 0.48, len(tried)), strict=True):
        values[[_NAMES.index("zero"), _NAMES.index("least")]] = zero, 0.1
    best = min(tried, key=lambda values: _cost(problem, values))
    best[_NAMES.index("least")] = _START[_NAMES.index("least")]
    return best


def _refine(problem: _Problem, values: Array, names: tuple[str, ...], *, rounds: int) -> Array:
    """Least squares over some of the parameters; what the scan does not decide stays near its usual value."""
    free = np.array([_NAMES.index(name) for name in names])
    _, calculated = _solve(problem, _columns(problem, values))
    noise = float(np.sqrt(np.mean(((problem.observed - calculated) * problem.weight) ** 2))) + 1e-12

    def whole(v: Array) -> Array:
        full = values.copy()
        full[free] = v
        return full

    def residual(v: Array) -> Array:
        _, calculated = _solve(problem, _columns(problem, whole(v)))
        misfit = (problem.observed - calculated) * problem.weight / noise
        return np.concatenate([misfit, (v - _START[free]) / _USUAL[free]])

    def jacobian(v: Array) -> Array:
        return np.vstack([_jacobian(problem, whole(v), free) / noise, np.diag(1 / _USUAL[free])])

    low, high = _LOW[free], _HIGH[free]
    inside = np.clip(values[free], low + 1e-6, high - 1e-6)
    done = least_squares(
        residual, inside, jac=jacobian, bounds=(low, high), x_scale=_STEP[free], max_nfev=rounds, ftol=1e-6, xtol=1e-6
    )
    return whole(done.x)


def _jacobian(problem: _Problem, values: Array, free: NDArray[np.int64]) -> Array:
    """Change of the misfit with each parameter, the part that heights and background follow projected out."""
    columns = _columns(problem, values)
    heights, _ = _solve(problem, columns)
    table = np.column_stack([columns, problem.background]) * problem.weight[:, None]
    basis, _ = np.linalg.qr(table[:, np.abs(table).max(axis=0) > 0])
    derivative = np.empty((problem.observed.size, len(free)))
    for j, i in enumerate(free):
        step = 0.05 * _STEP[i] * (1 if values[i] + 0.05 * _STEP[i] < _HIGH[i] else -1)
        moved = values.copy()
        moved[i] += step
        change = _columns(problem, moved) - columns
        derivative[:, j] = change @ heights[: columns.shape[1]] / step
    derivative *= problem.weight[:, None]
    return -(derivative - basis @ (basis.T @ derivative))


# --- the answer -------------------------------------------------------------------------------------------------


def _result(problem: _Problem, values: Array, standard: Phase) -> Calibration:
    columns = _columns(problem, values)
    heights, calculated = _solve(problem, columns)
    background = problem.background @ heights[columns.shape[1] :]
    misfit = float((((problem.observed - calculated) * problem.weight) ** 2).sum())
    total = float(((problem.observed * problem.weight) ** 2).sum())
    instrument, specimen = _state(problem, values)
    hkl, angles, errors = _line_errors(problem, values, columns, heights, calculated)
    free = problem.observed.size - len(heights) - len(_NAMES)
    return Calibration(
        instrument=replace(instrument, name=_name(problem.start.name, standard.name)),
        displacement=specimen.displacement,
        rwp=float(np.sqrt(misfit / total)),
        r_expected=float(np.sqrt(max(free, 1) / total)),
        two_theta=problem.two_theta,
        observed=problem.observed,
        calculated=calculated,
        background=background,
        hkl=hkl,
        line_angles=angles,
        line_errors=errors,
        notes=_notes(problem, values, angles),
    )


def _name(name: str, standard: str) -> str:
    return f"{name or 'instrument'}, calibrated with {standard}"


def _explains(problem: _Problem, values: Array) -> bool:
    """Whether the lines carry most of the peaks, and point up: down as much as up is what no peaks give."""
    columns = _columns(problem, values)
    heights, calculated = _solve(problem, columns)
    background = problem.background @ heights[columns.shape[1] :]
    misfit = float((((problem.observed - calculated) * problem.weight) ** 2).sum())
    noise = problem.observed.size  # what counting alone leaves
    peaks = float((((problem.observed - background) * problem.weight) ** 2).sum())
    lines = heights[: columns.shape[1]][columns.max(axis=0) > 0.5]
    upward = -lines[lines < 0].sum() < 0.2 * lines[lines > 0].sum()
    return bool(upward and misfit - noise < _WORST**2 * max(peaks - noise, 0.0))


def _line_errors(
    problem: _Problem, values: Array, columns: Array, heights: Array, calculated: Array
) -> tuple[NDArray[np.int32], Array, Array]:
    """How far each line still is from its certified place: the shift that takes most of its residual away."""
    moved = values.copy()
    step = 0.001
    moved[_NAMES.index("zero")] += step
    slope = (_columns(problem, moved) - columns) * heights[: columns.shape[1]] / step
    residual = (problem.observed - calculated) * problem.weight
    hkl, angles, errors = [], [], []
    for i, group in enumerate(problem.groups):
        near = columns[:, i] > 0.02
        weighted = slope[near, i] * problem.weight[near]
        strength = float(weighted @ weighted)
        if heights[i] <= 0 or near.sum() < 5 or columns[:, i].max() < 0.9 or strength < 1 / 0.003**2:
            continue  # off the scan, or its place is not known to 0.003°
        angle = formulas.two_theta(d=group.d[:1], wavelength=problem.start.lines[0].wavelength)
        if not problem.two_theta[0] < angle[0] < problem.two_theta[-1]:
            continue
        hkl.append(max(map(tuple, group.equivalents), key=lambda each: (min(each) >= 0, each)))  # as people write it
        angles.append(float(angle[0]))
        errors.append(float(weighted @ residual[near]) / strength)
    return np.array(hkl, np.int32).reshape(-1, 3), np.array(angles), np.array(errors)


def _notes(problem: _Problem, values: Array, angles: Array) -> tuple[str, ...]:
    notes = []
    if angles.size and np.ptp(angles) < 60:
        notes.append(
            f"the lines that were measured well span {angles.min():.0f} to {angles.max():.0f}° only: zero and "
            "displacement are hardly told apart there, and widths beyond are extrapolated"
        )
    for name, value, low, high in zip(_NAMES, values, _LOW, _HIGH, strict=True):
        if name not in ("X", "Y", "spread", "turn") and min(value - low, high - value) < 1e-3 * (high - low):
            notes.append(f"{name} ran to the end of its range, {value:.3g}: check wavelength, radius and standard")
    step = float(np.median(np.diff(problem.two_theta)))
    narrowest = float(fwhm(_state(problem, values)[0], problem.two_theta).min())
    if narrowest < 3 * step:
        notes.append(f"the narrowest line, {narrowest:.3f}°, has less than three steps of {step:.3f}°: scan finer")
    return tuple(notes)
