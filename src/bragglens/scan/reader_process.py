"""Reading files in a separate process, so that a malicious file stops that process and not the caller.

Only the reading is separate: its result is limited in points and scans. Identifying in that process too would load
library and network twice. The process is started once and holds only the readers (0.2 s, 40 MB). A fork of this process
would copy the locks of its threads. A process that ended is started again.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from bragglens.errors import BragglensError, ScanError
from bragglens.scan.read import content_of, scans_in
from bragglens.scan.scan import Scan

LONGEST = 60.0
"""Seconds in which a file is read; the largest take 5 s of a processor."""

MOST_MEMORY = 2**30
"""Bytes beyond what the process holds at its start, where the system can limit them (Linux); the largest take half."""

_START = """
import sys
sys.path[:] = sys.argv[1:]
from bragglens.scan.reader_process import serve
serve()
"""


def read_scans_in_process(path: str | Path) -> list[Scan]:
    """The scans of a file, as `read_scans` gives them, within LONGEST and MOST_MEMORY.

    Raises:
        ScanError: as `read_scans`, and where the file takes more time or memory, or ends the process that reads it.
    """
    return scans_in_process(content_of(path), Path(path).name)


def scans_in_process(data: bytes, name: str) -> list[Scan]:
    """The scans that the content of a file holds, as `read_scans_in_process` gives them; `name` is what to call it."""
    return reader().ask(data, name)


def reader() -> Reader:
    """The reader of this process, started at the first call. Call it early to let it start during other work."""
    return _reader(os.getpid())


@cache
def _reader(owner: int) -> Reader:
    """A forked process has its own reader: two processes must not use one pipe."""
    started = Reader()
    atexit.register(lambda: started.close() if os.getpid() == owner else None)
    return started


class Reader:
    """A process that reads one file after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # one question at a time, whatever threads ask
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # said by the first question
            self._process = _started()

    def ask(self, data: bytes, name: str) -> list[Scan]:
        """The scans in these bytes.

        Raises:
            ScanError: there is none, or reading took too much time or memory.
        """
        with self._lock:
            try:
                answer: list[Scan] | BragglensError = self._answer(data, name)
            except BaseException:  # Ctrl-C, or the process is lost: whatever it may still say is no answer to the next
                self.close()
                raise
        if isinstance(answer, BragglensError):
            raise answer
        return answer

    def _answer(self, data: bytes, name: str) -> Any:
        """Scans, or the error to raise."""
        try:
            if self._process is None or self._process.poll() is not None:
                self._process = _started()
        except OSError as error:
            raise ScanError(f"{name}: no process can be started to read it ({error.strerror}): try again") from error
        process, late = self._process, threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(LONGEST, give_up)
        timer.daemon = True
        timer.start()
        try:
            _send(_pipe(process.stdin), (data, name))
            return pickle.load(_pipe(process.stdout))
        except (EOFError, OSError, pickle.UnpicklingError):
            if late.is_set():
                said = f"could not be read in {LONGEST:g} s, given up: is this the right file?"
            else:
                said = "reading it crashed: if it is not damaged, please report this file"
            raise ScanError(f"{name}: {said}") from None
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process, also while it works."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(OSError):  # what was not sent yet
                process.communicate()


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", _START, *sys.path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _pipe(pipe: Any) -> Any:
    assert pipe is not None
    return pipe


def _send(pipe: BinaryIO, what: object) -> None:
    pickle.dump(what, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def serve() -> None:
    """Read files until the other end of the pipe closes, when the calling process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asked
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    import bragglens.scan.formats.known  # noqa: F401  # now: while the caller works, and before memory is limited

    limit_memory(MOST_MEMORY)
    while True:
        try:
            data, name = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        _send(answers, _read(data, name))


def _read(data: bytes, name: str) -> list[Scan] | BragglensError:
    try:
        return scans_in(data, name)
    except BragglensError as error:
        return error
    except MemoryError:
        return ScanError(f"{name}: needs more memory than a powder scan: is this the right file?")
    except Exception as error:  # a mistake of ours must not end a batch
        return ScanError(f"{name}: cannot be read ({type(error).__name__}: {error}): please report this file")


def limit_memory(more: int) -> None:
    """Limit this process to that many bytes more than it has now; no effect where the system has no such limit."""
    try:
        import resource

        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = held + more if hard == resource.RLIM_INFINITY else min(held + more, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    except (ImportError, OSError, ValueError):
        return
