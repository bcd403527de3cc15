"""Processes started by tests; none of them outlives its test, even if that fails."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

# There is one test process per core; a second thread would only wait in a loop. Read when NumPy is imported, later.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Without cached bytecode each of the many processes would compile all source again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_MARK = "BRAGGLENS_TEST_RUN"
PATIENCE = 60.0  # seconds; for a busy machine


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process that is killed at the end, with all that it started."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        end_all([process.pid, *children(process)])
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait()


def children(process: subprocess.Popen[Any]) -> list[int]:
    """All running descendants of a process; none if it has ended."""
    with suppress(psutil.NoSuchProcess):
        return [one.pid for one in psutil.Process(process.pid).children(recursive=True)]
    return []


def all_end(pids: Iterable[int]) -> bool:
    """Whether all these processes end by themselves soon."""
    return not psutil.wait_procs(list(_found(pids)), timeout=PATIENCE)[1]


def end_all(pids: Iterable[int]) -> None:
    """End processes that still run."""
    for one in _found(pids):
        with suppress(psutil.NoSuchProcess):
            one.kill()


def _found(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            yield psutil.Process(pid)


@contextmanager
def none_left() -> Iterator[None]:
    """Every process started within this must have ended at its end; one that has not is ended, and that is an error.

    A mark in the environment, which processes inherit, also finds those whose parents have ended.
    """
    os.environ[_MARK] = mark = secrets.token_hex(8)
    yield
    left = [one for one in psutil.process_iter() if one.pid != os.getpid() and _marked(one, mark)]
    left = psutil.wait_procs(left, timeout=PATIENCE)[1]  # some are about to end
    told = [" ".join(_command(one))[:200] for one in left]
    end_all(one.pid for one in left)
    assert not told, f"outlived the tests: {told}"


def _marked(process: psutil.Process, mark: str) -> bool:
    try:
        # helpers of multiprocessing for the test process end with it
        return process.environ().get(_MARK) == mark and "resource_tracker" not in str(_command(process))
    except psutil.Error:
        return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
