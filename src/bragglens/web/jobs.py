"""Jobs: waiting, running and finished uploads, in memory only, deleted after a time."""

from __future__ import annotations

import secrets
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from bragglens.errors import BragglensError
from bragglens.identification.options import Options
from bragglens.identification.proposers import Proposer
from bragglens.web.worker import Answer, LostError, Upload, Worker, failed

MOST_WAITING = 100  # jobs
MOST_HELD = 512 * 2**20  # bytes of uploads and reports together; beyond, those that ended first are forgotten
KEPT = 24 * 3600.0  # seconds that a job is kept once it ended
TRIES = 2  # of a job whose process ended: it may have been killed for no fault of the job
_LOOK = 0.5  # seconds between two looks at whether an idle process is still there, or can be started again

State = Literal["queued", "running", "done", "failed"]


class FullError(BragglensError):
    """No more jobs are accepted for now."""


@dataclass(frozen=True)
class Job:
    """An upload with its options and its result.

    Attributes:
        id: unpredictable, since knowing it gives access to the scan.
        upload: the file.
        options: of the identification.
        state: waiting, running, done or failed.
        since: time of the last change of state, of time.monotonic().
        answer: when it is done or failed.
        lost: how often a process ended during this job.
    """

    id: str
    upload: Upload
    options: Options
    state: State
    since: float
    answer: Answer | None = None
    lost: int = 0

    @property
    def ended(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None

    @property
    def held(self) -> int:
        """Bytes of memory."""
        report = self.answer.report if self.answer else None
        return len(self.upload.data) + len(report or b"")


class Jobs:
    """All jobs of a server in order of arrival, and the threads that run them, with one process each."""

    def __init__(self, asked: Proposer, *, workers: int) -> None:
        self._asked = asked
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()  # its lock is one that a thread may take twice
        self._closing = False
        self._ready = [False] * workers
        self._threads = [threading.Thread(target=self._see_to, args=(n,), daemon=True) for n in range(workers)]
        for thread in self._threads:
            thread.start()

    def add(self, upload: Upload, options: Options) -> Job:
        """Add a scan to the queue.

        Raises:
            FullError: too many are waiting.
        """
        job = Job(secrets.token_urlsafe(18), upload, options, "queued", time.monotonic())
        with self._changed:
            self._forget()
            open_ = [one for one in self._jobs.values() if not one.ended]
            waiting = sum(one.state == "queued" for one in open_)
            if waiting >= MOST_WAITING or sum(one.held for one in open_) + job.held > MOST_HELD:
                raise FullError(f"{upload.name}: {waiting} scans are waiting: send it again in a minute")
            self._jobs[job.id] = job
            self._changed.notify()
        return job

    def get(self, id: str) -> Job | None:
        """The job with this id, or None."""
        with self._changed:
            self._forget()
            return self._jobs.get(id)

    def drop(self, id: str) -> bool:
        """Delete a job, stopping it if it runs; returns whether it existed."""
        with self._changed:
            return self._jobs.pop(id, None) is not None

    def ahead(self, job: Job) -> int:
        """Number of scans before this one in the queue."""
        return self.count("queued", before=job.id)

    def count(self, state: State, *, before: str | None = None) -> int:
        """Number of jobs in a state, of all or of those before one."""
        with self._changed:
            ids = list(self._jobs)
            earlier = ids[: ids.index(before)] if before in self._jobs else ids
            return sum(self._jobs[id].state == state for id in earlier)

    @property
    def workers(self) -> tuple[int, int]:
        """Number of workers that can answer now, and the intended number."""
        return sum(self._ready), len(self._ready)

    def close(self) -> None:
        """Stop running jobs, and end all threads and processes."""
        with self._changed:
            self._closing = True
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _see_to(self, number: int) -> None:
        """Run jobs one after the other, in a thread that ends only with the server."""
        worker = Worker(self._asked)
        while not self._closing:
            try:
                self._ready[number] = worker.revive(lambda: not self._closing)
                if not self._ready[number]:
                    self._rest()
                elif (job := self._next()) is not None:
                    self._answer(worker, job)
            except Exception as error:  # no descriptor is free, or a mistake of ours: what comes next may go well
                self._ready[number] = False
                with suppress(Exception):
                    print(f"a worker of the server failed ({error!r}) and is started again", file=sys.stderr)
                self._rest()
        worker.close()

    def _answer(self, worker: Worker, job: Job) -> None:
        """Run a job to its end; it waits again if its process was lost for the first time."""
        try:
            answer = worker.ask(job.upload, job.options, lambda: job.id in self._jobs)
        except LostError:
            if job.lost + 1 < TRIES:
                self._now(replace(job, lost=job.lost + 1), "queued")
                return
            crash = f"{job.upload.name}: its process crashed twice: please report this file"
            answer = failed(job.upload, self._asked, crash)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            mistake = f"{job.upload.name}: internal error of bragglens ({type(error).__name__}): please report it"
            answer = failed(job.upload, self._asked, mistake)
        if answer is not None:
            self._now(job, "failed" if answer.error else "done", answer)

    def _next(self) -> Job | None:
        """The next job, if there is one within a short time."""
        with self._changed:
            if not self._closing and not any(job.state == "queued" for job in self._jobs.values()):
                self._changed.wait(_LOOK)
            queued = next((job for job in self._jobs.values() if job.state == "queued"), None)
            return None if self._closing or queued is None else self._now(queued, "running")

    def _rest(self) -> None:
        with self._changed:
            if not self._closing:
                self._changed.wait(_LOOK)

    def _now(self, job: Job, state: State, answer: Answer | None = None) -> Job:
        """Set the state of a job, if it still exists."""
        job = replace(job, state=state, since=time.monotonic(), answer=answer)
        with self._changed:
            if job.id in self._jobs:
                self._jobs[job.id] = job
                self._changed.notify()
        return job

    def _forget(self) -> None:
        """Delete jobs that ended long ago, and the oldest ones if the memory limit is exceeded."""
        ended = sorted((job for job in self._jobs.values() if job.ended), key=lambda job: job.since)
        held, now = sum(job.held for job in self._jobs.values()), time.monotonic()
        for job in ended:
            if held > MOST_HELD or now - job.since > KEPT:
                del self._jobs[job.id]
                held -= job.held
