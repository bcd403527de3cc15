"""Absorption compared with tables, and its effect on fractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase, Site
from bragglens.crystal.standards import standard
from bragglens.fit.candidates import candidates
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem
from bragglens.fit.quantify import quantify, unnamed_share
from bragglens.fit.structure import linear_absorption
from bragglens.fit.whole_pattern import fit_given
from bragglens.identification.identify import identify
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

CU = 1.5405929


def rock_salt(metal: str, edge: float) -> Phase:
    """A metal in a cubic cell with oxygen, one formula unit; only the absorption matters here."""
    sites = (Site(metal, metal, (0.0, 0.0, 0.0), 1.0, 0.006), Site("O", "O", (0.5, 0.5, 0.5), 1.0, 0.006))
    return Phase(f"{metal}O", f"{metal}O", "P m -3 m", (edge,) * 3 + (90.0,) * 3, ("x,y,z",), sites, 75.0)


@pytest.mark.parametrize(
    ("element", "mass_absorption", "weight"),
    [("Al", 50.23, 26.982), ("Ti", 202.4, 47.867), ("Fe", 304.4, 55.845), ("Ni", 48.83, 58.693)],
)
def test_absorption_agrees_with_tables(element: str, mass_absorption: float, weight: float) -> None:
    """μ/ρ for Cu Kα in cm²/g (Cullity & Stock, Elements of X-Ray Diffraction, 3rd ed. 2001, appendix 8)."""
    site = Site(element, element, (0.0, 0.0, 0.0), 1.0, 0.006)
    phase = Phase(element, element, "P 1", (3.0,) * 3 + (90.0,) * 3, ("x,y,z",), (site,), weight)
    assert linear_absorption(phase, CU) / phase.density == pytest.approx(mass_absorption, rel=0.08)


def test_microabsorption_correction(titania: Library) -> None:
    """Equal weights of a strong and a weak absorber as fine grains: taken for coarse grains, the strong one gains."""
    grid = Grid(20.0, 80.0, 0.02)
    instrument = Instrument(emission("CuKa"), W=0.005)
    phases = [rock_salt("Fe", 4.3), rock_salt("Mg", 4.0)]
    crystals = reflections_in_range(phases, instrument.lines, grid)
    clean = sum(pattern(c, instrument, Specimen(size=50.0), grid) for c in crystals)
    counts = np.random.default_rng(0).poisson(2e4 * (clean / clean.max() + 0.05)).astype(float)
    observed = observe(Scan("made up", grid.two_theta, counts))
    problem = Problem(candidates(phases, Instrument(emission("CuKa")), grid.stop), observed)
    problem, solution = fit_given(problem)
    iron = solution.state.phases.index(0)
    fine, usual, coarse = (quantify(problem, solution, particle_size=s) for s in (0.0, None, 10.0))
    assert fine.weight_percent[iron] == pytest.approx(50, abs=1.5)
    assert fine.weight_percent[iron] < usual.weight_percent[iron] < coarse.weight_percent[iron]
    assert usual.error[iron] > fine.error[iron]
    assert coarse.weight_percent.sum() == pytest.approx(100)


@pytest.mark.parametrize("anatase", [0.4, 0.7])
def test_errors_include_unexplained_intensity(titania: Library, anatase: float) -> None:
    """Anatase with LaB6, which is outside the library: 100% of the named phases, with an error that includes LaB6."""
    grid, instrument = Grid(20.0, 80.0, 0.03), Instrument(emission("CuKa"), W=0.005)
    phases = [next(phase for phase in titania if phase.name == "anatase"), standard("LaB6")]
    crystals = reflections_in_range(phases, instrument.lines, grid)
    first, second = (pattern(crystal, instrument, Specimen(size=50.0), grid) for crystal in crystals)
    clean = anatase * first + (1 - anatase) * second
    counts = np.random.default_rng(0).poisson(5e3 * (clean / clean.max() + 0.02)).astype(float)
    answer = identify(Scan("made up", grid.two_theta, counts), titania, wavelength=CU)
    (found,) = answer.phases
    assert answer.fraction_of == answer.to_dict()["fraction_of"] == "named phases"
    assert found.name == "anatase"
    assert found.weight_percent == pytest.approx(100)
    assert found.weight_percent_error is not None
    assert 100 * (1 - anatase) < found.weight_percent_error <= 100


shares = st.floats(0, 1)


@given(*[st.integers(0, 10**6).map(lambda millionths: millionths / 10**6)] * 2)  # their steps are beyond rounding
@example(0.9999999999999999, 1.0)  # 1.0000000000000002 once
def test_unnamed_share_increases_with_unexplained_intensity(one: float, other: float) -> None:
    assert unnamed_share(0.0) == 0
    assert unnamed_share(1.0) == 1
    assert unnamed_share(one) >= one
    if one <= other:
        assert unnamed_share(one) <= unnamed_share(other)


def test_a_standard_gives_fractions_of_the_whole_sample(titania: Library) -> None:
    grid, instrument = Grid(20.0, 80.0, 0.03), Instrument(emission("CuKa"), W=0.005)
    both = [phase for phase in titania if phase.name in ("anatase", "rutile")]
    crystals = reflections_in_range(both, instrument.lines, grid)
    clean = sum(pattern(crystal, instrument, Specimen(size=50.0), grid) for crystal in crystals)
    counts = np.random.default_rng(0).poisson(5e3 * (clean / clean.max() + 0.02)).astype(float)
    scan = Scan("made up", grid.two_theta, counts)
    assert identify(scan, titania, wavelength=CU, standard=("rutile", 25.0)).fraction_of == "whole sample"
