"""Work in pieces: here, in processes of this machine, or on a Dask cluster; the results are the same, in one order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bragglens.errors import BragglensError
from bragglens.extras import extra

Piece = TypeVar("Piece")
Result = TypeVar("Result")

TRIES = 3  # of a piece whose worker is lost each time
PATIENCE = 10.0  # seconds that a scheduler has to answer
_LOOK = 1.0  # seconds between two looks at whether another program that started this one is still there


@dataclass(frozen=True)
class Lost:
    """A piece that came to nothing, and why."""

    why: str


@dataclass(frozen=True)
class Workers:
    """Who works.

    Attributes:
        start: starts them, anew if need be.
        count: pieces that they do at once.
    """

    start: Callable[[], Executor]
    count: int


@dataclass
class _Waiting(Generic[Piece, Result]):
    piece: Piece
    future: Future[Result]
    tries: int = 0


@contextmanager
def workers_of(workers: int = 1, scheduler: str | None = None) -> Iterator[Workers]:
    """So many processes of this machine, or a Dask cluster.

    Args:
        workers: processes, where there is no scheduler.
        scheduler: address of a Dask scheduler, `tcp://host:8786`.

    Raises:
        BragglensError: Dask is not installed, or no scheduler answers there.
    """
    started: list[Executor] = []
    if scheduler is None:
        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of threads that do not go along

        def start() -> Executor:
            started.append(ProcessPoolExecutor(workers, context, begin_worker))
            return started[-1]

        try:
            yield Workers(start, workers)
        finally:
            for executor in started:
                executor.shutdown(cancel_futures=True)  # not waiting only moves the wait to the end of Python
        return
    with _client(scheduler) as client:
        threads = sum(client.nthreads().values())
        yield Workers(lambda: client.get_executor(pure=False), max(threads, 1))


def begin_worker() -> None:
    """What a process does first that works for another: Ctrl-C is for that one, which ends this, even if it is killed.

    Ctrl-C reaches all processes of a terminal: workers end their pieces, and the one they work for ends them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """From now on this process ends once the one that started it has ended, which a killed one can not see to."""
    threading.Thread(target=_outlive, daemon=True).start()


def _outlive() -> None:
    """Wait for the end of the parent, by the pipe it holds, and end this process whatever it is at."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    else:  # started by another program: an orphan has another parent
        starter = os.getppid()
        while os.getppid() == starter:
            time.sleep(_LOOK)
    os._exit(1)


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    with extra("scale", "--scheduler"):
        from distributed import Client
    try:
        client = Client(scheduler, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise BragglensError(f"{scheduler}: no Dask scheduler answers there ({error}): start or check it") from error
    with client:
        yield client


def results(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], start: Callable[[], Executor], *, ahead: int
) -> Iterator[tuple[Piece, Result | Lost]]:
    """What comes of each piece, in the order of the pieces.

    A worker that dies costs the piece that it worked on, which is tried again; a piece that kills TRIES of them is
    lost, as is one at which `work` raises.

    Args:
        work: does one piece; it and the pieces are pickled.
        pieces: as many as there are: no more of them are asked for than are in work.
        start: starts the executor (`workers_of`); called again where it broke.
        ahead: pieces in work at once.
    """
    executor, source = start(), iter(pieces)

    def submit(piece: Piece) -> Future[Result]:
        nonlocal executor
        try:
            return executor.submit(work, piece)
        except BrokenExecutor:  # all that was in it is lost, and comes back one by one
            executor = start()
            return executor.submit(work, piece)

    waiting: deque[_Waiting[Piece, Result]] = deque()
    suspects = 0  # after a pool broke, the pieces that were in it go one by one, so that the guilty one is known
    while True:
        while not suspects and len(waiting) < ahead and (piece := next(source, None)) is not None:
            waiting.append(_Waiting(piece, submit(piece)))
        if not waiting:
            return
        head = waiting[0]
        result = _outcome(head, alone=bool(suspects))
        if isinstance(result, _Again):
            suspects = suspects or (len(waiting) if _broken(head.future) else 0)
            head.future = submit(head.piece)
            continue
        waiting.popleft()
        suspects = max(suspects - 1, 0)
        if suspects and _broken(waiting[0].future):
            waiting[0].future = submit(waiting[0].piece)
        yield head.piece, result


class _Again:
    """A piece is to be tried once more."""


def _outcome(head: _Waiting[Piece, Result], *, alone: bool) -> Result | Lost | _Again:
    """What came of a piece; `alone` tells whether it was the only one with its worker."""
    try:
        return head.future.result()
    except BrokenExecutor:
        head.tries += alone
        return _Again() if head.tries < TRIES else Lost(f"its worker died {TRIES} times")
    except Exception as error:  # a mistake of ours must not end a batch
        if type(error).__name__ != "KilledWorker":  # of Dask, which need not be installed
            return Lost(f"{type(error).__name__}: {error}")
        head.tries += 1  # maybe it was another piece of the same worker
        return _Again() if head.tries < TRIES else Lost("several workers died with it")


def _broken(future: Future[Result]) -> bool:
    return future.done() and isinstance(future.exception(), BrokenExecutor)
