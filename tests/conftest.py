"""Fixtures that the tests of several packages share."""

from __future__ import annotations

import os
import pickle
import shutil
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from child_processes import none_left
from filelock import FileLock
from local_server import Server

from bragglens.crystal.library import Library, read_library
from bragglens.learn.model import Model
from bragglens.scan.pattern import Grid

# The slowest files, started first, so that no process is left alone with one of them at the end. The first one
# trains the small model, so that the other processes need not wait for it.
LONGEST = (
    "learn/test_train.py",
    "test_damage.py",
    "match/test_matcher_training.py",
    "learn/test_resume.py",
    "simulate/test_kernel.py",
    "measured/test_measured.py",
    "identification/test_narrower.py",
    "journeys/test_answer_folder.py",
    "journeys/test_command_line.py",
    "identification/test_axis.py",
    "fit/test_search.py",
    "identification/test_odd_scans.py",
    "test_docs.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def no_process_survives() -> Iterator[None]:
    """The first fixture to begin and the last to end."""
    from bragglens.scan.reader_process import reader

    with none_left():
        yield
        reader().close()  # as at the end of any process that has read files


@pytest.fixture(scope="session")
def titania() -> Library:
    """The five titania phases of the package."""
    return read_library(str(files("bragglens") / "data" / "titania"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real scans and structures beside the checkout; tests that need them are skipped without them."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not (folder / "dev.csv").exists():
        pytest.skip("needs the shared measured scans")
    return folder


@pytest.fixture(scope="session")
def small_model(titania: Library, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of the five phases, trained in seconds on a coarse axis: sufficient for simple scans.

    The first of the test processes trains it; the others read it from a file.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return _trained(titania)
    # the folder above is shared by all processes of this run
    kept = tmp_path_factory.getbasetemp().parent / "small_model"
    with FileLock(kept.with_suffix(".lock")):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_trained(titania)))
    model: Model = pickle.loads(kept.read_bytes())
    return model


def _trained(titania: Library) -> Model:
    """With one thread and full precision: the same on any processor, except for rounding."""
    from bragglens.learn import train as learn

    learn.use_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "_has_bfloat16", lambda: False)
        return learn.train(titania, grid=Grid(5.0, 90.0, 0.1), steps=250, seed=3)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium of the system; tests that need it are skipped without it."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    running = Server()
    thread = threading.Thread(target=running.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.released.set()
    running.http.shutdown()
    running.http.server_close()
    thread.join()
