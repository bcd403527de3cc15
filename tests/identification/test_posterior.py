"""The posterior: tables that only go one way, shares that add up, and features that a scan can move."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_scans import INSTRUMENT, measured

from bragglens import identify
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.crystal.standards import standard
from bragglens.fit.candidates import candidates
from bragglens.fit.found import Found, Supported
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem
from bragglens.fit.whole_pattern import fit_given
from bragglens.identification.features import LOWEST, cell_support, line_check, margin, share_left
from bragglens.identification.identity import Frequency, chemistry, identity_features
from bragglens.identification.posterior import posterior, posterior_of
from bragglens.identification.reason import reason_of
from bragglens.match.builtin import builtin
from bragglens.match.compounds import compounds

RISING = ("evidence", "lines_there", "margin", "identity", "matcher", "network", "log_sum", "least", "cell")
FALLING = ("residual", "missing_line", "unexplained", "foreign_elements")
TABLES = ("present", "itself", "whole")
numbers = st.floats(-50, 50, allow_nan=False)


def stretched(phase: Phase, by: float) -> Phase:
    a, b, c, *angles = phase.cell
    return replace(phase, cell=((1 + by) * a, (1 + by) * b, (1 + by) * c, *angles))


@pytest.mark.parametrize("table", TABLES)
def test_tables_go_one_way(table: str) -> None:
    for name, term in getattr(posterior(), table).terms.items():
        steps = np.diff(term.log_odds)
        assert (np.diff(term.at) > 0).all()
        assert name not in RISING or (steps >= 0).all()
        assert name not in FALLING or (steps <= 0).all()


@given(st.dictionaries(st.sampled_from([*RISING, *FALLING, "unheard of"]), numbers))
def test_shares_add_up_to_the_log_odds(features: dict[str, float]) -> None:
    for table in (posterior().present, posterior().itself, posterior().whole):
        p = table.probability(features)
        assert 0 < p < 1
        odds = table.constant + sum(one.log_odds for one in table.evidence(features))
        assert math.log(p / (1 - p)) == pytest.approx(odds, abs=1e-6)


@given(st.sampled_from(RISING), numbers, st.floats(0, 10))
def test_more_of_what_speaks_for_a_phase_never_lowers_it(name: str, value: float, more: float) -> None:
    for table in (posterior().present, posterior().itself, posterior().whole):
        assert table.probability({name: value + more}) >= table.probability({name: value})


def test_the_file_is_what_an_answer_names() -> None:
    table = json.loads((files("bragglens") / "data" / "confidence.json").read_text())
    assert posterior_of(table).identity == f"{table['hash']} {table['date']}"


# --- features -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 6), st.floats(0, 0.02), st.floats(1e-5, 1e-3))
def test_a_strained_lattice_speaks_against_a_phase(free: int, strain: float, error: float) -> None:
    covariance = error**2 * np.eye(free)
    met, missed = (cell_support(np.full(free, value), covariance) for value in (strain, strain + 0.002))
    assert missed < met or missed == LOWEST


def test_a_lattice_of_many_lengths_that_is_met_is_no_accident() -> None:
    cubic, triclinic = (cell_support(np.zeros(free), 1e-8 * np.eye(free)) for free in (1, 6))
    assert triclinic == pytest.approx(6 * cubic)
    assert cell_support(np.zeros(1), 1e-2 * np.eye(1)) == pytest.approx(0.0, abs=0.01)  # a scan that cannot tell


def test_a_rival_that_fits_as_well_leaves_no_margin() -> None:
    assert margin([0.0, 50.0]) == 0.0
    assert margin([]) > margin([50.0]) > 0


def test_a_frequent_neighbour_makes_a_phase_less_likely_itself() -> None:
    """NiO at the lattice of a compound of its type; --elements Ni,O leave only NiO itself."""
    nickel_oxide, known, frequency = builtin().library["Bunsenite"], compounds(), Frequency(1.0, 2.0)
    away = stretched(nickel_oxide, 0.003)
    at_home = identity_features(nickel_oxide, nickel_oxide, known, frequency)["identity"]
    near_others = identity_features(nickel_oxide, away, known, frequency)["identity"]
    alone = identity_features(nickel_oxide, away, known, frequency, lambda one: one <= {"Ni", "O"})
    assert near_others < at_home
    assert alone["identity"] > near_others
    assert alone["frequency"] > 0


def test_elements_that_nothing_else_has() -> None:
    assert chemistry({"Ti", "O"}, [], frozenset()) == {}
    assert chemistry({"Ti", "O"}, [{"Si", "O"}], frozenset()) == {"foreign_elements": 1.0}
    assert chemistry({"Ti", "O"}, [{"Si", "O"}], frozenset({"Ti"})) == {"foreign_elements": 0.0}


def test_an_answer_says_why(titania: Library) -> None:
    answer = identify(measured({"anatase": 0.7, "rutile": 0.3}, titania), titania)
    for finding in answer.phases:
        said = {one.name: one.value for one in finding.why}
        assert said["lines_there"] > 0.9
        assert said["missing_line"] < 0.05
        assert said["strain"] < 5e-4
        assert said["cell"] > 0
    assert answer.probability is not None
    assert answer.to_dict()["posterior"] == posterior().identity
    plain = answer.to_dict()["phases"][0]
    assert {one["name"] for one in plain["why"]} >= {"evidence", "identity", "matcher"}


def test_a_line_that_is_not_in_the_scan_is_missing(titania: Library) -> None:
    scan = measured({"brookite": 1.0}, titania)
    observed = observe(scan)
    known = candidates([titania["brookite"]], INSTRUMENT, observed.grid.stop)
    problem = Problem(known, observed)
    problem, solution = fit_given(problem)
    found = Found(solution, (Supported(0, 1e3, solution),))
    whole = line_check(problem, found, 0)
    gap = (observed.grid.two_theta > 30.2) & (observed.grid.two_theta < 31.4)  # 121, the third strongest
    counts = np.where(gap, solution.background, observed.counts)
    less = line_check(replace(problem, observed=replace(observed, counts=counts)), found, 0)
    assert whole.there > 0.95
    assert whole.missing < 0.03
    assert less.there < whole.there - 0.05
    assert less.missing > 0.5
    assert less.count == whole.count > 20


def test_rivals_leave_a_share() -> None:
    assert share_left([], 3.0) == 0.0
    assert share_left([0.0], 3.0) == pytest.approx(math.log(0.5))
    assert share_left([-1e6], 3.0) < -1e5
    assert share_left([10.0], 0.0) == 0.0  # a policy without any weight of what is known before


# --- reasons ------------------------------------------------------------------------------------------------------


def test_an_answer_that_is_not_certain_says_why_and_what_would_settle_it(titania: Library) -> None:
    own = standard("corundum")
    scan = measured({own.name: 1.0}, Library((stretched(own, 0.009),)))
    answer = identify(scan, Library((*titania, own)))
    assert answer.verdict not in ("known", "mixture")
    assert answer.because
    assert answer.settled_by


def test_an_answer_against_which_nothing_speaks_has_a_reason_too(titania: Library) -> None:
    answer = identify(measured({"anatase": 0.7, "rutile": 0.3}, titania), titania)
    well = tuple(replace(one, why=tuple(replace(e, log_odds=0.1) for e in one.why), rivals=()) for one in answer.phases)
    reason = reason_of(replace(answer, verdict="tentative", phases=well, unexplained=0.0), titania)
    assert reason is not None
    assert reason.because
    assert reason.settled_by
