"""Jobs: uploads that wait, are being answered, or are answered; kept in memory alone, and forgotten in time."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import Literal

from bragglens.errors import BragglensError
from bragglens.identify.asked import Asked
from bragglens.identify.identify import Options
from bragglens.web.worker import Answer, Upload, Worker

MOST_WAITING = 100  # jobs
MOST_HELD = 512 * 2**20  # bytes of uploads and reports together; beyond, those that ended first are forgotten
KEPT = 24 * 3600.0  # seconds that a job is kept once it ended

State = Literal["queued", "running", "done", "failed"]


class FullError(BragglensError):
    """No more jobs are taken for now."""


@dataclass(frozen=True)
class Job:
    """An upload with the way it is to be looked at, and what has come of it.

    Attributes:
        id: not to be guessed, since who knows it may see the scan.
        upload: the file.
        options: how the scan is to be looked at.
        state: where it stands.
        since: when it came there, of time.monotonic().
        answer: once it is done or failed.
    """

    id: str
    upload: Upload
    options: Options
    state: State
    since: float
    answer: Answer | None = None

    @property
    def ended(self) -> bool:
        """Whether an answer is there."""
        return self.answer is not None

    @property
    def held(self) -> int:
        """Bytes of memory."""
        report = self.answer.report if self.answer else None
        return len(self.upload.data) + len(report or b"")


class Jobs:
    """All jobs of a server, in the order they came, and the threads that see to them with a process each."""

    def __init__(self, asked: Asked, *, workers: int) -> None:
        self._asked = asked
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()  # its lock is one that a thread may take twice
        self._closing = False
        self._threads = [threading.Thread(target=self._see_to, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def add(self, upload: Upload, options: Options) -> Job:
        """Put a scan at the end of the queue.

        Raises:
            FullError: too many wait.
        """
        job = Job(secrets.token_urlsafe(18), upload, options, "queued", time.monotonic())
        with self._changed:
            self._forget()
            open_ = [one for one in self._jobs.values() if not one.ended]
            waiting = sum(one.state == "queued" for one in open_)
            if waiting >= MOST_WAITING or sum(one.held for one in open_) + job.held > MOST_HELD:
                raise FullError(f"{upload.name}: {waiting} scans wait already: send it again in a minute")
            self._jobs[job.id] = job
            self._changed.notify()
        return job

    def get(self, id: str) -> Job | None:
        """A job, None where there is none of that id, or no longer."""
        with self._changed:
            self._forget()
            return self._jobs.get(id)

    def drop(self, id: str) -> bool:
        """Forget a job; one that is being answered is broken off. Whether it was there."""
        with self._changed:
            return self._jobs.pop(id, None) is not None

    def ahead(self, job: Job) -> int:
        """How many scans are answered before this one begins."""
        return self.count("queued", before=job.id)

    def count(self, state: State, *, before: str | None = None) -> int:
        """How many jobs are in a state, of all or of those that came before one."""
        with self._changed:
            ids = list(self._jobs)
            earlier = ids[: ids.index(before)] if before in self._jobs else ids
            return sum(self._jobs[id].state == state for id in earlier)

    def close(self) -> None:
        """Break off what is being answered, and end all threads and processes."""
        with self._changed:
            self._closing = True
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _see_to(self) -> None:
        """Answer one job after the other, in a thread of its own."""
        worker = Worker(self._asked)
        while job := self._next():
            answer = worker.ask(job.upload, job.options, wanted=lambda id=job.id: id in self._jobs)  # type: ignore[misc]
            if answer is not None:
                self._now(job, "failed" if answer.error else "done", answer)
        worker.close()

    def _next(self) -> Job | None:
        """The job whose turn it is, as soon as there is one; None once all is closing."""
        with self._changed:
            while not self._closing:
                for job in self._jobs.values():
                    if job.state == "queued":
                        return self._now(job, "running")
                self._changed.wait()
        return None

    def _now(self, job: Job, state: State, answer: Answer | None = None) -> Job:
        """Put a job into a state, if it is still there."""
        job = replace(job, state=state, since=time.monotonic(), answer=answer)
        with self._changed:
            if job.id in self._jobs:
                self._jobs[job.id] = job
        return job

    def _forget(self) -> None:
        """Leave out what ended long ago, and what ended first where more is held than may be."""
        ended = sorted((job for job in self._jobs.values() if job.ended), key=lambda job: job.since)
        held, now = sum(job.held for job in self._jobs.values()), time.monotonic()
        for job in ended:
            if held > MOST_HELD or now - job.since > KEPT:
                del self._jobs[job.id]
                held -= job.held
