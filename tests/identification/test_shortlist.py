"""The phases of a large library that are fitted."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from made_scans import measured

from bragglens.crystal.library import Library, read_library
from bragglens.identification.proposers import Proposal
from bragglens.identification.prove import aligned
from bragglens.identification.shortlist import additions, neighbours, shortlist
from bragglens.identification.verify import verify
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.policy import DEFAULT
from bragglens.scan.pattern import Grid, Pattern


@pytest.fixture(scope="module")
def titania() -> Catalogue:
    """Five phases of titania, and anatase once more with a lattice that is 0.2% larger."""
    phases = read_library(Path(str(files("bragglens") / "data" / "titania"))).phases
    anatase = next(phase for phase in phases if "natase" in phase.name)
    a, b, c, *angles = anatase.cell
    larger = replace(anatase, name="neighbour", cell=(1.002 * a, 1.002 * b, 1.002 * c, *angles))
    return catalogue(Library((*phases, larger)))


def anatase_of(whole: Catalogue) -> int:
    return next(row for row, name in enumerate(whole.library.names) if "natase" in name)


def proposal(probability: np.ndarray) -> Proposal:
    seen = Pattern(Grid(10.0, 20.0, 1.0), np.zeros(11), np.ones(11, bool))
    return Proposal(seen, probability, np.ones(len(probability)))


def everything(whole: Catalogue) -> np.ndarray:
    return np.ones(len(whole), bool)


def test_the_neighbour_has_nearly_the_same_lines(titania: Catalogue) -> None:
    own = anatase_of(titania)
    others = [row for row in range(len(titania) - 1) if row != own]
    assert neighbours(titania, [own], everything(titania), DEFAULT.similar_lines) == [len(titania) - 1]
    assert neighbours(titania, others, everything(titania), DEFAULT.similar_lines) == []


def test_excluded_and_present_phases_are_not_neighbours(titania: Catalogue) -> None:
    own, last = anatase_of(titania), len(titania) - 1
    assert neighbours(titania, [own], np.arange(len(titania)) != last, DEFAULT.similar_lines) == []
    assert neighbours(titania, [own, last], everything(titania), DEFAULT.similar_lines) == []
    assert neighbours(titania, list(range(len(titania))), everything(titania), DEFAULT.similar_lines) == []


def test_a_neighbour_that_the_matcher_misses_is_fitted(
    titania: Catalogue,
) -> None:
    own, last = anatase_of(titania), len(titania) - 1
    probability = np.where(np.arange(len(titania)) == own, 0.9, 0.01)
    one = replace(DEFAULT, likeliest=1, largest=0)
    assert shortlist(proposal(probability), titania, everything(titania), one) == sorted([own, last])


def test_a_found_phase_adds_its_neighbour(titania: Catalogue) -> None:
    own, last = anatase_of(titania), len(titania) - 1
    nothing = proposal(np.zeros(len(titania)))
    assert additions(nothing, titania, everything(titania), {own}, [own], DEFAULT) == [last]
    assert additions(nothing, titania, everything(titania), {own, last}, [own], DEFAULT) == []


def test_the_axis_is_aligned_before_the_rest_is_proposed_for() -> None:
    """A shift of 0.2° is more than a proposer expects; the fit of the phases that are known tells it."""
    library = read_library(Path(str(files("bragglens") / "data" / "titania")))
    made = measured({"anatase": 1.0}, library)
    moved = replace(made, two_theta=made.two_theta - 0.2)
    proof = verify(moved, library.phases, wavelength=1.5405929)
    assert proof.findings
    back = aligned(moved, proof)
    straight = aligned(made, verify(made, library.phases, wavelength=1.5405929))
    assert np.abs(back.two_theta - straight.two_theta).max() < 0.07  # lattices hold the rest
