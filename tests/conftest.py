"""Fixtures that the tests of several packages share."""

from __future__ import annotations

import os
import pickle
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from child_processes import none_left
from filelock import FileLock
from hypothesis import HealthCheck, settings
from local_server import Server

from bragglens.crystal.library import Library, read_library
from bragglens.learn.model import Model
from bragglens.scan.pattern import Grid
from bragglens.simulate import render

# The slowest files, started first, so that no process is left alone with one of them at the end. In a fresh clone the
# first one compiles the simulator, while the second, which includes mypy, does not need it. The third trains the small
# model. Others wait for neither.
LONGEST = (
    "simulate/test_kernel_cache.py",
    "test_package.py",
    "learn/test_train.py",
    "learn/test_resume.py",
    "test_damage.py",
    "measured/test_measured.py",
    "identification/test_axis.py",
    "journeys/test_command_line.py",
    "test_docs.py",
    "identification/test_narrower.py",
    "fit/test_search.py",
    "journeys/test_answer_folder.py",
    "match/test_matcher_training.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


# Hypothesis limits the time of an example by the clock. On a busy machine tests would fail at random.
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


@pytest.fixture(scope="session", autouse=True)
def no_process_survives() -> Iterator[None]:
    """The first fixture to begin and the last to end."""
    from bragglens.scan.reader_process import reader

    with none_left():
        yield
        reader().close()  # as at the end of any process that has read files


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def kernel_lock(run_folder: Path) -> FileLock:
    """Held by the process that compiles the simulator, which takes half a minute."""
    return FileLock(run_folder / "kernel.lock")


@pytest.fixture(scope="session", autouse=True)
def one_compiles_the_kernel(kernel_lock: FileLock) -> Iterator[None]:
    """In a fresh clone the other processes wait for it, and then read what it has stored."""
    compiling = render._log_compilation

    @contextmanager
    def alone() -> Iterator[None]:
        with nullcontext() if render.render_batch.overloads else kernel_lock, compiling():
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "_log_compilation", alone)
        yield


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
def small_model(titania: Library, run_folder: Path) -> Model:
    """A model of the five phases, trained in seconds on a coarse axis: sufficient for simple scans.

    The first of the test processes trains it; the others read it from a file.
    """
    kept = run_folder / "small_model"
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
