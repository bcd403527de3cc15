"""Patterns of phases under given conditions: pack objects into arrays, and call the compiled kernel."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.faults import broadened_by_faults
from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections, reflections
from bragglens.crystal.scattering import dispersion, form_factor_coefficients
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, Line
from bragglens.simulate.kernel import Conditions, PackedPhases, render_batch
from bragglens.simulate.specimen import Specimen

STRAIN_MARGIN = 0.06  # relative; lines that a lattice expansion up to this brings into range are included


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rendered:
    """A batch of patterns.

    Attributes:
        intensity: counts, or a clean pattern with a strongest point of 1, shape (batch, points).
        signal: height of each slot's strongest line over the counting noise at this point, shape (batch, slots).
    """

    intensity: NDArray[np.float32]
    signal: NDArray[np.float64]


def reflections_in_range(
    phases: Sequence[Phase], lines: tuple[Line, ...], grid: Grid, *, margin: float = STRAIN_MARGIN
) -> list[Reflections]:
    """Reflections of each phase that can reach the grid, also with shifts and with lattices larger by `margin`."""
    shortest = min(line.wavelength for line in lines)
    theta = min(math.radians(grid.stop + 1.0) / 2, math.pi / 2)
    d_min = shortest / (2 * math.sin(theta)) * (1 - margin)
    return [reflections(phase, d_min) for phase in phases]


def pack(crystals: Sequence[Reflections], lines: tuple[Line, ...]) -> PackedPhases:
    """Reflections as flat arrays for the kernel."""
    elements = [e for crystal in crystals for e in crystal.elements]
    anomalous = dispersion(tuple(elements), lines[0].wavelength)
    strains = np.zeros((len(crystals), 6, 3, 3))
    for i, crystal in enumerate(crystals):
        strains[i, : len(crystal.strain_basis)] = crystal.strain_basis
    equivalents_each = np.concatenate([np.diff(c.first_equivalent) for c in crystals])
    geometry = np.concatenate([c.geometry.ravel() for c in crystals])
    return PackedPhases(
        first_reflection=_offsets(len(c) for c in crystals),
        first_equivalent=_offsets(equivalents_each),
        first_element=_offsets(len(c.elements) for c in crystals),
        first_geometry=_offsets(c.geometry.size for c in crystals)[:-1],
        hkl=np.concatenate([c.hkl for c in crystals]).astype(float),
        multiplicity=np.concatenate([c.multiplicity for c in crystals]).astype(float),
        equivalents=np.concatenate([c.equivalents for c in crystals]).astype(float),
        geometry=np.stack([geometry.real, geometry.imag], axis=1),
        form_factors=form_factor_coefficients(tuple(elements)),
        dispersion=np.stack([anomalous.real, anomalous.imag], axis=1),
        axes=np.array([c.axes for c in crystals]),
        strains=strains,
        cell_mass=np.array([c.phase.cell_mass for c in crystals]),
        blurred=np.full(len(crystals), -1, dtype=np.int64),
        wavelengths=np.array([line.wavelength for line in lines]),
        harmonics=np.empty((sum(len(c) for c in crystals), 0)),
    )


def pack_apart(crystals: Sequence[Reflections], lines: tuple[Line, ...]) -> PackedPhases:
    """Pack the lines that stacking faults broaden separately: the sharp lines of each phase first, then all others.

    If `blurred` gives an index for a phase, the phase is complete only with the same weight of the entry at that index.
    """
    masks = [broadened_by_faults(crystal) for crystal in crystals]
    sharp = [c if mask is None else c.only(~mask) for c, mask in zip(crystals, masks, strict=True)]
    blurred = [c.only(mask) for c, mask in zip(crystals, masks, strict=True) if mask is not None]
    has = np.array([mask is not None for mask in masks])
    places = np.where(has, len(crystals) + np.cumsum(has) - 1, -1)
    packed = pack([*sharp, *blurred], lines)
    return packed._replace(blurred=np.concatenate([places, packed.blurred[len(crystals) :]]))


def _offsets(lengths: Iterable[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths]).astype(np.int64)


def _run(
    packed: PackedPhases,
    conditions: Conditions,
    grid: Grid,
    out: NDArray[np.float32],
    signal: NDArray[np.float64],
    *,
    seed: int = 0,
    crystals_only: bool = False,
) -> None:
    """Call the kernel. Log a message if it has to be compiled first."""
    axis = float(grid.start), float(grid.step)
    with _log_compilation():
        render_batch(packed, conditions, *axis, np.uint64(seed), crystals_only, out, signal)


@contextmanager
def _log_compilation() -> Iterator[None]:
    """Log a message if the first call of the kernel finds no compiled version in the cache."""
    if render_batch.overloads:
        yield
        return
    timer = threading.Timer(1.0, _LOG.warning, ["compiling the simulator for this machine, once: 10 to 30 s"])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def render(packed: PackedPhases, conditions: Conditions, grid: Grid, *, seed: int = 0, threads: int = 1) -> Rendered:
    """Render a batch. Sample i of a seed is the same in any batch and on any number of threads."""
    batch, slots = conditions.phase.shape
    out = np.empty((batch, grid.size), dtype=np.float32)
    signal = np.empty((batch, slots))

    def piece(rows: slice) -> None:
        part = Conditions._make(column[rows] for column in conditions)
        _run(packed, part, grid, out[rows], signal[rows], seed=seed)

    edges = np.linspace(0, batch, threads + 1).astype(int).tolist()
    pieces = [slice(first, last) for first, last in pairwise(edges)]
    if threads == 1:
        piece(pieces[0])
    else:
        with ThreadPoolExecutor(threads) as pool:  # the kernel releases the interpreter lock
            list(pool.map(piece, pieces))
    return Rendered(out, signal)


def render_per_gram(packed: PackedPhases, conditions: Conditions, grid: Grid) -> NDArray[np.float32]:
    """Clean patterns in the unit of `reference.pattern`: intensity per degree of the given weights, (batch, points)."""
    out = np.empty((len(conditions.phase), grid.size), dtype=np.float32)
    _run(packed, conditions, grid, out, np.empty(conditions.phase.shape), crystals_only=True)
    return out


def render_phases(
    crystals: Sequence[Reflections], instrument: Instrument, specimens: Sequence[Specimen], grid: Grid
) -> NDArray[np.float32]:
    """One clean pattern of each phase alone, scaled to a strongest point of 1, shape (phases, points)."""
    conditions = fixed_conditions(instrument, specimens, range(len(crystals)))
    return render(pack(crystals, instrument.lines), conditions, grid).intensity


def fixed_conditions(instrument: Instrument, specimens: Sequence[Specimen], phases: Sequence[int]) -> Conditions:
    """Conditions of samples of one phase each, all in one instrument, without background and noise."""
    strain = np.zeros((len(specimens), 1, 6))
    for i, specimen in enumerate(specimens):
        strain[i, 0, : len(specimen.strain)] = specimen.strain

    def column(name: str) -> NDArray[np.float64]:
        return np.array([[getattr(specimen, name)] for specimen in specimens], dtype=float)

    return usual_conditions(instrument, np.array(phases, dtype=np.int64))._replace(
        strain=strain,
        size=column("size"),
        microstrain=column("microstrain"),
        lorentzian=column("lorentzian"),
        axis=np.array([[s.texture_axis] for s in specimens], dtype=float),
        march=column("march"),
        roughness=np.array([s.roughness for s in specimens], dtype=float),
        tilt=np.degrees(2 * column("displacement")[:, 0] / instrument.radius),
        transparency=column("transparency")[:, 0],
    )


def usual_conditions(instrument: Instrument, phases: NDArray[np.int64]) -> Conditions:
    """The same for ideal specimens, the defaults of `Specimen`."""
    n, usual = len(phases), Specimen()
    resolution = [instrument.U, instrument.V, instrument.W, instrument.X, instrument.Y]
    return Conditions(
        sample=np.arange(n, dtype=np.uint64),
        phase=phases[:, None],
        weight=np.ones((n, 1)),
        strain=np.zeros((n, 1, 6)),
        size=np.full((n, 1), usual.size),
        microstrain=np.full((n, 1), usual.microstrain),
        lorentzian=np.full((n, 1), usual.lorentzian),
        axis=np.tile(np.array(usual.texture_axis, dtype=float), (n, 1, 1)),
        march=np.full((n, 1), usual.march),
        harmonics=np.empty((n, 1, 0)),
        line_weights=np.tile([line.weight for line in instrument.lines], (n, 1)),
        resolution=np.tile(resolution, (n, 1)).astype(float),
        polarisation=np.full(n, instrument.polarisation),
        slit=np.tile([instrument.spill, float(instrument.automatic_slit)], (n, 1)),
        roughness=np.tile(np.array(usual.roughness, dtype=float), (n, 1)),
        axial=np.full(n, float(instrument.axial)),
        zero=np.full(n, float(instrument.zero)),
        tilt=np.zeros(n),
        transparency=np.zeros(n),
        background=np.zeros((n, 5)),
        air=np.zeros(n),
        humps=np.zeros((n, 2, 3)),
        counts=np.zeros(n),
        span=np.tile([0.0, 180.0], (n, 1)),
        smoothing=np.zeros(n, dtype=np.int64),
        spikes=np.zeros(n, dtype=np.int64),
    )
