"""The commands as a user types them, from CIFs to an answer, and their messages about wrong input."""

from __future__ import annotations

import html
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from command_line import run, status_of

from bragglens.crystal.library import read_library
from bragglens.learn.model import Model, load_model, save_model
from bragglens.scan.pattern import Grid
from bragglens.scan.scan import Scan
from bragglens.simulate.draws import Constant
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.recipe import Recipe
from bragglens.simulate.recipe_file import read_recipe, write_recipe
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen
from bragglens.simulate.stored import simulate_set

PHASES = str(files("bragglens") / "data" / "titania")


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two commands of the post, in its own spelling."""
    folder = tmp_path_factory.mktemp("arrays")
    done = run(
        "simulate", PHASES, "-o", folder, "--theta_range", "(5,90)", "--strain", 0.04, "--texture", 0.8,
        "--domain_sizes", "(20,50)", "--n_train", 4, "--n_val", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = run("noise", "--template", "x_", "--noise_min", 0.01, "--noise_max", 0.05, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_arrays_agree_with_the_post(arrays: Path) -> None:
    for name, count in (("train", 20), ("val", 10)):
        x, y = np.load(arrays / f"x_{name}.npy"), np.load(arrays / f"y_{name}.npy")
        noisy = np.load(arrays / f"x_{name}_noise.npy")
        assert x.shape == noisy.shape == (count, 8501)
        assert x.dtype == noisy.dtype == np.float64
        assert y.dtype == np.int64
        assert y.tolist() == sorted([*range(5)] * (count // 5))
        np.testing.assert_allclose(x.max(axis=1), 100.0)
        assert 0.1 < (noisy - x).std() < 20
    assert not (arrays / "x_train_noise_noise.npy").exists()


def test_the_same_seed_gives_the_same_arrays(arrays: Path, tmp_path: Path) -> None:
    options = ("--strain", 0.04, "--texture", 0.8, "--domain-sizes", "20,50", "--n-train", 4, "--n-val", 2)
    assert run("simulate", PHASES, "-o", tmp_path, *options).returncode == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x_val.npy"), np.load(arrays / "x_val.npy"))


def test_each_variation_can_be_switched_off(tmp_path: Path) -> None:
    off = ("--no-strain", "--no-texture", "--no-size")
    options = ("--step", 0.05, "--n-train", 2, "--n-val", 1)
    assert run("simulate", PHASES, "-o", tmp_path / "still", *options, *off).returncode == 0
    still = np.load(tmp_path / "still" / "x_train.npy")
    np.testing.assert_array_equal(still[0], still[1])
    for one in off:
        assert run("simulate", PHASES, "-o", tmp_path / one, *options, *(o for o in off if o != one)).returncode == 0
        moved = np.load(tmp_path / one / "x_train.npy")
        assert not np.allclose(moved[0], moved[1])


def test_a_second_noise_run_does_not_add_noise_to_noise(arrays: Path) -> None:
    before = np.load(arrays / "x_val_noise.npy")
    assert run("noise", arrays, "--template", "x_").returncode == 0
    np.testing.assert_array_equal(np.load(arrays / "x_val_noise.npy"), before)
    assert len(list(arrays.glob("x_*.npy"))) == 4


def test_train_on_stored_patterns_and_identify(arrays: Path, tmp_path: Path) -> None:
    model = tmp_path / "post.bragglens"
    done = run("train", PHASES, "-o", model, "--data", arrays / "x_train_noise.npy", "--epochs", 2)
    assert done.returncode == 0, done.stderr
    assert "epoch  2/2" in done.stderr
    assert "accuracy" in done.stderr
    scan = tmp_path / "rutile.xy"
    x = np.load(arrays / "x_train.npy")[8]
    np.savetxt(scan, np.column_stack([5 + 0.01 * np.arange(8501), x]))
    done = run("identify", scan, "--model", model, "--wavelength", "CuKa", "--json", tmp_path / "answer.json")
    assert done.returncode == 0, done.stderr
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["schema"] == 1
    assert sum(answer["scans"][0]["probabilities"].values()) == pytest.approx(1.0)


def test_one_bad_file_does_not_stop_the_batch(small_model: Model, tmp_path: Path) -> None:
    model = save_model(small_model, tmp_path / "m.bragglens")
    angle = np.arange(10, 80, 0.02)
    np.savetxt(tmp_path / "good.xy", np.column_stack([angle, np.random.default_rng(0).poisson(100, angle.size)]))
    (tmp_path / "bad.xy").write_text("this is no scan")
    out = tmp_path / "a.json"
    scans = (tmp_path / "bad.xy", tmp_path / "good.xy")
    done = run("identify", *scans, "-m", model, "--wavelength", "CuKa", "--json", out)
    assert done.returncode == 1
    bad, good = json.loads(out.read_text())["scans"]
    assert bad["error"]
    assert bad["verdict"] is None
    assert good["error"] is None
    assert good["verdict"] == "unknown"


def scans(folder: Path, count: int) -> list[Path]:
    """Files with noise only."""
    angle, rng = np.arange(10, 80, 0.02), np.random.default_rng(0)
    paths = [folder / f"{i}.xy" for i in range(count)]
    for path in paths:
        np.savetxt(path, np.column_stack([angle, rng.poisson(100, angle.size)]))
    return paths


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--elements", "Ti,Zz"), "elements 'Ti,Zz': Zz is no element"),
        (("--elements", "-Ti"), "exclude every phase of the library"),
        (("--particle-size", "-2"), "particle size of -2 µm is not possible"),
        (("--standard", "rutile"), "standard 'rutile': give its name and wt%"),
        (("--standard", "gold=20"), "standard 'gold': the library has no such phase"),
        (("--standard", "rutile=120"), "120 wt% is not possible"),
        (("--standard", "rutile=20", "--network-only"), "there are no fractions"),
        (("--wavelength", "Xx"), "wavelength 'Xx' is not known"),
    ],
)
def test_wrong_options_of_identify_get_one_sentence(
    words: tuple[str, ...],
    says: str,
    small_model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = save_model(small_model, tmp_path / "m.bragglens")
    assert status_of(monkeypatch, "identify", "none.xy", "-m", model, *words) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("error:") == 1


def test_a_batch_that_is_killed_keeps_its_answers(
    small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_model(small_model, tmp_path / "m.bragglens")
    identify_room = import_module("bragglens.identification.identify")  # `bragglens.identify` is the function
    three, read = scans(tmp_path, 3), identify_room.read_scans_in_process

    def killed_at_the_last(path: Path) -> list[Scan]:
        if path == three[-1]:
            os.kill(os.getpid(), signal.SIGTERM)
        return read(path)

    monkeypatch.setattr(identify_room, "read_scans_in_process", killed_at_the_last)
    options = ("-m", model, "--wavelength", "CuKa", "--network-only", "--json", tmp_path / "a.json")
    assert status_of(monkeypatch, "identify", *three, *options) == 130
    answers = json.loads((tmp_path / "a.json").read_text())["scans"]
    assert [answer["file"] for answer in answers] == [str(path) for path in three[:2]]
    printed = capsys.readouterr()
    assert "interrupted after 2 of 3" in printed.err
    assert "1.xy" in printed.out


def test_a_long_batch_is_on_disk_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    app_room = import_module("bragglens.cli.app")
    monkeypatch.setattr(app_room, "KEEP_EVERY", 0.0)
    seen = []
    answered = app_room.batch("", ["a", "b"], lambda i: seen.append(i) or [i], lambda done: seen.append([*done]))
    assert answered == (["a", "b"], True)
    assert seen == ["a", ["a"], "b", ["a", "b"]]


def test_evaluate_with_the_network_alone(small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_model(small_model, tmp_path / "m.bragglens")
    scans(tmp_path, 1)
    (tmp_path / "l.csv").write_text(
        "file,set,phases,weight_percent,wavelength\n0.xy,noise,unknown:noise,,CuKa\n0.xy,again,unknown:noise,,CuKa\n"
    )
    words = ("evaluate", tmp_path / "l.csv", "-m", model, "--set", "noise", "--json", tmp_path / "a.json")
    for options, fitted in (((), True), (("--network-only",), False)):
        assert status_of(monkeypatch, *words, *options) == 0
        (answer,) = json.loads((tmp_path / "a.json").read_text())["scans"]
        assert (answer["rwp"] is not None) == fitted


def test_evaluate_with_structures_alone_reports_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "l.csv").write_text("file,set,phases,weight_percent,wavelength\nnone.xy,mine,rutile,,CuKa\n")
    assert status_of(monkeypatch, "evaluate", tmp_path / "l.csv", "--phases", PHASES) == 1
    assert "1 of 1 scans could not be identified" in " ".join(capsys.readouterr().out.split())
    assert status_of(monkeypatch, "evaluate", tmp_path / "l.csv", "--phases", PHASES, "--network-only") == 2
    assert "needs a trained network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "words", "says"),
    [
        (1, ("--figure", "a.gif"), "a.gif: no figure can be written as '.gif'"),
        (2, ("--figure", "a.png"), "a.png: is one figure, but there are several scans: give a folder"),
        (3, ("--series", "a.gif"), "a.gif: no figure can be written as '.gif'"),
        (2, ("--series", "a.png"), "these 2 scans do not form a series: give at least 3"),
        (1, ("--report", "a.pdf"), "a.pdf: a report is an HTML page"),
        (1, ("--table", "a.txt"), "no table can be written as '.txt'"),
        (1, ("--instrument", "a.toml"), "a.toml: there is no such file: `bragglens calibrate -o` makes one"),
        (1, ("--elements", "Ti - O"), "write 'Ti,O' to have what follows it, 'Ti,-O' to leave it out"),
        (1, ("--elements", "TiO2", "--elements", "-Ti"), "Ti is both required and excluded"),
        (1, ("--wavelength-if-missing", "Xx"), "wavelength 'Xx' is not known"),
    ],
)
def test_impossible_outputs_are_refused_first(
    count: int,
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    identify_room = import_module("bragglens.identification.identify")
    monkeypatch.setattr(identify_room, "identify_each", lambda *_, **__: pytest.fail("the work has begun"))
    assert status_of(monkeypatch, "identify", *scans(tmp_path, count), "--phases", PHASES, *words) == 2
    assert says in capsys.readouterr().err


def test_a_library_is_listed_with_formulas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(Path(PHASES) / "rutile.cif", tmp_path)
    (tmp_path / "bad.cif").write_text("data_x")
    assert status_of(monkeypatch, "library", "show", tmp_path, "rutile") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("rutile  TiO2, P 42/m n m")
    assert "left out: " in printed.err


def test_figures_of_several_scans_go_to_a_folder(small_model: Model, tmp_path: Path) -> None:
    model = save_model(small_model, tmp_path / "m.bragglens")
    angle = np.arange(10, 80, 0.02)
    for name in ("a.xy", "b.xy"):
        np.savetxt(tmp_path / name, np.column_stack([angle, np.random.default_rng(0).poisson(100, angle.size)]))
    scans = (tmp_path / "a.xy", tmp_path / "b.xy")
    done = run("identify", *scans, "-m", model, "--wavelength", "1.5406", "--figure", tmp_path / "f")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == ["a.xy.png", "b.xy.png"]


def test_a_recipe_is_started_shown_drawn_and_simulated_from(tmp_path: Path) -> None:
    mine = tmp_path / "my.toml"
    mine.write_text(run("recipe", "show", "--toml").stdout, encoding="utf-8")
    assert read_recipe(mine) == Recipe()
    mine.write_text("size = { constant = 5.0 }\nwavelength = 'CoKa'\n")
    done = run("recipe", "show", mine)
    assert done.returncode == 0, done.stderr
    assert "always 5 " in done.stdout
    assert "crystallite size" in done.stdout
    options = ("--phase", "rutile", "--step", 0.1, "--two-theta", "20,60")
    done = run("recipe", "plot", PHASES, "-o", tmp_path / "mine.png", "--recipe", mine, *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")
    options = ("--step", 0.1, "--two-theta", "20,60", "--n-train", 2, "--n-val", 1, "--seed", 4)
    done = run("simulate", PHASES, "-o", tmp_path, "--recipe", mine, "--strain", 0.1, *options)
    assert done.returncode == 0, done.stderr
    library = read_library(PHASES)
    expected, _ = simulate_set(library, read_recipe(mine), Grid(20, 60, 0.1), per_phase=2, seed=4)
    # a freshly compiled kernel and one from the cache may round differently and cut a tail one point apart: 6e-6
    np.testing.assert_allclose(np.load(tmp_path / "x_train.npy"), expected, rtol=0, atol=1e-5 * expected.max())


def test_phases_are_drawn_without_arrays(tmp_path: Path) -> None:
    done = run("simulate", PHASES, "--plot", tmp_path / "phases.svg", "--step", 0.05)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["phases.svg"]
    for name in ("anatase", "tio2_II"):
        assert name in (tmp_path / "phases.svg").read_text()


def test_training_follows_the_recipe_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bragglens.learn.train.STRANGERS", 20)
    mine = replace(Recipe(), size=Constant(20.0), wavelength="CoKa", strangers=0.25)
    write_recipe(mine, tmp_path / "my.toml")
    options = ("--steps", 20, "--step", 0.5, "--recipe", tmp_path / "my.toml", "--wavelength", "CuKa")
    done = run("train", PHASES, "-o", tmp_path / "m.bragglens", *options)
    assert done.returncode == 0, done.stderr
    model = load_model(tmp_path / "m.bragglens")
    assert model.recipe == mine.to_dict()
    assert model.preparation.wavelength == pytest.approx(1.788996)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("simulate", "EMPTY", "-o", "out"), "holds no .cif or .str file"),
        (("simulate", "nowhere", "-o", "out"), "is not a folder"),
        (("simulate", "BROKEN", "-o", "out"), "none of its 1 structures can be read"),
        (("simulate", PHASES, "-o", "out", "--strain", "4"), "strain 4 is not possible"),
        (("simulate", PHASES, "-o", "out", "--texture", "1"), "texture 1 is not possible"),
        (("simulate", PHASES, "-o", "out", "--two-theta", "90,5"), "2θ range from 90 to 5"),
        (("simulate", PHASES, "-o", "out", "--profile", "square"), "profile 'square' is not known"),
        (("simulate", PHASES), "there is no folder for the arrays"),
        (("simulate", PHASES, "--plot", "p.png", "--figure", "f.png"), "there is no folder for the arrays"),
        (("simulate", PHASES, "-o", "out", "--recipe", "none.toml"), "none.toml: there is no such file"),
        (("recipe", "show", "RECIPE.toml"), "RECIPE.toml: sise: a recipe has no such field: is 'size' meant?"),
        (("recipe", "plot", PHASES, "-o", "f.png", "--recipe", "RECIPE.toml"), "RECIPE.toml: sise: "),
        (("recipe", "plot", PHASES, "-o", "f.png", "--phase", "iron"), "holds no phase 'iron': choose one of anatase"),
        (("recipe", "plot", PHASES, "-o", "f.gif", "--step", "0.5"), "no figure can be written as '.gif'"),
        (("train", PHASES, "-o", "m", "--recipe", "RECIPE.toml"), "RECIPE.toml: sise: "),
        (("train", PHASES, "-o", "m", "--recipe", "r.toml", "--data", "x_train.npy"), "exclude each other"),
        (("noise", "EMPTY"), "no file x_*.npy there"),
        (("noise", "nothing.npy"), "there is no such file"),
        (("train", PHASES, "-o", "m", "--data", "y.npy"), "give the training patterns"),
        (("train", PHASES, "-o", "m", "--network", "huge", "--steps", "20"), "network 'huge' is not known"),
        (("identify", "a.xy", "-m", "none.bragglens"), "no such model file"),
        (("evaluate", "none.csv", "-m", "none.bragglens"), "no such model file"),
    ],
)
def test_wrong_input_gets_one_sentence(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "x.cif").write_text("data_x\n_cell_length_a 4\nloop_\n_atom")
    (tmp_path / "RECIPE.toml").write_text("sise = { constant = 5.0 }")
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1


def test_two_cifs_of_one_phase_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bragglens.learn.train.STRANGERS", 20)
    source = (Path(PHASES) / "rutile.cif").read_text()
    (tmp_path / "rutile.cif").write_text(source)
    (tmp_path / "same.cif").write_text(source.replace("4.5937", "4.5950"))
    done = run("train", tmp_path, "-o", tmp_path / "m.bragglens", "--steps", 20, "--step", 0.5)
    assert done.returncode == 0, done.stderr
    assert "rutile and same give nearly the same pattern (similarity 1.00 of 1)" in " ".join(done.stderr.split())


def test_help_names_every_command() -> None:
    """The first in a process of its own, to test that the module starts."""
    done = subprocess.run([sys.executable, "-m", "bragglens", "--help"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0
    for command in ("simulate", "noise", "train", "identify", "evaluate", "serve", "recipe", "demo"):
        assert command in done.stdout
        assert run(command, "--help").returncode == 0


def test_a_folder_of_structures_in_place_of_a_model(tmp_path: Path) -> None:
    library = read_library(PHASES)
    grid, instrument = Grid(20.0, 70.0, 0.03), Instrument(emission("CuKa"), W=0.006)
    crystals = reflections_in_range(library.phases[:1], instrument.lines, grid)
    clean = pattern(crystals[0], instrument, Specimen(size=40.0), grid)
    counts = np.random.default_rng(0).poisson(5000 * clean / clean.max() + 100)
    np.savetxt(tmp_path / "scan.xy", np.column_stack([grid.two_theta, counts]))
    done = run("identify", tmp_path / "scan.xy", "--phases", PHASES, "--wavelength", "CuKa", "--json", "-")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)["scans"][0]
    assert [phase["name"] for phase in answer["phases"]] == [library.names[0]]
    assert max(answer["probabilities"], key=answer["probabilities"].get) == library.names[0]


def test_every_scan_of_a_file_is_answered_in_report_table_and_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anatase that becomes rutile, in one file; and a file that is not a scan."""
    library = read_library(PHASES)
    grid, lines = Grid(22, 58, 0.05), emission("CuKa")
    crystals = dict(zip(library.names, reflections_in_range(library.phases, lines, grid), strict=True))
    anatase, rutile = (pattern(crystals[name], Instrument(lines), Specimen(), grid) for name in ("anatase", "rutile"))
    rng = np.random.default_rng(0)
    folder = tmp_path / "run"
    folder.mkdir()
    with (folder / "series2.xy").open("w") as handle:
        for share in (0.0, 0.5, 1.0):
            counts = rng.poisson(3000 * ((1 - share) * anatase + share * rutile) / anatase.max() + 100)
            handle.writelines(f"{x:.3f} {y}\n" for x, y in zip(grid.two_theta, counts, strict=True))
    (folder / "series10.xy").write_text("nothing")
    written = ("--report", tmp_path / "r.html", "--table", tmp_path / "t.csv", "--series", tmp_path / "s.svg")
    options = ("--phases", PHASES, "--wavelength", "CuKa", "--json", tmp_path / "a.json")
    assert status_of(monkeypatch, "identify", folder, *options, *written) == 1
    answers = json.loads((tmp_path / "a.json").read_text())["scans"]
    names = [Path(answer["file"]).name for answer in answers]
    assert names == ["series2.xy#1", "series2.xy#2", "series2.xy#3", "series10.xy"]
    found = [{phase["name"] for phase in answer["phases"]} for answer in answers]
    assert found == [{"anatase"}, {"anatase", "rutile"}, {"rutile"}, set()]
    page = (tmp_path / "r.html").read_text()
    assert page.count("<section id=") == 4
    assert answers[3]["error"] in html.unescape(page)
    assert "data:image/png" in page
    assert (tmp_path / "t.csv").read_text("utf-8-sig").splitlines()[0].startswith("file,verdict,anatase wt%,anatase ±")
    assert (tmp_path / "s.svg").read_text().startswith("<?xml")
    assert str(tmp_path / "r.html") in capsys.readouterr().err


def test_impossible_outputs_are_refused_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_module("bragglens.identification.identify"), "read_scans_in_process", None)
    (tmp_path / "file").touch()
    for option, name, said in (
        ("--table", "t.xls", "no table can be written as '.xls'"),
        ("--series", "s.bmp", "no figure can be written as '.bmp'"),
        ("--report", "r.pdf", "end the name in .html"),
        ("--report", "file/r.html", "cannot be written"),
    ):
        assert status_of(monkeypatch, "identify", "x.xy", "--phases", PHASES, option, tmp_path / name) == 2
        assert said in capsys.readouterr().err


def test_a_failed_output_does_not_stop_the_others(
    small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_model(small_model, tmp_path / "m.bragglens")
    (tmp_path / "file").touch()  # at the place of a folder of figures
    options = ("-m", model, "--wavelength", "CuKa", "--network-only", "--figure", tmp_path / "file" / "figures")
    two = scans(tmp_path, 2)
    asked = (*options, "--json", tmp_path / "a.json", "--report", tmp_path / "r.html")
    assert status_of(monkeypatch, "identify", *two, *asked) == 2
    assert len(json.loads((tmp_path / "a.json").read_text())["scans"]) == 2
    assert (tmp_path / "r.html").read_text().count("<section id=") == 2
    said = capsys.readouterr().err
    assert said.count("cannot be written") == 1


def test_paths_are_printed_unchanged_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "a long name [of] a folder as people beside a diffractometer give it"
    shutil.copytree(PHASES, folder)
    (folder / "bad [b].cif").write_text("data_x\n")
    built = run("library", "build", folder, "-o", folder / "own.library")
    assert f"{folder}/own.library  5 phases" in built.stdout
    assert "left out: bad [b].cif: " in built.stderr
    taken = run("fetch", "cod", "--url", "http://127.0.0.1:9", "x", "-o", folder)
    assert f"{folder}  0 structures, 1 problems\n" in taken.stdout


def test_an_empty_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    assert status_of(monkeypatch, "identify", tmp_path, "--phases", PHASES) == 2
    assert "has no readable file" in capsys.readouterr().err


def test_a_fit_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profile, project and refinement of one scan, and the files of several; existing files are not changed."""
    grid, instrument = Grid(20.0, 80.0, 0.03), Instrument(emission("CuKa"), W=0.006)
    (rutile,) = [phase for phase in read_library(PHASES) if phase.name == "rutile"]
    (crystal,) = reflections_in_range([rutile], instrument.lines, grid)
    clean = pattern(crystal, instrument, Specimen(size=40.0), grid)
    counts = np.random.default_rng(0).poisson(5000 * clean / clean.max() + 100)
    for name in ("a.xy", "b.xy"):
        np.savetxt(tmp_path / name, np.column_stack([grid.two_theta, counts]))
    monkeypatch.chdir(tmp_path)
    asked = ("--phases", PHASES, "--wavelength", "CuKa", "--json", "a.json")
    one = ("identify", "a.xy", *asked, "--profile", "fit.cif", "--rietx", "a.rex", "--rietveld")
    assert status_of(monkeypatch, *one) == 0
    (answer,) = json.loads(Path("a.json").read_text())["scans"]
    assert answer["rietveld"]["error"] is None
    assert answer["rietveld"]["weight_percent"] == {"rutile": 100}
    assert answer["rietveld"]["rwp"] == pytest.approx(answer["rwp"], rel=0.05)
    assert Path("fit.cif").read_text().startswith("data_a.xy_pattern")
    before = Path("a.rex/project.json").read_bytes()
    assert status_of(monkeypatch, *one) == 2  # a project is never overwritten, and no work is done in vain
    assert Path("a.rex/project.json").read_bytes() == before
    several = ("identify", "a.xy", "b.xy", *asked, "--profile", "fits", "--rietx", "projects")
    Path("projects/b.xy.rex").mkdir(parents=True)
    assert status_of(monkeypatch, *several) == 0
    assert sorted(path.name for path in Path("fits").iterdir()) == ["a.xy.cif", "a.xy.xye", "b.xy.cif", "b.xy.xye"]
    assert Path("projects/a.xy.rex/project.json").exists()
    first, second = json.loads(Path("a.json").read_text())["scans"]
    assert "exists already" not in "".join(first["notes"])
    assert "b.xy.rex: exists already" in "".join(second["notes"])


@pytest.mark.parametrize("words", [("--profile", "fit.gsa"), ("--rietveld", "--network-only"), ("--watch", ".")])
def test_impossible_exports_are_refused_first(
    words: tuple[str, ...], small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_model(small_model, tmp_path / "m.bragglens")
    (scan,) = scans(tmp_path, 1)
    assert status_of(monkeypatch, "identify", scan, "-m", model, "--wavelength", "CuKa", *words) == 2
