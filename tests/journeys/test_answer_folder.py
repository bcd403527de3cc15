"""batch --json FOLDER: the same answers for any number of workers and after any number of interruptions."""

from __future__ import annotations

import json
import random
import sys
import time
from importlib.resources import files
from pathlib import Path
from subprocess import DEVNULL

import numpy as np
import pytest
from child_processes import all_end, children, started
from command_line import run

from bragglens.cli.folder import answer_piece, pieces_of
from bragglens.cli.jobs import jobs_of, who_of
from bragglens.cli.parameters import Answers
from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.options import Options
from bragglens.identification.sources import proposer_of
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

PHASES = str(files("bragglens") / "data" / "titania")
BRAGGLENS = [sys.executable, "-m", "bragglens"]
GRID = Grid(15.0, 70.0, 0.04)


@pytest.fixture(scope="module")
def scans(titania: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight scans, and a file that is not a scan."""
    folder = tmp_path_factory.mktemp("scans")
    instrument = Instrument(emission("CuKa"), W=0.01)
    drawn = render_phases(
        reflections_in_range(titania.phases, instrument.lines, GRID), instrument, [Specimen()] * 5, GRID
    )
    for number in range(8):
        counts = np.random.default_rng(number).poisson(2000 * drawn[number % 5] + 40)
        np.savetxt(folder / f"scan{number}.xy", np.column_stack([GRID.two_theta, counts]), fmt="%.3f")
    (folder / "broken.xy").write_text("no scan\n")
    return folder


def _asked(scans: Path, answers: Path, *more: str, command: str = "batch") -> list[str]:
    return [command, str(scans), "--phases", PHASES, "--wavelength", "CuKa", "--json", str(answers), *more]


def _answers(folder: Path) -> dict[str, object]:
    """All answers without their times."""
    found = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = json.loads(path.read_text())
        for scan in found[path.name]["scans"]:
            scan.pop("seconds", None)
    return found


@pytest.fixture(scope="module")
def undisturbed(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    answers = tmp_path_factory.mktemp("undisturbed")
    done = run(*_asked(scans, answers, command="identify"))  # the spelling before `batch` existed
    assert done.returncode == 1, done.stderr
    assert "broken.xy" in done.stderr
    assert "9 answered, 1 with errors" in done.stdout
    return answers


def test_each_scan_has_an_answer(undisturbed: Path) -> None:
    found = _answers(undisturbed)
    assert len(found) == 9
    assert found["scan0.xy.json"]["scans"][0]["phases"][0]["name"] == "anatase"  # type: ignore[index]
    assert found["broken.xy.json"]["scans"][0]["error"]  # type: ignore[index]


def test_existing_answers_are_kept(scans: Path, undisturbed: Path) -> None:
    """Except for the file that is not a scan: it may have been corrected."""
    before = {path: path.stat().st_mtime_ns for path in undisturbed.glob("scan*")}
    done = run(*_asked(scans, undisturbed))
    assert "1 answered, 8 answered before, 1 with errors" in done.stdout
    assert done.returncode == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_interrupted_runs_end_with_the_same_answers(scans: Path, undisturbed: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    answers.mkdir()
    for number in range(2):
        with started(
            [*BRAGGLENS, *_asked(scans, answers, "--workers", "2")], stdout=DEVNULL, stderr=DEVNULL
        ) as process:
            while len(list(answers.glob("*.json"))) < 2 + 3 * number and process.poll() is None:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.3))
            workers = children(process)
            process.kill()
            process.wait()
            assert all_end(workers)
    done = run(*_asked(scans, answers, "--workers", "2", command="identify"))
    assert " answered before" in done.stdout
    assert _answers(answers) == _answers(undisturbed)


def test_a_worker_with_another_library_gives_no_answer(scans: Path, titania: Library, tmp_path: Path) -> None:
    who = who_of([PHASES], proposer_of(Library(titania.phases[:2])))
    (piece,) = pieces_of(jobs_of([scans / "scan0.xy"], who, Options(wavelength=1.5406)), tmp_path)
    with pytest.raises(BragglensError, match="has changed since the run began"):
        answer_piece(piece)


def test_conflicting_options_are_refused(scans: Path, tmp_path: Path) -> None:
    for more in (["--table", str(tmp_path / "t.csv")],):
        done = run(*_asked(scans, tmp_path, *more))
        assert done.returncode == 2
    among = run(*_asked(scans, scans))
    assert "another folder than the scans" in among.stderr


@pytest.mark.parametrize(
    ("json", "several", "folder"),
    [
        ("new/", False, True),
        ("new", False, False),
        ("new", True, True),
        ("new.json", True, False),
        ("new.json/", False, True),
        (None, True, False),
        (".", False, True),
        ("-", True, False),
    ],
)
def test_which_paths_are_folders(json: str | None, several: bool, folder: bool) -> None:
    assert (Answers(json=json).folder(bare=several) is not None) is folder
