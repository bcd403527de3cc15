"""An answer from a scan only: the built-in library, alone and with the user's structures."""

from __future__ import annotations

import json
from contextlib import chdir
from importlib.resources import files
from pathlib import Path

import pytest
from command_line import run
from typer import BadParameter

from bragglens.cli.jobs import sources_of
from bragglens.cli.parameters import Sources
from bragglens.demo import MARL, measured_fluorapatite
from bragglens.match.builtin import SCOPES, builtin

PHASES = files("bragglens") / "data" / "titania"


@pytest.fixture(scope="module")
def marl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = builtin().library
    return MARL.write([library[name] for name in MARL.content], tmp_path_factory.mktemp("scans") / "marl.xy", seed=1)


def names(printed: str) -> list[str]:
    return [phase["name"] for phase in json.loads(printed)["scans"][0]["phases"]]


def test_a_scan_alone_is_a_command(marl: Path) -> None:
    done = run(marl, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert names(done.stdout) == list(MARL.content)


def test_a_missing_scan_is_reported(tmp_path: Path) -> None:
    done = run("nothere.xy", cwd=tmp_path)
    assert (done.returncode, "there is no such file" in done.stderr + done.stdout) == (1, True)


def test_an_unknown_command_is_reported() -> None:
    done = run("identfy")
    assert (done.returncode, "No such command 'identfy'" in done.stderr) == (2, True)


def test_usage_is_printed() -> None:
    done = run()
    assert "bragglens SCAN" in " ".join((done.stdout + done.stderr).split())


def test_a_part_of_the_library(marl: Path) -> None:
    assert names(run("identify", marl, "--library", "minerals", "--json", "-").stdout) == list(MARL.content)
    assert names(run("identify", marl, "--library", "metals,battery", "--json", "-").stdout) != list(MARL.content)
    unknown = run("identify", marl, "--library", "steel")
    assert (unknown.returncode, all(scope in unknown.stderr for scope in SCOPES)) == (2, True)


def test_a_file_together_with_a_part_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "my own").mkdir()
    (tmp_path / "my own" / "rutile.cif").write_bytes((PHASES / "rutile.cif").read_bytes())
    with chdir(tmp_path):
        own = Path("my own/rutile.cif").resolve()
        assert sources_of(Sources(library=["my own/rutile.cif"])) == [str(own)]
        parts = sources_of(Sources(library=["minerals,metals", "my own"]))
        assert parts == [str(own.parent), "minerals", "metals"]
        with pytest.raises(BadParameter, match=r"other.library: is neither a part of the built-in library nor a file"):
            sources_of(Sources(library=["minerals,other.library"]))


def test_own_structures_together_with_the_library(marl: Path) -> None:
    own = ("--phases", PHASES / "rutile.cif", "--phases", PHASES)
    asked = (*own, "--library", "minerals", "--elements", "Ca,Si,O,C,Mg,Ti")
    done = run("identify", marl, *asked, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert names(done.stdout) == list(MARL.content)
    limits = json.loads(done.stdout)["scans"][0]["detection_limits"]
    assert {"rutile", "Rutile"} & set(limits) <= {"rutile"}  # the user's structure is used


def test_a_model_knows_its_own_phases(marl: Path) -> None:
    done = run("identify", marl, "--model", "my.bragglens", "--library", "minerals")
    assert (done.returncode, "knows its own phases" in " ".join(done.stderr.split())) == (2, True)


def test_the_measured_scan_is_copied(tmp_path: Path) -> None:
    assert measured_fluorapatite(tmp_path).stat().st_size > 1000
