"""Additions: what a further phase would explain of the rest of a scan."""

from __future__ import annotations

import pytest
from made_scans import INSTRUMENT, measured

from bragglens.crystal.library import Library
from bragglens.fit.additions import additions
from bragglens.fit.candidates import candidates
from bragglens.fit.engine import refine, solve
from bragglens.fit.found import no_prior
from bragglens.fit.observed import observe
from bragglens.fit.problem import Problem


def test_the_phase_that_is_left_out_explains_the_rest(titania: Library) -> None:
    names = [phase.name for phase in titania]
    observed = observe(measured({"anatase": 0.6, "rutile": 0.4}, titania))
    problem = Problem(candidates(titania.phases, INSTRUMENT, 85.0), observed)
    pool = range(len(names))
    alone = refine(problem, solve(problem, problem.empty().with_phase(names.index("anatase"))), rounds=20)
    first, *others = additions(problem, alone, pool, no_prior(len(names)))
    assert names[first.phase] == "rutile"
    assert first.share > 0.9
    assert all(0 < one.share < 0.7 and one.evidence < first.evidence / 2 for one in others)
    both = alone.state.with_phase(names.index("rutile"))
    whole = refine(problem, solve(problem, both), rounds=20)
    assert sum(one.share for one in additions(problem, whole, pool, no_prior(len(names)))) == pytest.approx(0, abs=0.2)
    assert additions(problem, whole, whole.state.phases, no_prior(len(names))) == ()
