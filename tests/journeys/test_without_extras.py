"""The base install: the main functions, and one sentence for each function that needs an extra."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bragglens.demo import MARL

TESTS = Path(__file__).resolve().parents[1]
EXTRAS = ("fontTools", "h5py", "matplotlib", "onnx", "pandas", "PIL", "pyarrow", "rietx", "spglib", "torch")
FILE = "shown/measured_fluorapatite.xra"
WHOLE = {
    "demo": ("demo", "-o", "shown"),
    "identify": (
        FILE,
        "--wavelength",
        "CuKa",
        "--elements",
        "Ca,P,O,F",
        "--json",
        "-",
        "--report",
        "one.html",
        "--table",
        "one.csv",
    ),
}
LACKING = {  # function, package, its extra
    ("--figure", "matplotlib", "plots"): (FILE, "--figure", "a.png"),
    ("--series", "matplotlib", "plots"): (FILE, "--series", "a.png"),
    ("a.png: a figure", "matplotlib", "plots"): ("calibrate", FILE, "-o", "a.toml", "--figure", "a.png"),
    ("a Rietveld refinement or project", "rietx", "rietveld"): (FILE, "--rietx", "a.rex"),
    ("train", "torch", "train"): ("train", "own", "-o", "a.bragglens"),
    ("--founding-post", "torch", "train"): ("demo", "--founding-post"),
}
PROGRAM = """
import json, sys
from command_line import run
import bragglens
from bragglens.errors import BragglensError

def ran(*words):
    done = run(*words)
    return {"status": done.returncode, "out": done.stdout, "err": " ".join(done.stderr.split())}

def refused(call):
    try:
        return str(call())
    except BragglensError as error:
        return str(error)

whole, lacking = json.loads(sys.argv[1])
answers = {name: ran(*words) for name, words in whole.items()}
said = [ran(*words) for words in lacking]
(scan,) = bragglens.read_scans("shown/measured_fluorapatite.xra")
answer = bragglens.identify(scan, wavelength="CuKa", elements="Ca,P,O,F")
called = [refused(scan.plot), refused(answer.plot), answer._repr_html_()]
from bragglens.web.server import application
served = callable(application(bragglens.read_library("own"), workers=1))
print(json.dumps([answers, said, called, served]))
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """Results of a process and its children in which no extra except web can be imported."""
    place = tmp_path_factory.mktemp("base")
    for name in EXTRAS:
        missing = f'raise ModuleNotFoundError("No module named {name}", name="{name}")\n'
        (place / "missing" / name).mkdir(parents=True)
        (place / "missing" / name / "__init__.py").write_text(missing)
    (place / "own").mkdir()
    (place / "own" / "rutile.cif").write_bytes((TESTS.parent / "src/bragglens/data/titania/rutile.cif").read_bytes())
    paths = [place / "missing", TESTS, TESTS.parent / "src"]
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([WHOLE, list(LACKING.values())])],
        cwd=place,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert result.returncode == 0, result.stderr
    return place, json.loads(result.stdout.splitlines()[-1])


def test_the_main_functions_work(done: tuple[Path, list[Any]]) -> None:
    place, (answers, *_, served) = done
    assert answers["demo"]["status"] == answers["identify"]["status"] == 0, answers
    assert json.loads(answers["identify"]["out"])["scans"][0]["phases"][0]["name"] == "Fluorapatite"
    for written, least in (("shown/report.html", 10_000), ("one.html", 200), ("one.csv", 200)):
        assert (place / written).stat().st_size > least
    assert served


def test_the_demo_names_the_present_phases(done: tuple[Path, list[Any]]) -> None:
    place, _ = done
    measured, made = json.loads((place / "shown" / "answers.json").read_text())["scans"]
    assert measured["phases"][0]["name"] == "Fluorapatite"
    assert [phase["name"] for phase in made["phases"]] == list(MARL.content)


def test_a_missing_extra_is_one_sentence(done: tuple[Path, list[Any]]) -> None:
    _, (_, said, *_) = done
    for (use, package, extra), result in zip(LACKING, said, strict=True):
        sentence = f'error: {use} needs {package}: pip install "bragglens[{extra}]"'
        assert (result["status"], result["err"][-len(sentence) :]) == (2, sentence)


def test_a_missing_extra_from_python(done: tuple[Path, list[Any]]) -> None:
    _, (_, _, (scan, answer, notebook), _) = done
    assert scan == answer == 'a figure needs matplotlib: pip install "bragglens[plots]"'
    assert "<table" in notebook
    assert "bragglens[plots]" in notebook
