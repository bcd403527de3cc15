"""`watch` as it runs for weeks: in its own process, with files that appear, change, break and disappear."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from child_processes import started

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.options import Options
from bragglens.identification.sources import proposer_of
from bragglens.learn.model import Model, save_model

SETTLE = 0.4  # seconds


def write_scan(path: Path, points: int = 3500, seed: int = 0) -> None:
    """Written at once, so that it is never half written when it settles, even on a slow machine."""
    angle = 10 + 0.02 * np.arange(points)
    half = path.with_name(path.name + ".tmp")
    np.savetxt(half, np.column_stack([angle, np.random.default_rng(seed).poisson(100, angle.size)]))
    half.replace(path)


def until(true: Callable[[], bool], seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def answer(path: Path) -> dict:
    return json.loads(path.read_text())["scans"][0]


def asked_of(path: Path) -> str:
    """The content that an answer is about."""
    return json.loads(path.read_text())["asked"]["sha256"] if path.exists() else ""


@contextmanager
def watching(*words: object, model: Path) -> Iterator[subprocess.Popen[str]]:
    # a test run behind `&` ignores Ctrl-C, and so would the process that it starts
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hears}; from bragglens.cli import main; main()"
    options = ("-m", model, "--wavelength", "CuKa", "--network-only", "--settle", SETTLE)
    command = [sys.executable, "-c", code, *map(str, (*words, *options))]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process


def end(process: subprocess.Popen[str], by: signal.Signals) -> str:
    process.send_signal(by)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return printed


def test_new_changed_and_broken_files(small_model: Model, tmp_path: Path) -> None:
    model, folder = save_model(small_model, tmp_path / "m.bragglens"), tmp_path / "scans"
    folder.mkdir()
    write_scan(folder / "early.xy")
    answers = folder / "answers"
    with watching("watch", folder, model=model) as process:
        until((answers / "early.xy.json").exists)
        (folder / "broken.xy").write_text("no scan")
        (folder / "half.xy.tmp").write_text("no scan")
        until((answers / "broken.xy.json").exists)
        assert "broken.xy" in answer(answers / "broken.xy.json")["error"]
        write_scan(folder / "broken.xy")  # corrected
        until(lambda: answer(answers / "broken.xy.json")["error"] is None)
        pauses, before = [], time.monotonic()
        with (folder / "growing.xy").open("w") as growing:  # written during the measurement
            for i in range(600):
                growing.write(f"{10 + i / 10} {100 + i % 7}\n")
                growing.flush()
                if i % 100 == 0:
                    time.sleep(SETTLE / 2)
                    early = (answers / "growing.xy.json").exists()
                    pauses.append(time.monotonic() - before)
                    before = time.monotonic()
                    assert not early or max(pauses) > SETTLE  # a busy machine may halt this test for that long
        content = sha256((folder / "growing.xy").read_bytes()).hexdigest()
        until(lambda: asked_of(answers / "growing.xy.json") == content)
        printed = end(process, signal.SIGINT)
    order = [line.split()[1] for line in printed.splitlines()]
    assert order[:4] == ["early.xy", "broken.xy", "broken.xy", "growing.xy"]
    assert len(order) == 4 or max(pauses) > SETTLE
    assert sorted(path.name for path in answers.iterdir()) == ["broken.xy.json", "early.xy.json", "growing.xy.json"]

    before = (answers / "early.xy.json").stat().st_mtime_ns
    write_scan(folder / "early.xy.2", seed=1)
    # the old spelling; it reads the existing answers
    with watching("identify", "--watch", folder, model=model) as process:
        until((answers / "early.xy.2.json").exists)
        write_scan(folder / "growing.xy")
        content = sha256((folder / "growing.xy").read_bytes()).hexdigest()
        until(lambda: asked_of(answers / "growing.xy.json") == content)
        printed = end(process, signal.SIGTERM)
    assert [line.split()[1] for line in printed.splitlines()] == ["early.xy.2", "growing.xy"]
    assert (answers / "early.xy.json").stat().st_mtime_ns == before


def test_answers_need_another_folder(tmp_path: Path) -> None:
    from bragglens.cli.jobs import Who
    from bragglens.cli.watching import Asking, watch_folder

    asking = Asking(Who(None, proposer_of(Library(()))), "m", Options(), lambda _: [])

    with pytest.raises(BragglensError, match="answers need another folder"):
        watch_folder(tmp_path, tmp_path / ".", asking)
    with pytest.raises(BragglensError, match="is not a folder"):
        watch_folder(tmp_path / "none", tmp_path / "a", asking)


def test_watch_waits_for_a_missing_folder(tmp_path: Path) -> None:
    from bragglens.scan.watch import settled_files

    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "a.xy").write_text("1")
    seen = settled_files(folder, settle=0.0)
    assert next(seen)[0].name == "a.xy"
    os.rename(folder, tmp_path / "away")
    import threading

    threading.Timer(0.4, lambda: (os.rename(tmp_path / "away", folder), (folder / "b.xy").write_text("2"))).start()
    assert next(seen)[0].name == "b.xy"
