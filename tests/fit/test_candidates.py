"""The contract of every kind of candidate, and a kind defined here to show that one file is enough."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from gemmi import cif
from hypothesis import given
from hypothesis import strategies as st
from made_scans import GRID, INSTRUMENT, measured
from rich.console import Console

from bragglens.crystal.library import Library
from bragglens.crystal.standards import standard
from bragglens.fit.candidate import Candidate, WithoutStructure
from bragglens.fit.candidates import candidates
from bragglens.fit.engine import solve
from bragglens.fit.found import no_prior
from bragglens.fit.observed import observe
from bragglens.fit.parameters import OWN, STRAINS
from bragglens.fit.problem import Problem
from bragglens.fit.search import search
from bragglens.fit.state import State
from bragglens.fit.whole_pattern import fit, fitted_phases
from bragglens.identification.allowed import allowed_others
from bragglens.identification.answer import Identification, document
from bragglens.identification.identify import identify
from bragglens.identification.rietveld import left_out, refine_fit, write_project
from bragglens.match.catalogue import Catalogue, catalogue
from bragglens.report.details import print_answers
from bragglens.report.profile import write_profile
from bragglens.report.series import series_figure
from bragglens.report.tidy import summary
from bragglens.report.trace import trace_of
from bragglens.report.words import write_json
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.specimen import Specimen


@dataclass(frozen=True)
class Bands(WithoutStructure):
    """A phase without a structure: broad bands at these 2θ, like hk bands of a clay; its scale is not in grams."""

    name: str
    centres: tuple[float, ...]
    refined: tuple[str, ...] = ("log_size",)

    def pattern(self, instrument: Instrument, specimen: Specimen, grid: Grid) -> np.ndarray:
        """Gaussians with a width proportional to the inverse of the size."""
        shift = instrument.zero - np.degrees(2 * specimen.displacement / instrument.radius)
        angle, width = grid.two_theta[:, None] - np.array(self.centres) - shift, 60.0 / specimen.size
        return np.exp(-((angle / width) ** 2)).sum(axis=1)


BANDS = Bands("bands", (19.8, 35.0, 61.5))


def with_bands(scan: Scan, *, size: float = 40.0) -> Scan:
    """A scan to which the bands are added."""
    broad = BANDS.pattern(INSTRUMENT, Specimen(size=size), Grid(scan.two_theta[0], scan.two_theta[-1], GRID.step))
    return replace(scan, counts=scan.counts + 0.3 * scan.counts.max() * broad)


@pytest.fixture(scope="module")
def problem(titania: Library) -> Problem:
    """Titania, a layered structure with stacking faults, and bands, with a scan of anatase and the bands."""
    both = with_bands(measured({"anatase": 1.0}, titania))
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
        listed = one.reflections(INSTRUMENT, Specimen(size=50.0), 15.0, 85.0)
        assert len(listed.hkl) == len(listed.two_theta) == len(listed.area)
        cell = one.cell(np.zeros(len(one.strain_basis)))
        assert (cell is None) <= (len(one.strain_basis) == 0)
        if one.phase is not None:
            assert cell == pytest.approx(one.phase.cell)
            assert one.elements
            assert one.in_grams
            assert one.solid(1.5406) is not None
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
    problem, found = search(problem, range(len(problem.known)), no_prior(len(problem.known)))
    assert {problem.known[one.phase].name for one in found.phases} == {"anatase", "bands"}
    place = found.solution.state.phases.index(len(problem.known) - 1)
    assert float(np.exp(found.solution.state.each("log_size")[place])) == pytest.approx(40.0, rel=0.1)


@pytest.fixture(scope="module")
def asked(titania: Library) -> Catalogue:
    return replace(catalogue(titania), others=(BANDS,))


@pytest.fixture(scope="module")
def answer(titania: Library, asked: Catalogue) -> Identification:
    """The answer for anatase, rutile and the bands."""
    return identify(with_bands(measured({"anatase": 0.7, "rutile": 0.3}, titania)), asked)


def test_fractions_are_of_the_phases_whose_scale_is_in_grams(titania: Library, answer: Identification) -> None:
    assert [one.name for one in answer.phases] == ["anatase", "rutile", "bands"]
    anatase, rutile, bands = answer.phases
    assert bands.weight_percent is bands.weight_percent_error is bands.cell is bands.strain is None
    assert bands.size == pytest.approx(40.0, rel=0.1)
    assert bands.probability > 0.9
    assert anatase.weight_percent == pytest.approx(70, abs=2)
    assert anatase.weight_percent + rutile.weight_percent == pytest.approx(100)
    alone = identify(measured({"anatase": 0.7, "rutile": 0.3}, titania), titania)
    assert anatase.weight_percent_error > 3 * alone["anatase"].weight_percent_error
    assert answer.fraction_of == "named phases"
    assert any(note.startswith("no weight fraction of bands: ") for note in answer.notes)
    assert "bands" not in (answer.detection_limits or {"bands": 0})
    fit = answer.fit
    assert fit.weight_fraction[fit.names.index("anatase")] == pytest.approx(0.7, abs=0.03)
    assert np.isnan(fit.weight_fraction[fit.names.index("bands")])
    assert fit.cells[fit.names.index("bands")] is None
    assert [phase.name for phase in fit.phases] == [phase.name for phase in fitted_phases(fit)] == ["anatase", "rutile"]


def test_a_scale_in_grams_needs_no_structure(titania: Library, asked: Catalogue, answer: Identification) -> None:
    """As of a measured pattern with a reference intensity ratio: no absorption is known, so none is corrected."""

    class Weighed(Bands):
        in_grams = True

    scan = with_bands(measured({"anatase": 0.7, "rutile": 0.3}, titania))
    weighed = identify(scan, replace(asked, others=(Weighed(BANDS.name, BANDS.centres),)))
    assert sum(one.weight_percent for one in weighed.phases) == pytest.approx(100)
    ratio = weighed["anatase"].weight_percent / weighed["rutile"].weight_percent
    assert ratio == pytest.approx(answer["anatase"].weight_percent / answer["rutile"].weight_percent, rel=1e-6)
    assert not any("weight fraction" in note for note in weighed.notes)


def test_a_fit_of_phases_that_are_known_to_be_present(titania: Library) -> None:
    fitted = fit(with_bands(measured({"anatase": 1.0}, titania)), [titania["anatase"]], INSTRUMENT, others=[BANDS])
    assert set(fitted.names) == {"anatase", "bands"}
    assert fitted.goodness < 1.2


def test_an_internal_standard_counts_it_as_amorphous(titania: Library, asked: Catalogue) -> None:
    scan = with_bands(measured({"anatase": 0.7, "rutile": 0.3}, titania))
    answer = identify(scan, asked, standard=("rutile", 20.0))
    assert answer["bands"].weight_percent is None
    assert answer["rutile"].weight_percent == pytest.approx(20)
    assert answer.amorphous_percent == pytest.approx(100 - 20 / 0.3, abs=3)
    assert any("part of the amorphous content" in note for note in answer.notes)


def test_the_answer_is_written_in_every_form(answer: Identification, asked: Catalogue, tmp_path: Path) -> None:
    write_json(document(answer.model, [answer]), tmp_path / "answer.json")
    (scan,) = json.loads((tmp_path / "answer.json").read_text())["scans"]
    bands = next(one for one in scan["phases"] if one["name"] == "bands")
    assert bands["weight_percent"] is bands["cell"] is None
    page = answer.report(tmp_path / "answer.html", asked).read_text()
    assert "no weight fraction of bands" in page
    answer.plot()
    assert "bands (probability " in str(answer)
    assert answer.to_frame().set_index("name").loc["bands", ["a", "gamma", "weight_percent"]].isna().all()
    (row,) = summary([answer])
    assert row["bands p"] == answer["bands"].probability
    assert series_figure([answer] * 3, [trace_of(answer)] * 3)
    console = Console(width=120, record=True)
    print_answers([answer], console=console)
    assert "bands" in console.export_text()


def test_programs_that_refine_structures_do_not_get_it(answer: Identification, tmp_path: Path) -> None:
    fit = answer.fit
    write_profile(answer, tmp_path / "fit.cif")
    whole, *structures = cif.read(str(tmp_path / "fit.cif"))
    assert [block.find_value("_chemical_name_common") for block in structures] == ["anatase", "rutile"]
    assert len(whole.find_values("_pd_phase_mass_%")) == 2
    assert "no structure is known: bands" in whole.find_value("_pd_proc_ls_special_details")
    write_profile(answer, tmp_path / "fit.xye")
    columns = np.loadtxt(tmp_path / "fit.xye").T
    np.testing.assert_allclose(columns[4:].sum(axis=0), columns[3], rtol=1e-5)
    assert left_out(fit) == ["bands: not in the Rietveld refinement or its project, without a crystal structure"]
    assert left_out(fit.of_structures) == []
    write_project(fit, tmp_path / "fit.rex")
    assert {path.name for path in (tmp_path / "fit.rex").glob("*.cif")} == {"anatase.cif", "rutile.cif"}
    refined = refine_fit(fit)
    assert set(refined.weight_percent) == {"anatase", "rutile"}
    only = replace(fit, candidates=(BANDS,), patterns=fit.patterns[-1:])
    assert "no phase with a crystal structure" in (refine_fit(only).error or "")


def test_bands_alone_are_an_answer(titania: Library, asked: Catalogue, tmp_path: Path) -> None:
    empty = measured({"anatase": 1.0}, titania)
    flat = replace(empty, counts=np.random.default_rng(1).poisson(2000.0, empty.counts.size).astype(float))
    answer = identify(with_bands(flat), asked)
    assert [one.name for one in answer.phases] == ["bands"]
    assert answer.verdict == "known"
    assert answer.fraction_of is None
    answer.report(tmp_path / "answer.html")


def test_a_size_that_is_not_refined_is_not_known(titania: Library, asked: Catalogue) -> None:
    rigid = replace(asked, others=(replace(BANDS, refined=()),))
    scan = with_bands(measured({"anatase": 1.0}, titania), size=60.0)  # a fit starts at this size
    answer = identify(scan, rigid, instrument=INSTRUMENT)
    assert answer["bands"].size is answer["bands"].size_error is None
    assert answer["anatase"].size_error is not None


def test_elements_exclude_it_only_if_its_own_are_known() -> None:
    @dataclass(frozen=True)
    class Iron(WithoutStructure):
        name: str = "iron oxide"
        elements = frozenset({"Fe", "O"})

    assert allowed_others((BANDS, Iron()), "Ti,O") == (BANDS,)
    assert allowed_others((BANDS, Iron()), None) == (BANDS, Iron())


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
