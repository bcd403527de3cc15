"""Outcomes of harmful files: each is judged and measured in a forked process."""

from __future__ import annotations

import multiprocessing
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import numpy as np
from attack_inputs import Named

from bragglens.crystal.cif import parse_cif, read_cif
from bragglens.crystal.entry import storable
from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.identify import identify_scans
from bragglens.identification.options import read_options
from bragglens.learn.model import load_model
from bragglens.match.catalogue import read_catalogue
from bragglens.scan.pattern import Pattern
from bragglens.scan.read import read_scans, scans_in
from bragglens.scan.scan import Scan
from bragglens.schema import printable
from bragglens.simulate.lines import lines_of

SLOW, LARGE = 5.0, 500  # limits for any file: seconds of CPU time, and MB beyond those of the process
PATIENCE = 120.0  # seconds after which a file counts as hanging
BATCH = 50  # files judged by one process
_LONGEST = 1000  # characters of a sentence
_MISTAKE = re.compile(r"\b\w*(Error|Exception|Warning)\b|please report")  # signs of a bug in one of our sentences

Kind = Literal["answered", "refused", "traceback"]
Judge = Callable[[str, bytes], object]


@dataclass(frozen=True)
class Outcome:
    """The outcome for one file.

    Attributes:
        name: of the file.
        kind: how it ended; a process that crashed or hung counts as a traceback.
        said: the sentence, or the traceback.
        seconds: CPU time.
        megabytes: peak of the process beyond what it had before.
    """

    name: str
    kind: Kind
    said: str
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def fault(self) -> str:
        """What is wrong with it, '' if nothing is."""
        found = [
            self.said if self.kind == "traceback" else "",
            f"{self.seconds:.1f} s" if self.seconds > SLOW else "",
            f"{self.megabytes:.0f} MB" if self.megabytes > LARGE else "",
        ]
        return "; ".join(filter(None, found))


# --- judges: each raises if a file cannot be read, and if the result is impossible -----------------------------------


def judge_scan(name: str, data: bytes) -> list[Scan]:
    scans = scans_in(data, name)
    assert scans
    for scan in scans:
        assert np.isfinite(scan.counts).all(), "counts are finite"
        assert (np.diff(scan.two_theta) > 0).all(), "angles ascend"
        assert scan.two_theta[0] > 0, "angles are positive"
        assert scan.two_theta[-1] <= 180, "angles are no more than 180°"
        assert all(note.isprintable() for note in scan.notes), f"notes are printable: {scan.notes}"
        assert scan.wavelength is None or 0.1 < scan.wavelength < 10, f"a wavelength of {scan.wavelength} Å"
    return scans


def judge_identified(library: Library) -> Judge:
    """For scans, by their answers."""

    def judge(name: str, data: bytes) -> None:
        first = next(
            iter(identify_scans(judge_scan(name, data)[:1], name, library, read_options(wavelength_if_missing="CuKa")))
        )
        if first.error:
            raise BragglensError(first.error)
        assert str(first)
        shares = [found.weight_percent for found in first.phases]
        assert np.isfinite([share for share in shares if share is not None]).all()

    return judge


def judge_cif(name: str, data: bytes) -> None:
    phase = parse_cif(data.decode("utf-8", errors="replace"), name, where=name)
    assert all(note.isprintable() for note in phase.notes), f"notes are printable: {phase.notes}"
    lines = lines_of(storable(phase, name))
    assert np.isfinite(lines.strength).all()
    assert lines.whole > 0


def judge_packed(folder: Path) -> Judge:
    """For libraries and models, by the extension of the name; they are read from the folder."""

    def judge(name: str, data: bytes) -> None:
        path = folder / name
        path.write_bytes(data)
        try:
            if path.suffix == ".library":
                catalogue = read_catalogue(path)
                assert np.isfinite(catalogue.reference_lines.height).all()
                assert printable(list(catalogue.library.names)) == list(catalogue.library.names)
            else:
                model = load_model(path)
                grid = model.preparation.grid
                given = model.judge(Pattern(grid, np.linspace(1, 2, grid.size), np.ones(grid.size, bool)))
                assert np.isfinite(given).all()
        except BragglensError as error:
            raise BragglensError(str(error).removeprefix(f"{folder}/")) from error

    return judge


def judge_path(name: str, data: bytes) -> None:
    """For paths that are not files: `data` is the path."""
    path = Path(data.decode())
    if path.suffix == ".cif":
        read_cif(path)
    else:
        read_scans(path)


# --- a process for each batch ------------------------------------------------------------------------------------


def judged(files: Iterable[Named], judge: Judge, first: Named | None = None) -> Iterator[Outcome]:
    """The outcome of each file in order. One that ends or hangs its process costs no other file.

    Args:
        files: names and contents.
        judge: the function that tests a file.
        first: tested at the start of each process and not counted, so that loading code is not counted for any file.
    """
    waiting = iter(files)
    while batch := list(islice(waiting, BATCH)):
        while batch:
            done = list(_judged_apart(batch, judge, first))
            yield from done
            batch = batch[len(done) :]


def _judged_apart(batch: list[Named], judge: Judge, first: Named | None) -> Iterator[Outcome]:
    """Outcomes until the process ends, with that of the file that ended it."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_judge_all, args=(theirs, batch, judge, first))
    process.start()
    theirs.close()
    for name, _ in batch:
        try:
            if ours.poll(PATIENCE):
                yield ours.recv()
                continue
            process.kill()
            yield Outcome(name, "traceback", f"hangs: no answer after {PATIENCE:g} s")
        except EOFError:
            process.join()
            yield Outcome(name, "traceback", f"the process ended with {process.exitcode}")
        break
    ours.close()
    process.join()


def _judge_all(pipe: Connection, batch: list[Named], judge: Judge, first: Named | None) -> None:
    sys.addaudithook(_no_socket)
    if first:
        judge(*first)
    for name, data in batch:
        pipe.send(measured(name, data, judge))


def _no_socket(event: str, given: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        raise AssertionError(f"asks the network: {event} {given}")


def measured(name: str, data: bytes, judge: Judge) -> Outcome:
    """The outcome of a file in this process, with its time and memory."""
    _reset_peak()
    before, begun = _memory("VmRSS"), time.process_time()
    kind, said = _outcome(name, data, judge)
    seconds = time.process_time() - begun
    return Outcome(name, kind, said, seconds, _memory("VmHWM") - before)


def _outcome(name: str, data: bytes, judge: Judge) -> tuple[Kind, str]:
    try:
        judge(name, data)
    except BragglensError as error:
        said = str(error)
        return ("refused" if _is_a_sentence(said, name) else "traceback"), said
    except BaseException:
        return "traceback", traceback.format_exc()
    return "answered", ""


def _is_a_sentence(said: str, name: str) -> bool:
    """Whether an error says in one line what is wrong with which file, and is not a bug of ours."""
    plain = said.isprintable() and len(said) < _LONGEST and said.startswith(name)
    return plain and not _MISTAKE.search(said.removeprefix(name))


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _memory(field: str) -> float:
    """MB of this process as Linux reports them; elsewhere the peak so far."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
