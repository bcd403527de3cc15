"""The model error that a scan shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_scans import GRID, INSTRUMENT

from bragglens.crystal.library import Library
from bragglens.crystal.reflections import Reflections
from bragglens.fit.candidates import candidates
from bragglens.fit.line_scatter import lines_of
from bragglens.fit.model_error import learned_error
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem
from bragglens.fit.whole_pattern import fit_given
from bragglens.policy import DEFAULT
from bragglens.scan.scan import Scan
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen


def scattered(crystal: Reflections, by: float, seed: int = 0) -> Reflections:
    """The same with intensities of a gamma distribution with this relative standard deviation."""
    strength = np.random.default_rng(seed).gamma(1 / by**2, by**2, len(crystal))
    return replace(crystal, geometry=crystal.geometry * np.sqrt(strength)[:, None])


def fitted(library: Library, by: float) -> tuple[float, float]:
    """Model error and scatter of a brookite whose lines scatter."""
    phase = next(one for one in library if one.name == "brookite")
    (crystal,) = reflections_in_range([phase], INSTRUMENT.lines, GRID)
    clean = pattern(scattered(crystal, by), INSTRUMENT, Specimen(size=80.0), GRID)
    counts = np.random.default_rng(1).poisson(3e4 * (clean / clean.max() + 0.03)).astype(float)
    scan = Scan("made up", GRID.two_theta, counts, wavelength=INSTRUMENT.lines[0].wavelength)
    problem = Problem(candidates([phase], INSTRUMENT, GRID.stop), observe(scan))
    problem, solution = fit_given(problem, texture=False)
    return problem.observed.model_error, lines_of(problem.observed, solution, 0).scatter


def test_a_scan_shows_how_far_its_lines_are_off(titania: Library) -> None:
    found = [fitted(titania, by) for by in (0.01, 0.1, 0.4)]
    errors, scatters = zip(*found, strict=True)
    assert errors[0] == pytest.approx(DEFAULT.least_learned_error * DEFAULT.relative_model_error, rel=0.5)
    assert errors[0] < errors[1] < errors[2]
    assert scatters[0] < 0.04
    assert scatters[1] == pytest.approx(0.1, rel=0.5)
    assert scatters[2] == pytest.approx(0.4, rel=0.5)


def test_one_line_that_is_far_off_changes_little(titania: Library) -> None:
    phase = next(one for one in titania if one.name == "brookite")
    (crystal,) = reflections_in_range([phase], INSTRUMENT.lines, GRID)
    strength = np.ones(len(crystal))
    strength[5] = 4.0
    off = replace(crystal, geometry=crystal.geometry * np.sqrt(strength)[:, None])
    errors = []
    for one in (crystal, off):
        clean = pattern(one, INSTRUMENT, Specimen(size=80.0), GRID)
        counts = np.random.default_rng(1).poisson(3e4 * (clean / clean.max() + 0.03)).astype(float)
        scan = Scan("made up", GRID.two_theta, counts, wavelength=INSTRUMENT.lines[0].wavelength)
        problem = Problem(candidates([phase], INSTRUMENT, GRID.stop), observe(scan))
        problem, solution = fit_given(problem, texture=False)
        errors.append(learned_error(problem.observed, solution))
    assert errors[1] < 1.5 * errors[0]
