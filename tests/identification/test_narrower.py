"""Fewer candidates give no worse a fit, as long as the phases present are among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_scans import GRID, INSTRUMENT, measured
from threadpoolctl import threadpool_limits

from bragglens.crystal.library import Library, read_library
from bragglens.crystal.phase import Phase
from bragglens.crystal.standards import standard
from bragglens.fit.candidates import candidates
from bragglens.fit.engine import misfit_unit, solve
from bragglens.fit.found import Found, no_prior
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem
from bragglens.fit.search import search
from bragglens.identification.allowed import allowed_phases
from bragglens.identification.evaluate import read_manifest
from bragglens.policy import DEFAULT
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.from_scan import instrument_of
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

# One mineral each, of all crystal systems; textured, broadened, strained and impure ones among them.
RRUFF = ("R040012", "R050072", "R060939", "R070578", "R070616")
SCANS = (*RRUFF, "ILMENITE", "CALCITE", "DOLOMITE", "ARAGONITE", "GYPSUM", "HEMATITE", "ZINCITE")


def price(problem: Problem, found: Found) -> float:
    """The quantity that the search minimises, with the errors of a problem, in its own unit."""
    return solve(problem, found.solution.state).cost + DEFAULT.least_evidence * len(found.phases)


def assert_narrow_is_no_worse(scan: Scan, phases: tuple[Phase, ...]) -> None:
    """Searches among all phases, and among those with the elements of the first result."""
    observed = observe(scan)
    problem = Problem(candidates(phases, instrument_of(scan), observed.grid.stop), observed)
    learned, wide = search(problem, range(len(phases)), no_prior(len(phases)))
    named = [phases[one.phase] for one in wide.phases]
    elements = ",".join(sorted({site.element for phase in named for site in phase.sites}))
    allowed = set(allowed_phases(phases, elements))
    pool = [i for i, phase in enumerate(phases) if phase.name in allowed]
    assert len(pool) < len(phases)
    _, narrow = search(problem, pool, no_prior(len(phases)))
    learned = learned.with_orientations()
    allowance = misfit_unit(learned.observed, wide.solution)
    assert price(learned, narrow) <= price(learned, wide) + allowance, scan.name


@pytest.fixture(autouse=True)
def by_one_thread() -> Iterator[None]:
    """As in `verify`: two threads round sums in another order, and of two minima either may be found."""
    with threadpool_limits(1):
        yield


def test_fewer_candidates_fit_no_worse(titania: Library) -> None:
    scan = measured({"anatase": 0.5, "rutile": 0.3, "LaB6": 0.2}, titania)
    assert_narrow_is_no_worse(scan, (*titania, standard("Si"), standard("corundum")))


def test_fewer_candidates_fit_measured_scans_no_worse(shared: Path) -> None:
    phases = read_library(shared / "phases" / "minerals").phases
    tried = 0
    for label in read_manifest(shared / "dev.csv", sets=["single_rruff", "single_rockjock"]):
        if not label.file.stem.endswith(SCANS):
            continue
        scan = replace(read_scan(label.file), wavelength=label.wavelength)
        some = tuple(phase for i, phase in enumerate(phases) if i % 4 == 0 or phase.name in label.phases)
        assert_narrow_is_no_worse(scan, some)
        tried += 1
    assert tried == len(SCANS)


def test_a_phase_with_strong_preferred_orientation_is_not_dropped(titania: Library) -> None:
    """Plates that lie flat: without texture the fit sees so little of the phase that it would not be added."""
    rutile = next(phase for phase in titania if phase.name == "rutile")
    crystal = reflections_in_range([rutile], INSTRUMENT.lines, GRID)[0]
    flat = pattern(crystal, INSTRUMENT, Specimen(size=60.0, texture_axis=(0, 0, 1), march=0.2), GRID)
    counts = np.random.default_rng(5).poisson(300 * (flat / flat.max() + 0.02)).astype(float)
    scan = Scan("plates", GRID.two_theta, counts, wavelength=INSTRUMENT.lines[0].wavelength)
    observed = observe(scan)
    problem = Problem(candidates((rutile,), instrument_of(scan), observed.grid.stop), observed)
    _, found = search(problem, [0], no_prior(1))
    assert [one.phase for one in found.phases] == [0]
