"""Jobs that wait, are answered by a process, outlive its end, and are forgotten."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from bragglens.crystal.library import Library
from bragglens.identification.options import Options
from bragglens.identification.sources import proposer_of
from bragglens.web import jobs as room
from bragglens.web import worker
from bragglens.web.jobs import FullError, Job, Jobs
from bragglens.web.worker import Upload

BAD = Upload("bad.xy", b"this is no scan")


@pytest.fixture(scope="module")
def others() -> set[int | None]:
    """Processes of other tests."""
    return {process.pid for process in multiprocessing.active_children()}


def own_process(others: set[int | None]) -> BaseProcess:
    """The worker of this module's jobs."""
    (process,) = (one for one in multiprocessing.active_children() if one.pid not in others)
    return process


@pytest.fixture(scope="module")
def jobs(titania: Library, others: set[int | None]) -> Iterator[Jobs]:
    served = Jobs(proposer_of(titania), workers=1)
    yield served
    served.close()
    assert {process.pid for process in multiprocessing.active_children()} <= others


def ended(jobs: Jobs, job: Job) -> Job:
    """The job once it is answered."""
    for _ in range(6000):
        found = jobs.get(job.id)
        assert found is not None
        if found.ended:
            return found
        time.sleep(0.05)
    raise AssertionError("no answer")


def killed(others: set[int | None]) -> None:
    process = own_process(others)
    process.kill()
    process.join()


def test_a_worker_that_dies_while_idle_costs_nothing(jobs: Jobs, others: set[int | None]) -> None:
    ended(jobs, jobs.add(BAD, Options()))
    killed(others)
    after = ended(jobs, jobs.add(BAD, Options())).answer
    assert after is not None
    assert after.document["scans"][0]["error"] == after.error
    assert "crash" not in str(after.error)
    assert jobs.workers == (1, 1)


def test_a_worker_that_dies_at_work_is_asked_once_more(jobs: Jobs, scans: Path, others: set[int | None]) -> None:
    scan = Upload("rutile.xy", (scans / "rutile.xy").read_bytes())
    first, second = jobs.add(scan, Options()), jobs.add(scan, Options())
    running(jobs)
    killed(others)
    answered = ended(jobs, first)
    assert (answered.state, answered.lost) == ("done", 1)
    jobs.drop(second.id)


def running(jobs: Jobs) -> None:
    while not jobs.count("running"):
        time.sleep(0.005)


def test_a_scan_that_crashes_its_worker_fails_in_the_end(titania: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Crashing(worker.Worker):
        def revive(self, wanted: object) -> bool:
            return True

        def ask(self, upload: Upload, options: object, wanted: object) -> None:
            asked.append(upload.name)
            raise worker.LostError

    monkeypatch.setattr(room, "Worker", Crashing)
    served = Jobs(proposer_of(titania), workers=1)
    lost = ended(served, served.add(BAD, Options()))
    served.close()
    assert asked == ["bad.xy"] * 2
    assert lost.state == "failed"
    assert lost.answer is not None
    assert lost.answer.error == "bad.xy: its process crashed twice: please report this file"


def test_a_thread_outlives_a_worker_that_cannot_be_started(
    titania: Library, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    free, tried = False, threading.Semaphore(0)

    class Short(worker.Worker):
        def revive(self, wanted: object) -> bool:
            tried.release()
            if not free:
                raise OSError(24, "Too many open files")
            return True

        def ask(self, upload: Upload, options: object, wanted: object) -> worker.Answer:
            return worker.failed(upload, proposer_of(titania), "read")

    monkeypatch.setattr(room, "Worker", Short)
    monkeypatch.setattr(room, "_LOOK", 0.02)
    served = Jobs(proposer_of(titania), workers=1)
    job = served.add(BAD, Options())
    assert all(tried.acquire(timeout=60) for _ in range(2))  # at the second attempt the first has failed
    found = served.get(job.id)
    assert found is not None
    assert (found.state, served.workers) == ("queued", (0, 1))
    free = True
    assert ended(served, job).state == "failed"
    assert served.workers == (1, 1)
    served.close()
    assert "Too many open files" in capfd.readouterr().err


def test_a_mistake_of_ours_ends_the_job_and_not_the_thread(titania: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mistaken(worker.Worker):
        def revive(self, wanted: object) -> bool:
            return True

        def ask(self, upload: Upload, options: object, wanted: object) -> None:
            raise KeyError("x")

    monkeypatch.setattr(room, "Worker", Mistaken)
    served = Jobs(proposer_of(titania), workers=1)
    for _ in range(2):
        answer = ended(served, served.add(BAD, Options())).answer
        assert answer is not None
        assert answer.error == "bad.xy: internal error of bragglens (KeyError): please report it"
    served.close()


def test_the_memory_and_time_of_a_worker_have_an_end() -> None:
    pytest.importorskip("resource")
    script = (
        "import signal\nfrom bragglens.web import limits\nlimits.MOST_MEMORY, limits._OF_A_THREAD = 50 * 2**20, 0\n"
        "limits.limit_worker_memory()\n"
        "try:\n    print(len(bytearray(200 * 2**20)))\nexcept MemoryError:\n    print('refused')\n"
        "limits.MOST_CPU = 0.0\nlimits.limit_cpu()\nprint('begun', flush=True)\nwhile True: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["refused" if sys.platform == "linux" else done.stdout.split()[0], "begun"]
    assert -done.returncode in (signal.SIGXCPU, signal.SIGKILL)


def test_a_scan_that_takes_too_long_is_given_up(jobs: Jobs, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LONGEST", 0.0)
    given_up = ended(jobs, jobs.add(Upload("rutile.xy", (scans / "rutile.xy").read_bytes()), Options()))
    assert given_up.answer is not None
    assert "no answer after 0 s" in str(given_up.answer.error)


def test_a_job_that_is_dropped_is_broken_off(jobs: Jobs, scans: Path, others: set[int | None]) -> None:
    job = jobs.add(Upload("rutile.xy", (scans / "rutile.xy").read_bytes()), Options())
    while jobs.count("queued"):
        time.sleep(0.01)
    before = own_process(others).pid
    assert jobs.drop(job.id)
    assert not jobs.drop(job.id)
    assert ended(jobs, jobs.add(BAD, Options())).state == "failed"
    assert own_process(others).pid != before
    assert jobs.get(job.id) is None


def test_what_ended_is_forgotten_in_time(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (ended(jobs, jobs.add(BAD, Options())) for _ in range(2))
    monkeypatch.setattr(room, "MOST_HELD", second.held + first.held - 1)
    assert jobs.get(first.id) is None
    assert jobs.get(second.id) is not None
    monkeypatch.setattr(room, "KEPT", 0.0)
    assert jobs.get(second.id) is None


def test_the_queue_has_an_end(titania: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    idle = Jobs(proposer_of(titania), workers=0)
    monkeypatch.setattr(room, "MOST_WAITING", 2)
    first, second = idle.add(BAD, Options()), idle.add(BAD, Options())
    with pytest.raises(FullError, match=r"bad\.xy: 2 scans are waiting"):
        idle.add(BAD, Options())
    assert [idle.ahead(first), idle.ahead(second)] == [0, 1]
    idle.drop(first.id)
    assert idle.ahead(second) == 0
    monkeypatch.setattr(room, "MOST_HELD", 2 * second.held)
    idle.add(BAD, Options())
    monkeypatch.setattr(room, "MOST_WAITING", 9)
    with pytest.raises(FullError):
        idle.add(BAD, Options())
