"""The contract of every kind of candidate, and a kind defined here to show that one file is enough."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_scans import GRID, INSTRUMENT, measured

from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.fit.candidate import Axis, Candidate
from bragglens.fit.candidates import candidates
from bragglens.fit.engine import solve
from bragglens.fit.found import no_prior
from bragglens.fit.observed import observe
from bragglens.fit.parameters import OWN, STRAINS
from bragglens.fit.problem import Problem
from bragglens.fit.search import search
from bragglens.fit.state import State
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.specimen import Specimen


@dataclass(frozen=True)
class Bands:
    """A phase without a structure: broad bands at these 2θ, like hk bands of a clay; its scale is not in grams."""

    name: str
    centres: tuple[float, ...]
    refined: tuple[str, ...] = ("log_size",)
    texture_axes: tuple[Axis, ...] = ()
    in_grams: bool = False

    @property
    def strain_basis(self) -> np.ndarray:
        """None: there is no cell to refine."""
        return np.empty((0, 3, 3))

    def pattern(self, instrument: Instrument, specimen: Specimen, grid: Grid) -> np.ndarray:
        """Gaussians with a width proportional to the inverse of the size."""
        shift = instrument.zero - np.degrees(2 * specimen.displacement / instrument.radius)
        angle, width = grid.two_theta[:, None] - np.array(self.centres) - shift, 60.0 / specimen.size
        return np.exp(-((angle / width) ** 2)).sum(axis=1)


BANDS = Bands("bands", (19.8, 35.0, 61.5))


@pytest.fixture(scope="module")
def problem(titania: Library) -> Problem:
    """Titania, a layered structure with stacking faults, and bands, with a scan of anatase and the bands."""
    scan = measured({"anatase": 1.0}, titania)
    broad = BANDS.pattern(INSTRUMENT, Specimen(size=40.0), Grid(scan.two_theta[0], scan.two_theta[-1], GRID.step))
    both = replace(scan, counts=scan.counts + 0.3 * scan.counts.max() * broad)
    phases = (*titania, standard("corundum"))
    return Problem(candidates(phases, INSTRUMENT, both.two_theta[-1], [BANDS]), observe(both))


def every(problem: Problem) -> list[Candidate]:
    return [problem.known[i] for i in range(len(problem.known))]


def test_contract(problem: Problem) -> None:
    names = {one.name for one in OWN}
    for one in every(problem):
        assert set(one.refined) <= names - {"log_march"}
        assert sum(name in STRAINS for name in one.refined) == len(one.strain_basis)
        drawn = one.pattern(INSTRUMENT, Specimen(size=50.0), problem.observed.grid)
        assert drawn.shape == problem.observed.counts.shape
        assert np.isfinite(drawn).all()
        assert drawn.min() >= 0
        assert drawn.max() > 0
    assert len({one.name for one in every(problem)}) == len(problem.known)


@given(size=st.floats(5, 300), zero=st.floats(-0.2, 0.2), displacement=st.floats(-0.3, 0.3), place=st.integers(0, 6))
def test_many_at_once_equal_single_ones(
    problem: Problem, size: float, zero: float, displacement: float, place: int
) -> None:
    one = problem.known[place]
    state = problem.empty().with_phase(place).of_scan(zero=zero, displacement=displacement, roughness=0.0)
    state = state.of(0, log_size=float(np.log(size)))
    together = problem.render(state.shared, state.own, np.array([place]), state.axes)[0]
    u, v, w, x, y = problem.known.widths(float(np.exp(state.value("log_width"))))
    instrument = replace(INSTRUMENT, zero=zero, axial=state.value("axial"), U=u, V=v, W=w, X=x, Y=y)
    specimen = Specimen(size, float(np.exp(state.each("log_microstrain")[0])), displacement=displacement)
    alone = one.pattern(instrument, specimen, problem.observed.grid)
    np.testing.assert_allclose(together, alone, atol=1e-5 * alone.max())


def test_a_phase_without_a_structure_is_found_together_with_a_structure(problem: Problem) -> None:
    found = search(problem, range(len(problem.known)), no_prior(len(problem.known)))
    assert {problem.known[one.phase].name for one in found.phases} == {"anatase", "bands"}
    place = found.solution.state.phases.index(len(problem.known) - 1)
    assert float(np.exp(found.solution.state.each("log_size")[place])) == pytest.approx(40.0, rel=0.1)


def test_values_are_addressed_by_name(problem: Problem) -> None:
    state = (
        problem.empty().with_phase(2).with_phase(0).of_scan(zero=0.1).of(1, log_size=2.0, axis=np.array([1.0, 0, 0]))
    )
    assert state.value("zero") == 0.1
    assert state.each("log_size")[1] == 2.0
    ordered: State = state.in_order()
    assert ordered.phases == (0, 2)
    assert ordered.each("log_size")[0] == 2.0
    assert ordered.only(1).phases == (2,)
    assert ordered.without(0, 1).phases == ()
    with pytest.raises(KeyError):
        state.value("nothing")


def test_a_wavelength_that_is_not_of_a_tube(titania: Library) -> None:
    """Only the first line determines positions: a synchrotron has no second one."""
    instrument = Instrument(emission("1.0"))
    known = candidates(titania.phases, instrument, 60.0)
    scan = Scan("flat", np.arange(10, 60, 0.02), np.linspace(99.9, 100.1, 2500))
    empty = Problem(known, observe(scan))
    assert solve(empty, empty.empty()).background == pytest.approx(100.0, rel=1e-3)
