"""Parallel work: here, in processes of this machine, or on a Dask cluster, with the same results in one order."""

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

TRIES = 3  # tries of a piece whose worker dies each time
PATIENCE = 10.0  # seconds that a scheduler has to answer
_LOOK = 1.0  # seconds between checks whether the parent program still runs


@dataclass(frozen=True)
class Lost:
    """A piece that failed, and why."""

    why: str


@dataclass(frozen=True)
class Workers:
    """The workers.

    Attributes:
        start: starts them, again if necessary.
        count: pieces that they process at once.
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
    """A number of processes of this machine, or a Dask cluster.

    Args:
        workers: number of processes without a scheduler.
        scheduler: address of a Dask scheduler, `tcp://host:8786`.

    Raises:
        BragglensError: Dask is not installed, or no scheduler answers at the address.
    """
    started: list[Executor] = []
    if scheduler is None:
        # a fork would copy the locks of threads that do not exist in the child
        context = multiprocessing.get_context("spawn")

        def start() -> Executor:
            started.append(ProcessPoolExecutor(workers, context, begin_worker))
            return started[-1]

        try:
            yield Workers(start, workers)
        finally:
            for executor in started:
                executor.shutdown(cancel_futures=True)  # without waiting here the wait would come at the exit of Python
        return
    with _client(scheduler) as client:
        threads = sum(client.nthreads().values())
        yield Workers(lambda: client.get_executor(pure=False), max(threads, 1))


def begin_worker() -> None:
    """First step of a worker process: ignore Ctrl-C, and end with the parent, even if that is killed.

    Ctrl-C reaches all processes of a terminal. Workers finish their pieces, and their parent ends them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """End this process when its parent ends; a killed parent cannot do this itself."""
    threading.Thread(target=_outlive, daemon=True).start()


def _outlive() -> None:
    """Wait for the end of the parent by its pipe, then end this process at once."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    else:  # started by another program: an orphan gets another parent
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
    """The result of each piece, in the order of the pieces.

    If a worker dies, its piece is tried again. A piece is lost if TRIES workers die on it, or if `work` raises.

    Args:
        work: processes one piece; it and the pieces are pickled.
        pieces: the pieces, of which only those in work are taken from the iterable.
        start: starts the executor (`workers_of`); called again after it broke.
        ahead: pieces in work at once.
    """
    executor, source = start(), iter(pieces)

    def submit(piece: Piece) -> Future[Result]:
        nonlocal executor
        try:
            return executor.submit(work, piece)
        except BrokenExecutor:  # everything in it is lost and is submitted again one by one
            executor = start()
            return executor.submit(work, piece)

    waiting: deque[_Waiting[Piece, Result]] = deque()
    suspects = 0  # after a pool broke, its pieces run one by one, to find the one that breaks it
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
    """The result of a piece; `alone` says whether it was the only one with its worker."""
    try:
        return head.future.result()
    except BrokenExecutor:
        head.tries += alone
        return _Again() if head.tries < TRIES else Lost(f"its worker died {TRIES} times")
    except Exception as error:  # a bug must not end a batch
        if type(error).__name__ != "KilledWorker":  # of Dask, which may not be installed
            return Lost(f"{type(error).__name__}: {error}")
        head.tries += 1  # another piece of the same worker may be the cause
        return _Again() if head.tries < TRIES else Lost("the workers that processed it died, several times")


def _broken(future: Future[Result]) -> bool:
    return future.done() and isinstance(future.exception(), BrokenExecutor)
