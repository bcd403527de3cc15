from __future__ import annotations

import inspect
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bragglens.crystal.cif_text import write_cif
from bragglens.crystal.library import Library
from bragglens.errors import BragglensError, ScanError
from bragglens.identification.allowed import allowed_phases, check
from bragglens.identification.answer import SCHEMA, document
from bragglens.identification.identify import identify, identify_file
from bragglens.identification.options import Options, read_options
from bragglens.identification.verdict import findings
from bragglens.learn.model import Model
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen


def made_up(library: Library, name: str, *, tube: str = "CuKa", grid: Grid = Grid(10.0, 85.0, 0.02)) -> Scan:
    """A scan from the reference model, not from the training recipe."""
    lines = emission(tube)
    index = library.names.index(name)
    (crystal,) = reflections_in_range(library.phases[index : index + 1], lines, grid)
    instrument = Instrument(lines, W=0.005, zero=0.03)
    clean = pattern(crystal, instrument, Specimen(size=30.0, microstrain=1e-3), grid)
    counts = np.random.default_rng(1).poisson(3000 * (clean / clean.max() + 0.05 + 0.3 * np.exp(-grid.two_theta / 20)))
    return Scan(f"{name}.xy", grid.two_theta, counts.astype(float))


@pytest.mark.parametrize("name", ["anatase", "brookite", "rutile", "tio2_B", "tio2_II"])
def test_single_phases(titania: Library, small_model: Model, name: str) -> None:
    answer = identify(made_up(titania, name), small_model, wavelength=1.5406, network_only=True)
    assert answer.probabilities is not None
    assert max(answer.probabilities, key=answer.probabilities.__getitem__) == name
    assert answer.phases[0].name == name
    assert answer.verdict in ("known", "mixture", "partly unknown")
    assert answer.phases[0].weight_percent is None
    assert answer.fit is None
    assert list(answer.probabilities) == list(titania.names)


def test_a_scan_of_another_tube_is_converted(titania: Library, small_model: Model) -> None:
    scan = made_up(titania, "rutile", tube="CoKa", grid=Grid(12.0, 100.0, 0.02))
    right = identify(scan, small_model, wavelength=emission("CoKa")[0].wavelength)
    wrong = identify(scan, small_model, wavelength=emission("CuKa")[0].wavelength)
    assert right.probabilities is not None
    assert wrong.probabilities is not None
    assert right.probabilities["rutile"] > 0.8
    assert wrong.probabilities["rutile"] < 0.5


def test_the_wavelength_is_never_assumed(titania: Library, small_model: Model) -> None:
    with pytest.raises(ScanError, match="--wavelength CuKa"):
        identify(made_up(titania, "rutile"), small_model)


def test_a_wavelength_for_files_that_state_none(titania: Library) -> None:
    def used(scan: Scan, **options: object) -> float | None:
        return identify(scan, titania, elements="Ti,O", **options).wavelength  # type: ignore[arg-type]

    silent = made_up(titania, "rutile", grid=Grid(20.0, 60.0, 0.05))
    stating = replace(silent, wavelength=1.5405929)
    assert used(silent, wavelength_if_missing="CuKa1") == pytest.approx(1.5405929)
    assert used(stating, wavelength_if_missing="CoKa") == pytest.approx(1.5405929)
    assert used(silent, wavelength="CuKa", wavelength_if_missing="CoKa") == pytest.approx(1.5405929)


def test_options_in_user_spelling(titania: Library, tmp_path: Path) -> None:
    scan = made_up(titania, "rutile", grid=Grid(20.0, 60.0, 0.05))
    path = tmp_path / "rutile.xy"
    np.savetxt(path, np.column_stack([scan.two_theta, scan.counts]))
    folder = files("bragglens") / "data" / "titania"
    for given in (str(path), path):
        answer = identify(given, str(folder), wavelength="CuKa", elements=["Ti", "O"])
        assert [finding.name for finding in answer.phases] == ["rutile"]
        assert answer.options == {"wavelength": pytest.approx(1.5405929), "elements": "Ti,O"}


def test_a_broken_structure_in_a_folder_is_reported(titania: Library, tmp_path: Path) -> None:
    for phase in titania:
        write_cif(phase, tmp_path / f"{phase.name}.cif")
    (tmp_path / "broken.cif").write_text("data_x")
    answer = identify(made_up(titania, "rutile", grid=Grid(20.0, 60.0, 0.05)), tmp_path, wavelength="CuKa")
    assert any("1 of the library's files" in note and "broken.cif" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        (5, {}, "5: names no phases"),
        ("nowhere", {}, "nowhere: does not exist: give a model file, a folder of CIFs"),
        (None, {"wavelength": "Xx"}, "wavelength 'Xx' is not known"),
        (None, {"wavelength": 8048}, "wavelength 8048 Å: is not possible"),
        (None, {"wavelength": [1]}, r"wavelength \[1\]: is not a wavelength"),
        (None, {"wavelength_if_missing": float("nan")}, "wavelength nan Å: is not possible"),
        (None, {"standard": "rutile"}, "standard 'rutile': give its name"),
    ],
)
def test_invalid_input_is_one_sentence(titania: Library, model: object, options: dict[str, Any], says: str) -> None:
    with pytest.raises(BragglensError, match=says):
        identify(made_up(titania, "rutile"), model or titania, **options)  # type: ignore[arg-type]


def test_the_parameters_are_written_out() -> None:
    shown = inspect.signature(identify).parameters
    assert list(shown)[:2] == ["scan", "model"]
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in list(shown.values())[2:])
    assert {*shown} - {"scan", "model"} == {one.name for one in fields(Options)}
    assert all(f"        {name}: " in (identify.__doc__ or "") for name in shown)


def test_too_little_of_the_grid(titania: Library, small_model: Model) -> None:
    with pytest.raises(ScanError, match=r"cover 2\d% of the model's 5-90°"):
        identify(
            made_up(titania, "rutile", grid=Grid(20.0, 40.0, 0.02)), small_model, wavelength=1.5406, network_only=True
        )


def test_a_bad_file_becomes_an_answer(small_model: Model, tmp_path: Path) -> None:
    answer = identify_file(tmp_path / "none.xy", small_model, Options(wavelength=1.5406))
    assert answer.verdict is None
    assert answer.phases == ()
    assert answer.error is not None
    assert "no such file" in answer.error


@pytest.mark.parametrize(
    ("probabilities", "named", "rivals"),
    [
        ((0.45, 0.40, 0.9), ["c", "a"], {"a": ("b",)}),  # one of a and b is present: 1 - 0.55 x 0.60 = 0.67
        ((0.40, 0.45, 0.0), ["b"], {"b": ("a",)}),
        ((0.20, 0.20, 0.0), [], {}),  # 1 - 0.8 x 0.8 = 0.36
        ((0.60, 0.55, 0.0), ["a"], {"a": ("b",)}),
        ((0.95, 0.05, 0.0), ["a"], {"a": ()}),
        ((0.97, 0.95, 0.0), ["a", "b"], {"a": ("b",), "b": ()}),
        ((0.45, 0.0, 0.45), [], {}),  # a and c are not look-alikes
    ],
)
def test_one_of_several_look_alikes_is_named(
    probabilities: tuple[float, ...], named: list[str], rivals: dict[str, tuple[str, ...]]
) -> None:
    found = findings(dict(zip("abc", probabilities, strict=True)), (("b", "a"),))
    assert [f.name for f in found] == named
    assert {f.name: f.rivals for f in found if f.name != "c"} == rivals


def test_an_improbable_look_alike_is_not_a_rival() -> None:
    (found,) = findings({"a": 0.9}, (("a", "b"),))
    assert found.rivals == ()


def test_document_has_its_fields(titania: Library, small_model: Model, tmp_path: Path) -> None:
    good = identify(made_up(titania, "anatase"), small_model, wavelength=1.5406)
    bad = identify_file(tmp_path / "none.xy", small_model)
    whole = document("m.bragglens", [good, bad])
    assert whole["schema"] == SCHEMA == 1
    assert whole["model"] == "m.bragglens"
    for scan in whole["scans"]:
        assert {"file", "verdict", "phases", "unexplained", "rwp", "seconds", "error"} <= set(scan)
    phase = whole["scans"][0]["phases"][0]
    promised = ["name", "probability", "weight_percent", "weight_percent_error", "rivals"]
    assert list(phase)[: len(promised)] == promised
    assert whole["scans"][1]["verdict"] is None
    assert whole["scans"][0]["options"] == {"wavelength": 1.5406}


def test_elements_limit_the_library(titania: Library) -> None:
    assert allowed_phases(titania.phases, "ti, O") == titania.names
    assert allowed_phases(titania.phases, "-Fe") == titania.names
    with pytest.raises(BragglensError, match="exclude every phase of the library"):
        allowed_phases(titania.phases, "-Ti")


def test_impurities_of_a_structure_do_not_exclude_it(titania: Library) -> None:
    rutile = next(phase for phase in titania if phase.name == "rutile")
    mixed = [
        replace(site, label=element, element=element, occupancy=share)
        for site in rutile.sites
        for element, share in (((("Ti", 0.8), ("Fe", 0.2))) if site.element == "Ti" else (("O", 1.0),))
    ]
    natural = replace(rutile, name="natural", sites=tuple(mixed))
    assert allowed_phases([natural], "Ti,O") == ("natural",)
    assert allowed_phases([natural], "-Fe") == ("natural",)
    with pytest.raises(BragglensError, match="exclude every phase of the library"):
        allowed_phases([natural], "Fe,O")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"elements": "Ti,Oo"}, "Oo is no element"),
        ({"particle_size": -1.0}, "particle size of -1 µm is not possible"),
        ({"particle_size": float("nan")}, "particle size of nan µm"),
        ({"standard": ("gold", 20.0)}, "standard 'gold': the library has no such phase"),
        ({"standard": ("Anatas", 20.0)}, "such as anatase"),
        ({"standard": ("rutile", 100.0)}, "100 wt% is not possible"),
        ({"standard": ("rutile", 20.0), "network_only": True}, "there are no fractions"),
        ({"particle_size": 1.0, "network_only": True}, "there are no fractions"),
    ],
)
def test_impossible_options_are_refused(small_model: Model, options: dict[str, Any], says: str) -> None:
    with pytest.raises(BragglensError, match=says):
        check(small_model, read_options(**options))


def test_a_standard_is_a_candidate_whatever_its_elements(small_model: Model) -> None:
    metal = replace(small_model.library.phases[0], name="metal", sites=small_model.library.phases[0].sites[:1])
    model = replace(small_model, library=Library((*small_model.library.phases, metal)))
    element = metal.sites[0].element
    assert check(model, Options(elements=element)) == ("metal",)
    assert check(model, Options(elements=element, standard=("rutile", 20.0))) == ("metal", "rutile")
    assert check(model, Options(elements=element, standard=("Rutile", 20.0))) == ("metal", "rutile")


def test_a_missing_standard_is_one_sentence(titania: Library, small_model: Model) -> None:
    scan = made_up(titania, "anatase")
    with pytest.raises(BragglensError, match="standard rutile was not found in the scan"):
        identify(scan, small_model, wavelength=1.5406, standard=("rutile", 20.0))


def test_a_standard_gives_the_amorphous_content(titania: Library, small_model: Model) -> None:
    answer = identify(made_up(titania, "anatase"), small_model, wavelength=1.5406, standard=("Anatase", 20.0))
    assert answer.options["standard"] == ("anatase", 20.0)
    assert answer.phases[0].weight_percent == pytest.approx(20)
    assert answer.amorphous_percent == pytest.approx(80)


def test_a_library_uses_the_matcher(titania: Library) -> None:
    answer = identify(made_up(titania, "anatase"), titania, wavelength=1.5406)
    assert [finding.name for finding in answer.phases] == ["anatase"]
    assert answer.phases[0].network is not None
    assert answer.phases[0].network == max((answer.probabilities or {}).values())


def test_a_library_has_no_network_only_answer(titania: Library) -> None:
    with pytest.raises(BragglensError, match="needs a trained network"):
        identify(made_up(titania, "rutile"), titania, wavelength=1.5406, network_only=True)
