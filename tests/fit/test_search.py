"""Network and fit together, or the fit alone, on patterns of the reference model that come from no recipe."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import gemmi
import numpy as np
import pytest
from made_scans import INSTRUMENT, measured

from bragglens.crystal.library import Library, read_library
from bragglens.crystal.phase import Phase
from bragglens.crystal.standards import standard
from bragglens.errors import BragglensError
from bragglens.fit.candidate import swelling
from bragglens.fit.candidates import candidates, largest_strains
from bragglens.fit.engine import refine, solve
from bragglens.fit.evidence import phase_residuals
from bragglens.fit.found import no_prior
from bragglens.fit.observed import observe
from bragglens.fit.parameters import PARAMETERS
from bragglens.fit.problem import Problem
from bragglens.fit.settle import settle
from bragglens.fit.state import empty
from bragglens.fit.whole_pattern import fit_given
from bragglens.identification.allowed import allowed_phases
from bragglens.identification.identify import identify
from bragglens.identification.verify import verify
from bragglens.learn.model import Model
from bragglens.policy import DEFAULT
from bragglens.report.pdcif import pdcif_text
from bragglens.report.picture import picture_of
from bragglens.report.words import RELATIVE, sentence
from bragglens.scan.read import read_scan
from bragglens.simulate.instrument import Instrument, emission


def test_fractions_of_a_mixture_are_within_their_intervals(titania: Library, small_model: Model) -> None:
    answer = identify(measured({"anatase": 0.6, "rutile": 0.3, "brookite": 0.1}, titania), small_model)
    weights = {f.name: (f.weight_percent, f.weight_percent_error) for f in answer.phases}
    assert set(weights) == {"anatase", "rutile", "brookite"}
    assert answer.verdict == "mixture"
    for name, true in (("anatase", 60), ("rutile", 30), ("brookite", 10)):
        assert weights[name][0] == pytest.approx(true, abs=2.0)
        assert abs(weights[name][0] - true) < weights[name][1]
    assert answer.rwp is not None
    assert all(f.rwp_without > 1.2 * answer.rwp for f in answer.phases if f.rwp_without)


def test_structures_need_no_trained_network(titania: Library) -> None:
    answer = identify(measured({"tio2_B": 0.7, "rutile": 0.3}, titania), titania)
    assert {f.name for f in answer.phases} == {"tio2_B", "rutile"}
    assert answer.probabilities is not None  # of the matcher


@pytest.mark.parametrize("outside", ["LaB6", "Si"])
def test_a_phase_outside_the_library_is_unknown(titania: Library, small_model: Model, outside: str) -> None:
    answer = identify(measured({outside: 1.0}, titania), small_model)
    assert answer.verdict == "unknown"
    assert answer.phases == ()
    assert answer.unexplained is not None
    assert answer.unexplained > 0.8


def test_lines_of_a_phase_outside_the_library_are_unexplained(titania: Library, small_model: Model) -> None:
    answer = identify(measured({"rutile": 0.6, "LaB6": 0.4}, titania), small_model)
    assert [f.name for f in answer.phases] == ["rutile"]
    assert answer.verdict == "partly unknown"
    strongest = max(answer.unexplained_peaks, key=lambda peak: peak.share)
    lattice = 4.156826  # Å, NIST SRM 660c
    assert strongest.d == pytest.approx(lattice / np.sqrt(2), rel=3e-3)  # (110)


@pytest.mark.parametrize(
    ("counts", "occupied", "low", "high"), [(150, 1, 0, 0.04), (300, 1, 0, 0.04), (1000, 0.7, 0.1, 0.2)]
)
def test_residual_of_a_phase_is_free_of_noise(
    counts: float, occupied: float, low: float, high: float, titania: Library
) -> None:
    rutile = next(phase for phase in titania if phase.name == "rutile")
    sites = tuple(replace(site, occupancy=occupied if site.element == "O" else 1.0) for site in rutile.sites)
    observed = observe(measured({"rutile": 1.0}, titania, counts=counts))
    problem = Problem(candidates((replace(rutile, sites=sites),), INSTRUMENT, observed.grid.stop), observed)
    problem, solution = fit_given(problem, texture=False)  # a texture would make up for the missing oxygen
    assert low <= phase_residuals(problem, solution)[0] < high


@pytest.mark.parametrize("larger", [0.2, 0.5])
def test_isostructural_phases_are_not_exchanged(larger: float) -> None:
    """Corundum, and the same with a cell as much larger as that of ilmenite is than that of hematite."""
    small = standard("corundum")
    a, b, c, *angles = small.cell
    large = replace(small, name="larger", cell=(1.01 * a, 1.01 * b, 1.024 * c, *angles))
    library = Library((small, large))
    answer = identify(measured({small.name: 1 - larger, "larger": larger}, library), library)
    found = {f.name: f for f in answer.phases}
    assert found["larger"].weight_percent == pytest.approx(100 * larger, abs=2.0)
    for phase in library:
        assert found[phase.name].cell == pytest.approx(phase.cell, rel=1e-3)


@pytest.mark.parametrize("occupied", [0.9, 1.1])
def test_two_isostructural_neighbours_are_replaced_by_the_right_phase(shared: Path, occupied: float) -> None:
    """A scan of fluorapatite, started with two other apatites: exchanging one alone does not help."""
    minerals = {phase.name: phase for phase in read_library(shared / "phases" / "minerals")}
    own = minerals["fluorapatite"]

    def apatite(name: str, swollen: tuple[float, float], calcium: float) -> Phase:
        a, b, c, *angles = own.cell
        sites = (replace(s, occupancy=s.occupancy * (calcium if s.element == "Ca" else 1)) for s in own.sites)
        return replace(
            own, name=name, cell=(a * swollen[0], b * swollen[0], c * swollen[1], *angles), sites=tuple(sites)
        )

    phases = (
        apatite("one", (1.008, 1.008), occupied),
        apatite("other", (1.004, 0.998), 2 - occupied),
        own,
        minerals["quartz"],  # an impurity of the specimen
    )
    observed = observe(read_scan(shared / "scans" / "single_rockjock" / "powdR_rockjock__FLUORAPATITE.csv"))
    problem = Problem(candidates(phases, INSTRUMENT, 70.0), observed)
    start = solve(problem, problem.empty().with_phase(0).with_phase(1).with_phase(3))
    start = refine(problem, start, rounds=20, texture=True)
    found = settle(problem, start, range(4), no_prior(4))
    assert {phases[i].name for i in found.solution.state.phases} == {"fluorapatite", "quartz"}


@pytest.mark.parametrize(("begun_with", "better"), [("rutile", "other"), ("other", "rutile")])
def test_the_better_of_two_rivals_is_kept(titania: Library, begun_with: str, better: str) -> None:
    """The two explain the scan equally well, so that a small difference of the prior decides."""
    names = {phase.name: phase for phase in titania}
    phases = (names["rutile"], replace(names["rutile"], name="other"))
    scan = measured({"rutile": 1.0}, titania)
    observed = observe(scan)
    problem = Problem(candidates(phases, INSTRUMENT, 85.0), observed)
    place = [phase.name for phase in phases]
    start = refine(problem, solve(problem, problem.empty().with_phase(place.index(begun_with))), rounds=20)
    slight = replace(no_prior(2), evidence=np.array([0.4 * (name == better) for name in place]))
    found = settle(problem, start, range(2), slight)
    assert [place[i] for i in found.solution.state.phases] == [better]


@pytest.mark.parametrize(("elements", "named"), [(None, "of titanium"), ("Ti,V,O", "of vanadium")])
def test_expected_elements_decide_between_rivals(titania: Library, elements: str | None, named: str) -> None:
    """Anatase with a rutile of half titanium, half vanadium: a rutile of either metal explains it equally well."""
    names = {phase.name: phase for phase in titania}

    def rutile(name: str, **metals: float) -> Phase:
        sites = [site for site in names["rutile"].sites if site.element == "O"]
        metal = next(site for site in names["rutile"].sites if site.element == "Ti")
        sites += [replace(metal, label=one, element=one, occupancy=share) for one, share in metals.items()]
        return replace(names["rutile"], name=name, sites=tuple(sites))

    scan = measured({"anatase": 0.6, "both": 0.4}, Library((*titania, rutile("both", Ti=0.5, V=0.5))))
    phases = (names["anatase"], rutile("of titanium", Ti=1.0), rutile("of vanadium", V=1.0))
    answer = identify(scan, Library(phases), elements=elements)
    assert {finding.name for finding in answer.phases} == {"anatase", named}


def test_a_strained_phase_is_less_likely_itself() -> None:
    own = standard("corundum")
    found = []
    for larger in (0.001, 0.016):
        a, b, c, *angles = own.cell
        stretch = 1 + larger
        there = replace(own, name="there", cell=(stretch * a, stretch * b, stretch * c, *angles))
        fitted = verify(measured({"there": 1.0}, Library((there,))), (own,), wavelength=1.5405929)
        found += [*fitted.findings, *fitted.relatives]
    assert found[1].strain == pytest.approx(0.016, rel=0.1)
    assert found[1].itself < found[0].itself
    assert found[1].probability < found[0].probability - 0.2


@pytest.mark.parametrize(("stretch", "verdict"), [(1.001, "known"), (1.016, "unknown")])
def test_known_needs_a_sure_phase(stretch: float, verdict: str, titania: Library) -> None:
    own = standard("corundum")
    there = replace(own, cell=(*(stretch * length for length in own.cell[:3]), *own.cell[3:]))
    answer = identify(measured({own.name: 1.0}, Library((there,))), Library((*titania, own)))
    assert answer.verdict == verdict
    assert (answer.probability is not None and answer.probability >= DEFAULT.sure) == (verdict == "known")


def test_a_phase_with_a_rival_is_tentative(titania: Library) -> None:
    """Two compounds with the lattice of rutile and nearly its lines, none of which is known otherwise."""
    rutile = titania["rutile"]

    def of(metal: str) -> Phase:
        sites = tuple(replace(site, element=metal if site.element == "Ti" else "O") for site in rutile.sites)
        return replace(rutile, name=f"of {metal}", formula=f"{metal}O2", sites=sites)

    both = Library((of("Nb"), of("Zr")))
    answer = identify(measured({"of Zr": 1.0}, both), both)
    (found,) = answer.phases
    assert {found.name, *found.rivals} == set(both.names)
    assert answer.verdict == "tentative"
    assert answer.because == f"{found.rivals[0]} fits about as well as {found.name}"
    assert answer.settled_by.startswith("an analysis for")
    assert sentence(answer).startswith("Probable, not certain: ")


def test_an_isostructural_neighbour_is_reported(titania: Library) -> None:
    own = standard("corundum")
    there = replace(own, cell=(*(1.016 * length for length in own.cell[:3]), *own.cell[3:]))
    answer = identify(measured({own.name: 1.0}, Library((there,))), Library((*titania, own)))
    assert answer.verdict == "unknown"
    assert [one["name"] for one in answer.to_dict()["relatives"]] == [own.name]
    assert answer.unexplained is not None
    assert answer.unexplained < 0.05  # it stays in the fit, so that the rest of the scan is judged without its lines
    assert f"No phase is named: {own.name} (Al2O3, R -3 c, lattice strained by up to 1.6%" in sentence(answer)
    picture = picture_of(answer)
    assert picture is not None
    assert [layer.remark for layer in picture.layers] == [RELATIVE]
    assert answer.fit is not None
    assert "or an isostructural neighbour" in pdcif_text(answer, answer.fit)
    assert answer.nearest is None  # the most probable one of the network is another phase, which fits worse


def test_only_phases_of_the_elements_are_prepared(titania: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    verify_module, ready = import_module("bragglens.identification.verify"), []
    whole = verify_module.candidates
    monkeypatch.setattr(verify_module, "candidates", lambda phases, *rest: ready.append(phases) or whole(phases, *rest))
    verify_module._prepared.cache_clear()
    silicon = standard("Si")
    identify(
        measured({"Si": 1.0}, titania),
        Library((*titania, silicon, standard("LaB6"))),
        elements="Si",
    )
    assert ready == [(silicon,)]


@pytest.mark.parametrize("setting", ["R -3 m:R", "R -3 m:H"])
def test_strain_does_not_depend_on_the_setting(setting: str) -> None:
    """A crystal expanded by 1% is strained by 1%, although in a rhombohedral setting no coefficient has this value."""
    group = gemmi.SpaceGroup(setting)
    cell = (4.07, 4.07, 4.07, 89.4, 89.4, 89.4) if setting.endswith("R") else (5.7, 5.7, 7.1, 90.0, 90.0, 120.0)
    operations = tuple(op.triplet() for op in group.operations())
    phase = replace(standard("corundum"), cell=cell, operations=operations)
    known = candidates((phase,), Instrument(emission("Cu")), 60.0)
    state = empty(PARAMETERS).with_phase(0).of(0, strains=0.01 * swelling(known[0].strain_basis))
    assert largest_strains(known, state) == pytest.approx([0.01], rel=1e-6)


def test_detection_limit(titania: Library) -> None:
    """Rutile in anatase: 1.5 times the stated limit is found, a sixth of it is not."""
    without = identify(measured({"anatase": 1.0}, titania), titania)
    assert without.detection_limits is not None
    limit = without.detection_limits["rutile"] / 100
    assert 1e-4 < limit < 0.05
    for factor, found in ((1.5, True), (1 / 6, False)):
        answer = identify(measured({"anatase": 1 - factor * limit, "rutile": factor * limit}, titania), titania)
        assert ("rutile" in {f.name for f in answer.phases}) == found


def test_amorphous_content_by_internal_standard(titania: Library) -> None:
    """20 wt% of rutile were added and half of the rest is amorphous: the fractions are of the specimen."""
    answer = identify(measured({"rutile": 20, "anatase": 40}, titania), titania, standard=("rutile", 20.0))
    weights = {f.name: f.weight_percent for f in answer.phases}
    assert weights["rutile"] == pytest.approx(20.0)
    assert weights["anatase"] == pytest.approx(40.0, abs=2.5)
    assert answer.amorphous_percent == pytest.approx(40.0, abs=2.5)
    assert abs(answer.amorphous_percent - 40.0) < answer.amorphous_percent_error


def test_elements_limit_the_candidates(titania: Library, small_model: Model) -> None:
    assert allowed_phases(titania.phases, "Ti,O") == titania.names
    assert allowed_phases(titania.phases, "-Fe,-Pb") == titania.names
    with pytest.raises(BragglensError, match="exclude every phase of the library"):
        allowed_phases(titania.phases, "Fe,O")
    with pytest.raises(BragglensError, match="Xx is no element"):
        identify(measured({"rutile": 1.0}, titania), small_model, elements="Ti,Xx")


def test_the_same_scan_gives_the_same_answer(titania: Library, small_model: Model) -> None:
    scan = measured({"anatase": 0.5, "brookite": 0.5}, titania)
    one, other = identify(scan, small_model), identify(scan, small_model)
    assert one.phases == other.phases
    assert one.unexplained_peaks == other.unexplained_peaks
