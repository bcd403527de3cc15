"""What is not a file, or far too large, is refused before it is read: a pipe or a device may never end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import islice
from pathlib import Path
from types import FrameType

import pytest

from bragglens.cli.folder import answer_piece, pieces_of
from bragglens.cli.jobs import files_of, jobs_of, who_of
from bragglens.cli.remembered import stands
from bragglens.crystal.cif import read_cif
from bragglens.crystal.library import Library, read_library
from bragglens.crystal.provenance import read_manifest as read_origins
from bragglens.errors import BragglensError
from bragglens.identification import evaluate
from bragglens.identification.options import Options
from bragglens.identification.sources import proposer_of
from bragglens.learn.model import load_model
from bragglens.scan.read import read_scan
from bragglens.scan.watch import settled_files
from bragglens.simulate.instrument_file import read_instrument
from bragglens.simulate.recipe_file import read_recipe
from bragglens.simulate.stored import load_array

READERS: dict[str, Callable[[Path], object]] = {
    "a.xy": read_scan,
    "a.cif": read_cif,
    "a.library": read_library,
    "a.bragglens": load_model,
    "i.toml": read_instrument,
    "r.toml": read_recipe,
    "a.npy": load_array,
    "labels.csv": evaluate.read_manifest,
    "alike.txt": evaluate.read_alike,
    "manifest.csv": lambda path: read_origins(path.parent),
}
ODD = ("pipe.xy", "zero.xy", "huge.xy")


@pytest.fixture(autouse=True)
def _no_wait() -> Iterator[None]:
    """Stop waiting for a pipe."""

    def end(signal: int, frame: FrameType | None) -> None:
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def make(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 6 * 2**30)  # without a block on the disk


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", READERS)
def test_what_is_not_a_file(name: str, kind: str, tmp_path: Path) -> None:
    make(tmp_path / name, kind)
    with pytest.raises(BragglensError, match=r"folder|holds no \.cif") as refused:
        READERS[name](tmp_path / name)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("name", [name for name in READERS if name != "a.npy"])
def test_far_too_large(name: str, tmp_path: Path) -> None:
    make(tmp_path / name, "sparse")
    with pytest.raises(BragglensError, match=r"too large|is no bragglens model|is not a library"):
        READERS[name](tmp_path / name)


def test_a_pipe_among_the_structures_is_only_a_problem(tmp_path: Path) -> None:
    good = files("bragglens") / "data" / "titania" / "rutile.cif"
    (tmp_path / "rutile.cif").write_bytes(good.read_bytes())
    make(tmp_path / "pipe.cif", "pipe")
    library = read_library(tmp_path)
    assert library.names == ("rutile",)
    assert "pipe.cif: is a folder, a device or a pipe" in library.problems[0]


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, kind in zip(ODD, ("pipe", "device", "sparse"), strict=True):
        make(folder / name, kind)
    return folder


def test_each_odd_file_of_a_folder_has_an_error(odd: Path, titania: Library, tmp_path: Path) -> None:
    """The pieces are those of a worker, processed here without one."""
    phases = Path(str(files("bragglens") / "data" / "titania"))
    found = files_of([odd])
    assert sorted(file.name for file in found) == sorted(ODD)
    jobs = jobs_of(found, who_of([str(phases)], proposer_of(titania)), Options(wavelength=1.5406))
    for piece in pieces_of(jobs, tmp_path):
        said = answer_piece(piece)
        assert said.startswith(f"{piece.job.scan}: ")
        assert json.loads(piece.target.read_text())["scans"][0]["error"] == said
        assert not stands(piece.target, piece.asked)


def test_watch_reports_each_odd_file_once(odd: Path) -> None:
    (odd / "good.xy").touch()
    seen = settled_files(odd, settle=0.0)
    assert {path.name for path, _ in islice(seen, 4)} == {*ODD, "good.xy"}
    (odd / "good.xy").write_text("1 2\n")
    assert next(seen)[0].name == "good.xy"
