"""Worker: a process that identifies one file after the other, so that a crash affects one file and not the server."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification, document
from bragglens.identification.identify import identify_scans
from bragglens.identification.options import Options
from bragglens.identification.proposers import Proposer
from bragglens.parallel import begin_worker
from bragglens.scan.reader_process import scans_in_process
from bragglens.web import limits

LONGEST = 600.0  # seconds that one file may take
STARTING = 120.0  # seconds that a process may take to start
_LOOK = 0.1  # seconds between two looks at whether an answer is still wanted
_ENDING = 1.0  # seconds that a process may take to end whose pipe has ended
_OUT_OF_TIME = [-getattr(signal, "SIGXCPU", 0)]  # how a process ends that took more processor time than it may


@dataclass(frozen=True)
class Upload:
    """A file as it was sent; its name is only displayed, never used as a path."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """The result of one upload.

    Attributes:
        document: of `bragglens identify --json`, with all scans of the file.
        error: why no scan could be identified, in one sentence.
        missing: `wavelength` if neither the file nor the request states it.
        report: the answer as one HTML page, None if it failed.
    """

    document: dict[str, Any]
    error: str | None = None
    missing: str | None = None
    report: bytes | None = None


def answer(upload: Upload, asked: Proposer, options: Options) -> Answer:
    """Read an upload, identify its scans and make their report; an error becomes the answer's `error`."""
    try:
        return _answer(upload, asked, options)
    except BragglensError as error:
        return failed(upload, asked, str(error))
    except MemoryError:
        most = f"{limits.MOST_MEMORY >> 30} GB"
        return failed(upload, asked, f"{upload.name}: needs more than {most} of memory, the limit for one scan")
    except Exception as error:  # a mistake of ours must not end the worker
        traceback.print_exc(file=sys.stderr)
        mistake = f"{upload.name}: internal error of bragglens ({type(error).__name__}: {error}): please report it"
        return failed(upload, asked, mistake)


def _answer(upload: Upload, asked: Proposer, options: Options) -> Answer:
    scans = scans_in_process(upload.data, upload.name)
    said = options.wavelength or options.wavelength_if_missing
    if said is None and any(scan.wavelength is None for scan in scans):
        error = f"{upload.name}: the file does not state its wavelength: choose it, CuKa for example"
        return failed(upload, asked, error, missing="wavelength")
    found = list(identify_scans(scans, upload.name, asked, options))
    errors = [one.error for one in found]
    none = errors[0] if all(errors) else None
    return Answer(
        document(asked.identity, found), error=none, report=None if none else _report(upload.name, found, asked)
    )


def failed(upload: Upload, asked: Proposer, error: str, *, missing: str | None = None) -> Answer:
    """The answer for a scan that could not be identified."""
    none = Identification(upload.name, asked.identity, None, error=error)
    return Answer(document(none.model, [none]), error=error, missing=missing)


def _report(name: str, found: list[Identification], asked: Proposer) -> bytes | None:
    """The answers for a file as a page; None if it cannot be made, which must not lose the answers."""
    from bragglens.report.page import report_page

    try:
        return report_page(found, asked, title=f"Phases in {name}").encode()
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return None


class LostError(Exception):
    """A worker's process ended during a scan, perhaps because of it."""


@dataclass(frozen=True)
class _Running:
    """A process and the pipe to it."""

    process: BaseProcess
    pipe: Connection


class Worker:
    """A process with the model in its memory; used by one thread, and started again if it was lost."""

    def __init__(self, asked: Proposer) -> None:
        self._asked = asked
        self._running: _Running | None = None

    def revive(self, wanted: Callable[[], bool]) -> bool:
        """Whether it is ready; a missing process is started, while `wanted`.

        Raises:
            OSError: no process can be started now, for example without free descriptors or memory.
        """
        if self._running is not None and self._running.process.is_alive():
            return True
        self.close()
        self._running = _start(self._asked)
        if _is_ready(self._running.pipe, wanted):
            return True
        self.close()
        return False

    def ask(self, upload: Upload, options: Options, wanted: Callable[[], bool]) -> Answer | None:
        """The answer; None if it was no longer `wanted`, which ends the process.

        Raises:
            LostError: the process ended, for whatever reason.
        """
        if self._running is None:
            raise LostError
        until, pipe = time.monotonic() + LONGEST, self._running.pipe
        try:
            pipe.send((upload, options))
            while not pipe.poll(_LOOK):
                if not wanted():
                    self.close()
                    return None
                if time.monotonic() > until:
                    self.close()
                    return self._given_up(upload, f"no answer after {LONGEST:g} s")
            received: Answer = pipe.recv()
        except (EOFError, OSError):
            self._running.process.join(_ENDING)
            ended = self._running.process.exitcode
            self.close()
            if ended in _OUT_OF_TIME:
                return self._given_up(upload, f"no answer after {limits.MOST_CPU:g} s of processor time")
            raise LostError from None
        return received

    def _given_up(self, upload: Upload, why: str) -> Answer:
        return failed(upload, self._asked, f"{upload.name}: {why}, stopped: allow fewer elements")

    def close(self) -> None:
        """End the process, also while it works."""
        if self._running is not None:
            self._running.process.kill()
            self._running.process.join()
            with suppress(ValueError):  # another thread that starts a process may have seen it end a moment before us
                self._running.process.close()
            self._running.pipe.close()
            self._running = None


def _start(asked: Proposer) -> _Running:
    spawn = multiprocessing.get_context("spawn")  # a forked copy of a process with threads may hang
    ours, theirs = spawn.Pipe()
    try:
        process = spawn.Process(target=_work, args=(theirs, asked), daemon=True)
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()  # so that the end of the process is the end of the pipe
    return _Running(process, ours)


def _is_ready(pipe: Connection, wanted: Callable[[], bool]) -> bool:
    """Whether a process reports that it has started; it may end before, or take too long."""
    until = time.monotonic() + STARTING
    try:
        while not pipe.poll(_LOOK):
            if not wanted() or time.monotonic() > until:
                return False
        return bool(pipe.recv())
    except (EOFError, OSError):
        return False


def _work(pipe: Connection, asked: Proposer) -> None:
    """Answer requests until the pipe closes."""
    begin_worker()
    limits.limit_worker_memory()
    pipe.send(True)
    while True:
        try:
            upload, options = pipe.recv()
        except EOFError:
            return
        limits.limit_cpu()
        pipe.send(answer(upload, asked, options))
