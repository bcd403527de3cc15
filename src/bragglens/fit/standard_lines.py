"""Standard lines: the scan of a line standard as a problem of the fit, with a free height for each line.

Angles and shapes are those of the instrument, with the certified cell. The height of each line is free, so that
texture, slits, absorption and displacement parameters of the standard cannot bias the result (Pawley 1981,
J. Appl. Cryst. 14, 357, with the cell held).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections
from bragglens.errors import ScanError
from bragglens.fit.observed import Observed
from bragglens.fit.parameters import Parameter, Parameters
from bragglens.fit.state import State, empty
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate import formulas
from bragglens.simulate.instrument import Instrument
from bragglens.simulate.kernel import PackedPhases
from bragglens.simulate.render import pack, reflections_in_range, render_per_gram, usual_conditions
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]

COARSE = Specimen(size=1e9, lorentzian=1.0)
"""Grains so large that nothing but the instrument broadens the lines."""

# `spread`, `turn` and `least` are the resolution as H² = spread² (tanθ - turn)² + least², which is never negative.
# Bounds and usual spreads: judgement.
PARAMETERS = Parameters(
    (
        Parameter("zero", "°", 0.0, -0.5, 0.5, 0.01, 0.2),
        Parameter("displacement", "mm", 0.0, -1.0, 1.0, 0.02, 0.3),
        Parameter("least", "°", 0.06, 0.003, 0.5, 0.01, 0.2),
        Parameter("spread", "°", 0.05, 0.0, 1.0, 0.02, 0.3),
        Parameter("turn", "", 0.2, -1.0, 1.5, 0.1, 1.0),
        Parameter("X", "°", 0.01, 0.0, 0.3, 0.005, 0.1),
        Parameter("Y", "°", 0.02, 0.0, 0.5, 0.01, 0.2),
        Parameter("axial", "", 0.03, 0.001, 0.15, 0.01, 0.05),
    )
)
_MARGIN = 3.0  # degrees of background kept before the first line, and after the end for lines that lie beyond it
_COMMON_HEIGHT = 0.15  # degrees; closer lines share one height, with the ratio that the structure gives
_DEGREES_PER_BACKGROUND_TERM = 8.0
_EVEN = 0.02  # of a step; a scan whose angles deviate by less is calculated on its own angles
_FEWEST = 4  # lines; zero, displacement and the change of width with angle need more than two


@dataclass(frozen=True)
class StandardLines:
    """A scan of a standard, with the interface `engine.Fitted`. Its components are groups of lines that share a height.

    Attributes:
        two_theta: angles that are fitted, in degrees, (points,).
        observed: the scan on them.
        groups: the lines.
        grid: on which they are calculated.
        sampling: interpolates from the grid to the scan's angles; None where they are the same.
        packed: the lines for the renderer.
        start: the instrument; its emission lines, radius, slits and monochromator are kept.
    """

    two_theta: Array
    observed: Observed
    groups: tuple[Reflections, ...]
    grid: Grid
    sampling: csr_matrix | None
    packed: PackedPhases
    start: Instrument
    parameters: Parameters = PARAMETERS

    def refined(self, state: State, place: int, *, texture: bool) -> Sequence[str]:
        """Nothing: a line has no parameters but its height."""
        return ()

    def state(self) -> State:
        """All lines, with the usual instrument."""
        count = len(self.groups)
        one = empty(self.parameters)
        return replace(one, phases=tuple(range(count)), own=np.empty((count, 0)), axes=np.zeros((count, 3)))

    def render(self, shared: Array, own: Array, components: NDArray[np.int64], axes: Array) -> Array:
        """Each group of lines at the scan's angles, with a maximum of 1, (rows, points)."""
        rows = np.broadcast_to(shared, (len(components), shared.shape[-1]))
        values = {p.name: np.ascontiguousarray(rows[:, i]) for i, p in enumerate(self.parameters.shared)}
        widths = _caglioti(values["spread"], values["turn"], values["least"])
        conditions = usual_conditions(self.start, np.asarray(components, dtype=np.int64))._replace(
            size=np.full((len(components), 1), COARSE.size),
            lorentzian=np.full((len(components), 1), COARSE.lorentzian),
            resolution=np.column_stack([*widths, values["X"], values["Y"]]),
            axial=values["axial"],
            zero=values["zero"],
            tilt=np.degrees(2 * values["displacement"] / self.start.radius),
        )
        drawn = render_per_gram(self.packed, conditions, self.grid).astype(float)
        drawn /= np.maximum(drawn.max(axis=1, keepdims=True), 1e-300)
        return drawn if self.sampling is None else np.asarray((self.sampling @ drawn.T).T)

    def instrument(self, state: State) -> Instrument:
        """The instrument of a state."""
        u, v, w = (float(c) for c in _caglioti(*(np.array(state.value(n)) for n in ("spread", "turn", "least"))))
        x, y, axial, zero = (state.value(name) for name in ("X", "Y", "axial", "zero"))
        return replace(self.start, U=u, V=v, W=w, X=x, Y=y, axial=axial, zero=zero)


def _caglioti(spread: Array, turn: Array, least: Array) -> tuple[Array, Array, Array]:
    """U, V, W."""
    return spread**2, -2 * spread**2 * turn, spread**2 * turn**2 + least**2


def standard_lines(scan: Scan, standard: Phase, start: Instrument) -> StandardLines:
    """A scan of a standard prepared for the fit.

    Raises:
        ScanError: fewer than four lines of the standard lie in its range.
    """
    (crystal,) = reflections_in_range([standard], start.lines, Grid(0.5, float(min(scan.two_theta[-1], 178)), 0.5))
    wavelength = start.lines[0].wavelength
    angles = formulas.two_theta(d=crystal.d, wavelength=wavelength)
    inside = np.flatnonzero((angles > scan.two_theta[0] + 0.5) & (angles < scan.two_theta[-1] - 0.5))
    if len(inside) < _FEWEST:
        raise ScanError(
            f"{scan.name}: only {len(inside)} lines of {standard.name} lie in its range at {wavelength:g} Å, "
            f"and {_FEWEST} are needed: measure a wider range, or correct the wavelength"
        )
    kept = scan.two_theta > max(0.5, angles[inside[0]] - _MARGIN)
    two_theta, counts = scan.two_theta[kept], scan.counts[kept]
    grid, sampling = _grid(two_theta)
    # Lines further beyond the end show only tails, which look like each other and like background.
    groups = _groups(crystal, np.flatnonzero(angles < two_theta[-1] + _MARGIN), angles)
    return StandardLines(
        two_theta, _observed(two_theta, counts, grid), groups, grid, sampling, pack(groups, start.lines), start
    )


def _observed(two_theta: Array, counts: Array, grid: Grid) -> Observed:
    """Counts with their counting noise, and columns for the background."""
    sigma = np.sqrt(np.maximum(counts, max(1.0, 1e-4 * counts.max())))
    terms = int(np.clip(np.ptp(two_theta) / _DEGREES_PER_BACKGROUND_TERM, 4, 16))
    x = 2 * (two_theta - two_theta[0]) / np.ptp(two_theta) - 1
    background = np.column_stack([np.polynomial.chebyshev.chebvander(x, terms), two_theta[0] / two_theta])
    everywhere = np.ones(two_theta.size, dtype=bool)
    return Observed(grid, counts, np.zeros_like(counts), sigma, sigma, 1.0, background, everywhere)


def _grid(two_theta: Array) -> tuple[Grid, csr_matrix | None]:
    """The scan's own angles as a grid where they are even. Else a finer grid, and how to interpolate from it."""
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
    """The reflections one by one; those that nearly coincide stay together."""
    breaks = np.flatnonzero(np.diff(angles[rows]) > _COMMON_HEIGHT) + 1
    return tuple(crystal.only(np.isin(np.arange(len(crystal)), part)) for part in np.split(rows, breaks))
