"""batch: a table of jobs, a row for each scan, as laboratory software writes it."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run

from bragglens.cli.job_table import is_table, read_rows
from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

PHASES = Path(str(files("bragglens") / "data" / "titania"))


@pytest.fixture(scope="module")
def lab(titania: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rutile measured with copper and with cobalt radiation, and a folder with rutile alone."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "day 1").mkdir()
    number = titania.names.index("rutile")
    for name, tube in (("cu.xy", "CuKa"), ("co.xy", "CoKa")):
        instrument, grid = Instrument(emission(tube), W=0.01), Grid(20.0, 75.0, 0.04)
        crystals = reflections_in_range(titania.phases[number : number + 1], instrument.lines, grid)
        (drawn,) = render_phases(crystals, instrument, [Specimen()], grid)
        counts = np.random.default_rng(1).poisson(2000 * drawn + 40)
        np.savetxt(folder / "day 1" / name, np.column_stack([grid.two_theta, counts]), fmt="%.3f")
    (folder / "mine").mkdir()
    shutil.copy(PHASES / "rutile.cif", folder / "mine")
    (folder / "jobs.csv").write_text(
        "file,wavelength,elements,standard,library\n"
        "day 1/cu.xy,,,,\n"
        "day 1/co.xy,CoKa,,,\n"
        'day 1/cu.xy,1.5406,"Ti,O",rutile=20,mine\n'
        "\n"
        "gone.xy,,,,\n"
        "day 1/cu.xy,Xx,,,\n"
        "day 1/cu.xy,,Ti,O,,\n"
        "day 1/cu.xy,,,,yours.library\n"
        ",CuKa,,,\n"
        "day 1/cu.xy,,-O,,\n"
    )
    return folder


BAD = {  # row of jobs.csv: its error
    6: "gone.xy: there is no such file",
    7: "day 1/cu.xy: wavelength 'Xx' is not known",
    8: "day 1/cu.xy: has more cells than the header",
    9: "day 1/cu.xy: yours.library: is neither a part of the built-in library nor a file",
    10: "has no file",
    11: "day 1/cu.xy: elements '-O': exclude every phase of the library",
}


def answers_of(path: Path) -> list[dict[str, Any]]:
    scans: list[dict[str, Any]] = json.loads(path.read_text())["scans"]
    return [scan | {"seconds": None} for scan in scans]


@pytest.fixture(scope="module")
def together(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The answers for the table in one file."""
    target = tmp_path_factory.mktemp("answers") / "a.json"
    opened, asked = [], import_module("bragglens.cli.jobs")
    with pytest.MonkeyPatch.context() as patch:
        read = asked.read_sources
        patch.setattr(asked, "read_sources", lambda given: opened.append(given) or read(given))
        done = run("batch", lab / "jobs.csv", "--phases", PHASES, "--wavelength", "CuKa", "--json", target)
    assert done.returncode == 1, done.stderr
    assert opened == [(str(PHASES),), (str(lab / "mine"),)]  # each once
    return answers_of(target)


def test_rows_override_options(lab: Path, together: list[dict[str, Any]]) -> None:
    copper, cobalt, mine = together[:3]
    assert [answer["phases"][0]["name"] for answer in together[:3]] == ["rutile"] * 3
    assert copper["file"] == mine["file"] == str(lab / "day 1" / "cu.xy")
    assert copper["options"] == {"wavelength": pytest.approx(1.5405929)}
    assert cobalt["options"] == {"wavelength": pytest.approx(1.788996)}
    assert mine["options"] == {"wavelength": 1.5406, "elements": "Ti,O", "standard": ["rutile", 20.0]}
    assert len(copper["detection_limits"]) + 1 == 5
    assert mine["detection_limits"] == {}


def test_a_bad_row_does_not_stop_the_others(lab: Path, together: list[dict[str, Any]]) -> None:
    errors = [answer["error"] for answer in together]
    assert errors[:3] == [None] * 3
    assert len(errors) == 3 + len(BAD)
    for error, (row, says) in zip(errors[3:], BAD.items(), strict=True):
        assert error.startswith(f"{lab / 'jobs.csv'}, row {row}: ")
        assert says in error.replace(f"{lab}/", "")
        assert "\n" not in error


def test_each_row_has_its_own_file(lab: Path, together: list[dict[str, Any]], tmp_path: Path) -> None:
    asked = ("batch", lab / "jobs.csv", "--phases", PHASES, "--wavelength", "CuKa", "--json", tmp_path / "answers")
    done = run(*asked, "--workers", 2)
    assert done.returncode == 1, done.stderr
    assert "9 answered, 6 with errors" in done.stdout
    assert [f"row {row}: " in done.stderr for row in BAD] == [True] * len(BAD)
    names = ["cu.xy", "co.xy", "cu.xy.row4", "gone.xy", *(f"cu.xy.row{row}" for row in (7, 8, 9))]
    for name, answer in zip(names, together, strict=False):
        (found,) = answers_of(tmp_path / "answers" / f"{name}.json")
        assert found["error"] or found == answer
    again = run(*asked)
    assert "6 answered, 3 answered before, 6 with errors" in again.stdout


def test_workers_write_table_and_report_in_the_order_of_the_rows(lab: Path, tmp_path: Path) -> None:
    (lab / "few.csv").write_text("file;library\nday 1/co.xy;\ngone.xy;\nday 1/cu.xy;mine\n")
    words = ("--phases", PHASES, "--wavelength-if-missing", "CuKa", "--elements", "Ti-O", "--workers", 2)
    table, report = tmp_path / "t.csv", tmp_path / "r.html"
    assert run("batch", lab / "few.csv", *words, "--table", table, "--report", report).returncode == 1
    rows = table.read_text("utf-8-sig").splitlines()[1:]
    assert [Path(row.split(",")[0]).name for row in rows] == ["co.xy", "gone.xy", "cu.xy"]
    assert "few.csv, row 3" in rows[1]
    assert report.read_text(encoding="utf-8").count('<figure class="plot">') == 2


def test_figures_with_the_same_name_are_refused(lab: Path, tmp_path: Path) -> None:
    (lab / "twice.csv").write_text("file\na/x.xy\nb/x.xy\n")
    done = run("identify", "a/x.xy", "b/x.xy", "--phases", PHASES, "--figure", tmp_path / "f", cwd=lab)
    assert done.returncode == 2
    assert "x.xy: several files have this name" in done.stderr


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("file\na.xy\n", {2: {"file": "a.xy"}}),
        ("File; Elements ;\r\n a.xy ;Ti-O;\r\n;;\r\nb;;", {2: {"file": "a.xy", "elements": "Ti-O"}, 4: {"file": "b"}}),
        ("library\tfile\nminerals, metals\tü, x.xy\n", {2: {"library": "minerals, metals", "file": "ü, x.xy"}}),
        ('file,elements\n"a, b.xy","Ti,O"\n', {2: {"file": "a, b.xy", "elements": "Ti,O"}}),
        ("\n\nwavelength,file\nCuKa,a.xy", {4: {"wavelength": "CuKa", "file": "a.xy"}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_are_read_as_spreadsheets_write_them(
    content: str, read: dict[int, dict[str, str]], encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "jobs.csv").write_bytes(content.encode(encoding))
    rows = read_rows(tmp_path / "jobs.csv")
    assert {row.number: row.cells for row in rows} == read
    assert not any(row.error for row in rows)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"file,sample\na.xy,7\n",
            "the column 'sample' is not known: a table of jobs has the columns file, wavelength",
        ),
        (b"10.00,153\n10.02,149\n", "the column '10.00' is not known"),
        (b"wavelength\nCuKa\n", "the column file is missing: a table of jobs has the columns file, wavelength, elem"),
        (b"file,file\na,b\n", "the column file occurs twice"),
        (b"file,wavelength\n", "has no scans"),
        (b"", "the column file is missing"),
        (b"file\n\xe4.xy\n", "is not UTF-8 text"),
        (b'file\n"' + b"a" * 200_000, "the table cannot be read"),
    ],
)
def test_an_invalid_table_is_one_sentence(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_bytes(content)
    with pytest.raises(BragglensError, match=r"jobs\.csv: ") as caught:
        read_rows(tmp_path / "jobs.csv")
    assert says in str(caught.value)
    done = run("batch", tmp_path / "jobs.csv", "--phases", PHASES)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1


def test_one_csv_is_a_table_and_several_are_scans(tmp_path: Path) -> None:
    assert is_table([Path("jobs.CSV")])
    assert not is_table([Path("a.csv"), Path("b.csv")])
    assert not is_table([Path("a.xy")])
    (tmp_path / "jobs.csv").write_text("file\na.xy\n")
    done = run("identify", "jobs.csv", "--phases", PHASES, cwd=tmp_path)
    assert (done.returncode, "jobs.csv: is a table of jobs, not a scan: give it to" in done.stderr) == (2, True)
    done = run("batch", "none.csv", "--phases", PHASES, cwd=tmp_path)
    assert (done.returncode, "none.csv: there is no such file" in done.stderr) == (2, True)
