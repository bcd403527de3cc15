"""Solid solutions: the composition from the lattice, and silence where the lattice says nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_scans import measured
from rich.console import Console

from bragglens import identify
from bragglens.crystal import ionic_radii
from bragglens.crystal.choice import element_choice
from bragglens.crystal.ionic_radii import radius_difference
from bragglens.crystal.library import Library
from bragglens.crystal.phase import Phase
from bragglens.identification.posterior import posterior
from bragglens.identification.solid_solution import SolidSolution, solid_solution
from bragglens.match.builtin import builtin
from bragglens.match.compounds import compounds
from bragglens.report.details import print_answers
from bragglens.report.words import sentence

# Name, other end member, and the other's axes in the setting of the first.
FORSTERITE, FAYALITE, CALCITE, MAGNESITE = "Forsterite_Pnma", "Fayalite", "Calcite", "Magnesite"
AXES = {(FORSTERITE, FAYALITE): (1, 2, 0), (CALCITE, MAGNESITE): (0, 1, 2)}


def known(name: str) -> Phase:
    return builtin().library[name]


def between(first: str, second: str, x: float) -> Phase:
    """A phase with the cell of a solid solution of mol fraction x."""
    phase, axes = known(first), AXES[first, second]
    ends = zip(phase.cell[:3], [known(second).cell[i] for i in axes], strict=True)
    a, b, c = ((1 - x) * one + x * other for one, other in ends)
    return replace(phase, cell=(a, b, c, *phase.cell[3:]))


def solved(phase: Phase, fitted: Phase, elements: str = "", precision: float = 2e-4) -> SolidSolution | None:
    may, frequency = element_choice(elements), posterior().frequency
    return solid_solution(phase, fitted, precision, compounds(), frequency, allowed=may, library=builtin().library)


@given(st.sampled_from([0.2, 0.3, 0.6, 1.0]), st.floats(1e-5, 4e-4))
def test_olivine_has_the_composition_of_its_cell(x: float, precision: float) -> None:
    found = solved(known(FORSTERITE), between(FORSTERITE, FAYALITE, x), precision=precision)
    assert found is not None
    assert (found.name, found.formula) == (FAYALITE, "Fe2SiO4")
    assert abs(found.mol_percent - 100 * x) < 1 < found.mol_percent_error < 15


@pytest.mark.parametrize("x", [0.07, 0.2])
def test_magnesium_in_calcite(x: float) -> None:
    found = solved(known(CALCITE), between(CALCITE, MAGNESITE, x))
    assert found is not None
    assert (found.name, found.formula) == (MAGNESITE, "MgCO3")
    assert found.mol_percent == pytest.approx(100 * x, abs=found.mol_percent_error)
    assert found.others


@pytest.mark.parametrize(
    ("name", "stretched", "other"), [("Periclase", 1.005, "Wustite Manganosite"), ("Fluorite", 1.01, "SrF2")]
)
def test_similar_ions_are_preferred(name: str, stretched: float, other: str) -> None:
    phase = known(name)
    found = solved(phase, replace(phase, cell=(*(stretched * length for length in phase.cell[:3]), *phase.cell[3:])))
    assert found is not None
    assert found.name in other.split()


def test_half_of_the_calcium_is_too_much_for_calcite() -> None:
    found = solved(known(CALCITE), between(CALCITE, MAGNESITE, 0.5))
    assert found is None or found.name != MAGNESITE


@pytest.mark.parametrize("name", ["Quartz", "Rutile", FORSTERITE, CALCITE])
def test_a_lattice_that_is_met_is_no_solid_solution(name: str) -> None:
    assert solved(known(name), known(name)) is None


def test_a_structure_of_a_solid_solution_starts_at_its_own_composition() -> None:
    olivine = known("Forsterite")  # refined on a crystal with 22% of iron
    assert (found := solved(olivine, olivine)) is not None
    assert (found.name, found.mol_percent) == (FAYALITE, pytest.approx(22.5))
    pure = replace(olivine, cell=(4.752, 10.193, 5.977, 90.0, 90.0, 90.0))
    assert solved(olivine, pure) is None


@pytest.mark.parametrize("elements", ["Mg,Si,O", "-Fe"])
def test_elements_that_the_user_excludes_are_not_mixed_in(elements: str) -> None:
    found = solved(known(FORSTERITE), between(FORSTERITE, FAYALITE, 0.3), elements)
    assert found is None or "Fe" not in found.formula
    assert elements != "Mg,Si,O" or found is None


def test_an_imprecise_lattice_and_one_off_the_line_say_nothing() -> None:
    olivine = between(FORSTERITE, FAYALITE, 0.2)
    assert solved(known(FORSTERITE), olivine, precision=5e-3) is None
    a, b, c, *angles = olivine.cell
    assert solved(known(FORSTERITE), replace(olivine, cell=(1.02 * a, b, 0.97 * c, *angles))) is None


@given(st.sampled_from(["Mg", "Fe", "Ca", "O", "S", "Xe"]), st.sampled_from(["Mn", "K", "Cl", "Se", "Si"]))
def test_radii_are_symmetric_and_need_a_common_charge(one: str, other: str) -> None:
    assert radius_difference(one, other) == radius_difference(other, one) >= 0
    assert radius_difference("Ca", "Na") == radius_difference("Xe", other) == float("inf")
    assert radius_difference("Mg", "Fe") == pytest.approx(0.06 / 0.72)


def test_an_answer_says_it_once_and_changes_nothing_else() -> None:
    scan = measured({CALCITE: 1.0}, Library((between(CALCITE, MAGNESITE, 0.07),)))
    library = Library((known(CALCITE), known("Quartz")))
    answer, limited = identify(scan, library), identify(scan, library, elements="Ca,C,O")
    (one,) = answer.phases
    assert one.solid_solution is not None
    assert one.solid_solution.name == MAGNESITE
    assert one.solid_solution.mol_percent == pytest.approx(7, abs=one.solid_solution.mol_percent_error)
    assert limited.phases[0].solid_solution is None
    said = f"Calcite: its lattice is that of {one.solid_solution.mol_percent:.0f} ± "
    assert sentence(answer).count(said) == 1
    assert "its lattice is that of" not in sentence(limited)
    assert _printed([answer]).count(said) == 1
    plain = json.loads(json.dumps(answer.to_dict()))["phases"][0]["solid_solution"]
    assert plain == {**vars(one.solid_solution), "others": list(one.solid_solution.others)}
    assert answer.to_frame()["solid_solution"].tolist() == [MAGNESITE]


def _printed(answers: Sequence[object]) -> str:
    stream = io.StringIO()
    print_answers(answers, console=Console(file=stream, width=200, color_system=None))  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_radii_are_those_of_shannon() -> None:
    """Independent reference: pymatgen's table of Shannon's radii."""
    ion_of = pytest.importorskip("pymatgen.core").Species
    for charge, ions in ionic_radii._RADII.items():
        for symbol, radius in ions.items():
            found = []
            for spin in ("High Spin", "Low Spin", ""):
                with suppress(KeyError, ValueError):
                    found.append(ion_of(symbol, charge).get_shannon_radius("VI", spin=spin))
            assert min(abs(one - radius) for one in found) < 0.011, (symbol, charge)
