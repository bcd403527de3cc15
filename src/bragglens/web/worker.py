"""Worker: a process that answers one file after the other, so that a crash or a hang costs one file, not the server."""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from bragglens.errors import BragglensError, ScanError
from bragglens.identify.asked import Asked
from bragglens.identify.identification import Identification, document
from bragglens.identify.identify import Options, identify_scans, source
from bragglens.parallel import begin_worker
from bragglens.scan.apart import limit_memory, scans_apart

LONGEST = 600.0  # seconds that one file may take
MOST_MEMORY = 4 * 2**30  # bytes that a worker may take beyond what it starts with
_LOOK = 0.1  # seconds between two looks at whether an answer is still wanted


@dataclass(frozen=True)
class Upload:
    """A file as it was sent; its name is shown, and never a path."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """What came of one upload.

    Attributes:
        document: as `bragglens identify --json` writes it, of all scans of the file.
        error: why no scan of it could be judged, in one sentence.
        missing: `wavelength` where the file does not state it and nobody else did.
        report: the answer as one HTML page, None where it failed.
    """

    document: dict[str, Any]
    error: str | None = None
    missing: str | None = None
    report: bytes | None = None


def answer(upload: Upload, asked: Asked, options: Options) -> Answer:
    """Read an upload, identify its scans and write their report; what goes wrong becomes the answer's `error`."""
    try:
        return _answer(upload, asked, options)
    except BragglensError as error:
        return failed(upload, asked, str(error))
    except Exception as error:  # a mistake of ours must not end the worker
        traceback.print_exc(file=sys.stderr)
        mistake = f"{upload.name}: bragglens made a mistake ({type(error).__name__}: {error}): please report it"
        return failed(upload, asked, mistake)


def _answer(upload: Upload, asked: Asked, options: Options) -> Answer:
    scans = scans_apart(upload.data, upload.name)
    said = options.get("wavelength") or options.get("wavelength_if_missing")
    if said is None and any(scan.wavelength is None for scan in scans):
        error = f"{upload.name}: the file does not state its wavelength: choose it, CuKa for example"
        return failed(upload, asked, error, missing="wavelength")
    found = list(identify_scans(scans, upload.name, asked, **options))
    errors = [one.error for one in found]
    none = errors[0] if all(errors) else None
    return Answer(document(source(asked), found), error=none, report=None if none else _report(found, asked))


def failed(upload: Upload, asked: Asked, error: str, *, missing: str | None = None) -> Answer:
    """The answer for a scan that could not be judged."""
    none = Identification(upload.name, source(asked), None, error=error)
    return Answer(document(none.model, [none]), error=error, missing=missing)


def _report(found: list[Identification], asked: Asked) -> bytes | None:
    """The answers as a page; None where it cannot be made, which must not cost the answers."""
    from bragglens.report.page import report_page

    try:
        return report_page(found, asked, title=f"Answer of {source(asked)}").encode()
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return None


class Worker:
    """A process that has the model in its memory; used by one thread, and started again when it was lost."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._start()

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")  # a forked copy of a process with threads may hang
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(theirs, self._asked), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe

    def ask(self, upload: Upload, options: Options, wanted: Callable[[], bool]) -> Answer | None:
        """The answer; None where it was no longer `wanted`, which ends the process that was at it."""
        until = time.monotonic() + LONGEST
        try:
            self._pipe.send((upload, options))
            while not self._pipe.poll(_LOOK):
                if not wanted():
                    self._again()
                    return None
                if time.monotonic() > until:
                    raise ScanError(f"{upload.name}: no answer after {LONGEST:g} s, given up: allow fewer elements")
            received: Answer = self._pipe.recv()
        except (EOFError, OSError):
            self._again()
            return failed(upload, self._asked, f"{upload.name}: its process ended in a crash: please report this file")
        except ScanError as error:
            self._again()
            return failed(upload, self._asked, str(error))
        return received

    def _again(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Connection, asked: Asked) -> None:
    """Answer until nobody asks any more."""
    begin_worker()
    limit_memory(MOST_MEMORY)
    while True:
        try:
            upload, options = pipe.recv()
        except EOFError:
            return
        pipe.send(answer(upload, asked, options))
