"""Candidates: what a fit may use, prepared for one tube and range, and how their patterns are calculated."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from bragglens.crystal.phase import Phase
from bragglens.crystal.reflections import Reflections
from bragglens.fit.atlas import Atlas, draw_atlas, stretches
from bragglens.fit.candidate import Candidate
from bragglens.fit.parameters import HARMONICS, PARAMETERS, STRAINS, Parameters, heated, held_near
from bragglens.fit.state import State
from bragglens.fit.structure import Structure
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, Line
from bragglens.simulate.kernel import Conditions, PackedPhases
from bragglens.simulate.orientation import norms, texture_index, with_harmonics
from bragglens.simulate.render import pack, pack_apart, reflections_in_range, render_per_gram, usual_conditions
from bragglens.simulate.specimen import Specimen

Array = NDArray[np.float64]
Places = NDArray[np.int64]

# q of Suortti's correction; p and q are strongly correlated. Of 0.25 to 1 this fits the weighed mixtures of oxides
# best.
_ROUGHNESS_Q = 0.35
_MARGIN = 0.03  # relative strain by which reflections may move into the range
_NARROWEST = 0.02  # degrees; smallest line width of a laboratory diffractometer


@dataclass(frozen=True)
class Candidates:
    """What a fit may use, prepared for one tube and range.

    Attributes:
        structures: those with a crystal structure.
        packed: their reflections for the renderer; those that stacking faults broaden are kept separate.
        atlas: coarse patterns of all candidates, for screening.
        instrument: where the fit starts from.
        calibrated: whether its zero, resolution and axial divergence were measured, and are held near those values.
        others: those without a crystal structure, which come after the structures.
        heat: relative standard deviation of the lattices from the library's through heat (`parameters.heat_spread`).
    """

    structures: tuple[Structure, ...]
    packed: PackedPhases
    atlas: Atlas
    instrument: Instrument
    calibrated: bool = False
    others: tuple[Candidate, ...] = field(default=())
    heat: float = 0.0

    def __len__(self) -> int:
        return len(self.structures) + len(self.others)

    def __getitem__(self, place: int) -> Candidate:
        here = place < len(self.structures)
        return self.structures[place] if here else self.others[place - len(self.structures)]

    def __iter__(self) -> Iterator[Candidate]:
        return iter((*self.structures, *self.others))

    def of(self, state: State) -> tuple[Candidate, ...]:
        """The candidates that are the components of a state."""
        return tuple(self[place] for place in state.phases)

    @property
    def parameters(self) -> Parameters:
        """What a fit may change."""
        usual = held_near(self.instrument, self.breadth) if self.calibrated else PARAMETERS
        return heated(usual, self.heat) if self.heat else usual

    @property
    def oriented(self) -> bool:
        """Whether orientation distributions beyond March-Dollase are fitted."""
        return self.packed.harmonics.shape[1] > 0

    def with_orientations(self, only: Collection[int] | None = None) -> Candidates:
        """The same with orientation distributions by harmonics, of all structures or of those at some places."""
        phases = tuple(one.phase for one in self.structures)
        packed = with_harmonics(self.packed, phases, range(len(phases)) if only is None else only)
        return replace(self, packed=packed)

    @cached_property
    def breadth(self) -> float:
        """√W of the instrument in degrees, at least the smallest width of a laboratory line."""
        return float(max(np.sqrt(self.instrument.W), _NARROWEST))

    def widths(self, width: float) -> tuple[float, float, float, float, float]:
        """U, V, W, X, Y of an instrument whose width curve keeps its shape and has √W of `width` degrees."""
        one, ratio = self.instrument, width / self.breadth
        return one.U * ratio**2, one.V * ratio**2, width**2, one.X * ratio, one.Y * ratio


def candidates(
    phases: Sequence[Phase], instrument: Instrument, end: float, others: Sequence[Candidate] = (), heat: float = 0.0
) -> Candidates:
    """Phases, and candidates without a structure, prepared for scans up to 2θ of `end` degrees."""
    crystals = tuple(_crystal(phase, instrument.lines, end, _MARGIN + 2 * heat) for phase in phases)
    apart = pack_apart(crystals, instrument.lines)
    atlas = draw_atlas(crystals, pack(crystals, instrument.lines), tuple(others), instrument, end, stretches(heat))
    structures = tuple(
        Structure(one, bool(blurred >= 0)) for one, blurred in zip(crystals, apart.blurred, strict=False)
    )
    return Candidates(structures, apart, atlas, instrument, others=tuple(others), heat=heat)


@lru_cache(maxsize=512)
def _crystal(phase: Phase, lines: tuple[Line, ...], end: float, margin: float) -> Reflections:
    """Reflections of a phase, cached because the shortlists of successive scans share many phases."""
    return reflections_in_range([phase], lines, Grid(end / 2, end, end / 200), margin=margin)[0]


def render_states(known: Candidates, grid: Grid, shared: Array, own: Array, phases: Places, axes: Array) -> Array:
    """Pattern without noise of one unit of a candidate for each row of values, (rows, points)."""
    structural = phases < len(known.structures)
    if structural.all():
        return _render_structures(known, grid, shared, own, phases, axes)
    out = np.empty((len(phases), grid.size))
    shared = np.broadcast_to(shared, (len(phases), shared.shape[-1]))
    some = np.flatnonzero(structural)
    if len(some):
        out[some] = _render_structures(known, grid, shared[some], own[some], phases[some], axes[some])
    for row in np.flatnonzero(~structural):
        state = State(known.parameters, (int(phases[row]),), shared[row], own[row : row + 1], axes[row : row + 1])
        instrument, (specimen,) = instrument_and_specimens(known, state)
        out[row] = known[int(phases[row])].pattern(instrument, specimen, grid)
    return out


def _render_structures(known: Candidates, grid: Grid, shared: Array, own: Array, phases: Places, axes: Array) -> Array:
    """The same for structures only: one call of the compiled renderer for all rows."""
    p = known.parameters
    shared = np.broadcast_to(shared, (len(phases), len(p.shared))).copy()  # the kernel takes no read-only views

    def of(name: str) -> Array:
        return np.ascontiguousarray(own[:, p.place(name)])

    def of_scan(name: str) -> Array:
        return np.ascontiguousarray(shared[:, p.place(name)])

    roughness = of_scan("roughness")
    conditions = usual_conditions(known.instrument, np.asarray(phases, dtype=np.int64))._replace(
        strain=np.ascontiguousarray(own[:, None, p.places(STRAINS)]),
        size=np.exp(of("log_size"))[:, None],
        microstrain=np.exp(of("log_microstrain"))[:, None],
        lorentzian=of_scan("lorentzian")[:, None],
        axis=np.ascontiguousarray(axes[:, None, :]),
        march=np.exp(of("log_march"))[:, None],
        resolution=np.array([known.widths(width) for width in np.exp(of_scan("log_width"))]).reshape(-1, 5),
        roughness=np.column_stack([roughness, np.full(len(phases), _ROUGHNESS_Q)]),
        axial=of_scan("axial"),
        zero=of_scan("zero"),
        tilt=np.degrees(2 * of_scan("displacement") / known.instrument.radius),
    )
    if known.oriented:
        conditions = _oriented(known, conditions, np.ascontiguousarray(own[:, p.places(HARMONICS)]))
    patterns = render_per_gram(known.packed, conditions, grid)
    fine = of("fine_share")
    if len(two := np.flatnonzero(fine)):
        some = Conditions._make(column[two] for column in conditions)._replace(size=np.exp(of("log_fine")[two, None]))
        patterns[two] += fine[two, None] * (render_per_gram(known.packed, some, grid) - patterns[two])
    faulted = np.flatnonzero(known.packed.blurred[phases] >= 0)
    if len(faulted):
        some = Conditions._make(column[faulted] for column in conditions)._replace(
            phase=known.packed.blurred[phases[faulted], None],
            size=1 / (np.exp(-of("log_size")[faulted, None]) + of("faults")[faulted, None]),
        )
        patterns[faulted] += render_per_gram(known.packed, some, grid)
    s2 = (np.sin(np.radians(grid.two_theta / 2)) / known.instrument.lines[0].wavelength) ** 2
    values, which = np.unique(of("extra_b"), return_inverse=True)  # most rows have the same value
    return np.asarray(patterns * np.exp(-2 * values[:, None] * s2)[which], dtype=np.float64)


def _oriented(known: Candidates, conditions: Conditions, coefficients: Array) -> Conditions:
    """Conditions with orientation distributions; a gram stays a gram."""
    weight = np.ones((len(coefficients), 1))
    whose = np.column_stack([conditions.phase[:, 0], conditions.axis[:, 0]])
    for place, *axis in np.unique(whose[coefficients.any(axis=1)], axis=0).astype(int):
        rows = np.flatnonzero((whose == [place, *axis]).all(axis=1))
        phase = known.structures[place].phase
        weight[rows, 0] /= norms(phase, indices(np.array(axis)), conditions.march[rows, 0], coefficients[rows])
    return conditions._replace(weight=weight, harmonics=coefficients[:, None, :])


def indices(axis: Array) -> tuple[int, int, int]:
    """Indices hkl of a texture axis."""
    return int(axis[0]), int(axis[1]), int(axis[2])


def instrument_and_specimens(known: Candidates, state: State) -> tuple[Instrument, tuple[Specimen, ...]]:
    """The instrument of a state, and the specimen of each component."""
    u, v, w, x, y = (float(value) for value in known.widths(float(np.exp(state.value("log_width")))))
    zero, axial = state.value("zero"), state.value("axial")
    instrument = replace(known.instrument, zero=zero, axial=axial, U=u, V=v, W=w, X=x, Y=y)
    size, microstrain, march = (np.exp(state.each(name)) for name in ("log_size", "log_microstrain", "log_march"))
    fine, fine_size = state.each("fine_share"), np.exp(state.each("log_fine"))
    faults, coefficients = state.each("faults"), state.own[:, state.parameters.places(HARMONICS)]
    specimens = [
        Specimen(
            size=float(size[i]),
            microstrain=float(microstrain[i]),
            lorentzian=state.value("lorentzian"),
            strain=tuple(state.strains[i, : len(known[phase].strain_basis)].tolist()),
            texture_axis=indices(axis),
            march=float(march[i]),
            fine_share=float(fine[i]),
            fine_size=float(fine_size[i]),
            harmonics=tuple(coefficients[i].tolist()) if coefficients[i].any() else (),
            displacement=state.value("displacement"),
            roughness=(state.value("roughness"), _ROUGHNESS_Q),
            faults=float(faults[i]),
        )
        for i, (phase, axis) in enumerate(zip(state.phases, state.axes, strict=True))
    ]
    return instrument, tuple(specimens)


def texture_indices(known: Candidates, state: State) -> Array:
    """The texture index of each component, 1 for those without texture, (k,)."""
    _, specimens = instrument_and_specimens(known, state)
    return np.array(
        [
            1.0 if one.phase is None else texture_index(one.phase, specimen)
            for one, specimen in zip(known.of(state), specimens, strict=True)
        ]
    )


def largest_strains(known: Candidates, state: State) -> Array:
    """The largest relative change of a length in each phase's lattice, the same in every cell setting, (k,)."""
    out = []
    for phase, strains in zip(state.phases, state.strains, strict=True):
        basis = known[phase].strain_basis
        tensor = np.tensordot(strains[: len(basis)], basis, axes=1)
        out.append(np.abs(np.linalg.eigvalsh(tensor)).max() if len(basis) else 0.0)
    return np.array(out)
