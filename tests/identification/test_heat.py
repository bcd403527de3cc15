"""The temperature of a specimen: lattices may deviate by thermal expansion, and only then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_scans import measured

from bragglens import Scan, identify
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.errors import BragglensError
from bragglens.fit.parameters import PARAMETERS, STRAINS, heat_spread, heated
from bragglens.identification.features import cell_support
from bragglens.match.builtin import builtin

HOT = 650.0  # °C
GROWN = {"Halite": 0.031, "Corundum": 0.005}  # relative; about what they expand by


@pytest.fixture(scope="module")
def salts() -> Library:
    return Library(tuple(builtin().library[name] for name in ("Halite", "Sylvite", "Corundum", "Periclase", "Rutile")))


@pytest.fixture(scope="module")
def hot(salts: Library) -> Scan:
    """Halite and corundum with the lattices of 650 °C."""

    def grown(phase: Phase) -> Phase:
        a, b, c, *angles = phase.cell
        by = 1 + GROWN.get(phase.name, 0.0)
        return replace(phase, cell=(a * by, b * by, c * by, *angles))

    return measured({"Halite": 0.4, "Corundum": 0.6}, Library(tuple(map(grown, salts))))


def test_a_phase_that_heat_has_expanded_is_named_where_the_temperature_is_told(salts: Library, hot: Scan) -> None:
    told, not_told = (identify(hot, salts, temperature=one) for one in (HOT, None))
    assert {one.name for one in told.phases} == {"Halite", "Corundum"}
    assert told["Halite"].cell is not None
    assert told["Halite"].cell.numbers[0] == pytest.approx(1.031 * salts["Halite"].cell[0], rel=1e-3)
    assert told.unexplained is not None
    assert told.unexplained < 0.05
    assert "Halite" not in {one.name for one in not_told.phases}
    assert not_told.verdict not in ("known", "mixture")
    assert told.to_dict()["options"]["temperature"] == HOT


def test_room_temperature_changes_nothing(titania: Library) -> None:
    scan = measured({"anatase": 0.6, "rutile": 0.4}, titania)
    one, other = (identify(scan, titania, temperature=value) for value in (25, None))
    assert one.phases == other.phases
    assert one.verdict == other.verdict


@given(st.floats(-273, 2000))
def test_heat_widens_lattices_and_displacements_alone(temperature: float) -> None:
    spread = heat_spread(temperature)
    assert spread >= 0
    assert heated(PARAMETERS, 0.0) == PARAMETERS
    for usual, warm in zip(PARAMETERS.own, heated(PARAMETERS, spread).own, strict=True):
        assert warm.usual >= usual.usual
        assert warm.low <= usual.low < usual.high <= warm.high
        assert warm == usual or warm.name in (*STRAINS, "extra_b")


@given(st.floats(0.002, 0.03), st.floats(1e-5, 1e-3))
def test_expansion_alike_in_all_directions_speaks_least_against_a_phase(strain: float, error: float) -> None:
    covariance = error**2 * np.eye(3)
    cold = cell_support(np.full(3, strain), covariance)
    alike, unlike = (
        cell_support(strain * np.array(signs), covariance, np.full(3, 0.0125)) for signs in ((1, 1, 1), (1, 1, -1))
    )
    assert alike >= unlike
    assert alike > cold or strain < 0.004  # a strain that specimens have without heat


def test_an_impossible_temperature_is_refused(titania: Library, hot: Scan) -> None:
    with pytest.raises(BragglensError, match="temperature of -400 °C is not possible"):
        identify(hot, titania, temperature=-400)
    with pytest.raises(BragglensError, match="temperature 'hot' is not a number"):
        identify(hot, titania, temperature="hot")
