"""A release: `python -m build` makes a wheel and an sdist, and the wheel works from a folder of its own.

`.ci/run` tests the installation with its dependencies into an empty environment, and an identification there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build", reason="needs build")
pytest.importorskip("hatchling", reason="needs hatchling")

ROOT = Path(__file__).resolve().parents[1]
LARGEST_WHEEL, LARGEST_SDIST = 6e6, 8e6  # bytes; those of 0.1.0 have 4.6 and 6.2 million
HELD = (
    *(
        "data/builtin.library",
        "data/builtin.sha256",
        "data/compounds.npz",
        "data/confidence.json",
        "data/wyckoff.txt",
        "data/scans/measured_fluorapatite.xra",
    ),
    *("data/standards/LaB6_660c.cif", "data/titania/rutile.cif", "match/matcher.zip", "py.typed"),
    *(
        "report/page.css",
        "report/draw.js",
        "report/templates/section.html",
        "report/templates/drawing.svg",
        "web/static/index.html",
        "web/static/page.js",
        "web/static/icon.svg",
    ),
)
LEFT = re.compile(r"__pycache__|\.py[co]$|\.nb[ic]$|(^|/)\.(?!ci/|gitignore$)|shared/|\.checkpoint$|/(demo|site|dist)/")
ASK = """
import json, sys, bragglens
from pathlib import Path
from bragglens.demo import measured_fluorapatite
from bragglens.match.builtin import builtin
(scan,) = bragglens.read_scans(measured_fluorapatite(Path(sys.argv[1])))
print(json.dumps([bragglens.__file__, bragglens.__version__, len(builtin()), len(scan.two_theta)]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and sdist; the wheel is made from the sdist, as `build` does."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def test_contents_of_wheel_and_sdist(made: tuple[Path, Path]) -> None:
    wheel, sdist = made
    inside = zipfile.ZipFile(wheel).namelist()
    assert [name for name in HELD if f"bragglens/{name}" not in inside] == []
    assert {name.split("/")[0].split("-")[0] for name in inside} == {"bragglens"}
    with tarfile.open(sdist) as archive:
        source = archive.getnames()
    tracked = {"pyproject.toml", "README.md", "LICENSE", "tests/kept/format_1.library", "library/build.py"}
    assert tracked <= {name.partition("/")[2] for name in source}
    assert [name for name in (*inside, *source) if LEFT.search(name)] == []
    assert wheel.stat().st_size < LARGEST_WHEEL
    assert sdist.stat().st_size < LARGEST_SDIST


def test_wheel_of_sdist_and_tree_are_equal(made: tuple[Path, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (own,) = tmp_path.glob("*.whl")
    assert own.read_bytes() == made[0].read_bytes()


def test_the_wheel_works(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Unpacked beside the dependencies, outside the tree. Identifying scans would compile kernels: see `.ci/run`."""
    zipfile.ZipFile(made[0]).extractall(tmp_path / "installed")
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "installed"), *sys.path[1:]])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    place, number, phases, points = json.loads(done.stdout)
    assert Path(place).is_relative_to(tmp_path)
    assert number == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert phases > 5000
    assert points > 5000
