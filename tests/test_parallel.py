"""Work in processes: results keep their order, even if processes die."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from child_processes import all_end, started

from bragglens import parallel
from bragglens.errors import BragglensError
from bragglens.parallel import Lost, results, workers_of

DIE = "__import__('os')._exit(1)"


def _all(pieces: list[str], workers: int = 2, ahead: int = 4) -> list[object]:
    with workers_of(workers) as working:
        return [result for _, result in results(eval, pieces, working.start, ahead=ahead)]


def test_results_keep_the_order_of_the_pieces() -> None:
    pieces = [f"(__import__('time').sleep(0.0{9 - i}), {i})[1]" for i in range(10)]
    assert _all(pieces) == _all(pieces, workers=1) == list(range(10))


def test_a_piece_of_a_dead_worker_is_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "died"
    once = f"1 if __import__('os').path.exists({str(mark)!r}) else (open({str(mark)!r}, 'w').close(), {DIE})"
    assert _all(["10", "20", once, "30", "40", "50"]) == [10, 20, 1, 30, 40, 50]


def test_only_a_piece_that_kills_every_worker_is_lost() -> None:
    found = _all(["1", DIE, "3", "1 / 0", "5"])
    assert [one for one in found if not isinstance(one, Lost)] == [1, 3, 5]
    assert [one.why for one in found if isinstance(one, Lost)] == [
        "its worker died 3 times",
        "ZeroDivisionError: division by zero",
    ]


def test_a_pool_that_breaks_unnoticed() -> None:
    with workers_of(2) as working:
        found = []
        for _, value in results(eval, ["1", DIE, "3", "4"], working.start, ahead=2):
            found.append(value)
            time.sleep(0.5)
    assert [one for one in found if not isinstance(one, Lost)] == [1, 3, 4]


HOLD = r"""
import time
from bragglens.parallel import results, workers_of
if __name__ == "__main__":
    with workers_of(2) as working:
        own = "__import__('os').write(1, b'%d\\n' % __import__('os').getpid())"  # at once, as two write here
        pieces = [f"({own}, __import__('time').sleep(600))"] * 2
        list(results(eval, pieces, working.start, ahead=2))
"""


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    """Although they are at work, and nobody can tell them."""
    (tmp_path / "hold.py").write_text(HOLD)
    with started([sys.executable, str(tmp_path / "hold.py")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        workers = [int(process.stdout.readline()) for _ in range(2)]
        assert all(map(psutil.pid_exists, workers))
        process.kill()
        process.wait()
        assert all_end(workers)


def test_pieces_are_taken_lazily() -> None:
    asked = []

    def pieces():  # type: ignore[no-untyped-def]
        for i in range(9):
            asked.append(i)
            yield str(i)

    with workers_of(1) as working:
        found = results(eval, pieces(), working.start, ahead=2)
        next(found)
        assert len(asked) <= 3
        assert [value for _, value in found] == list(range(1, 9))


def test_dask_gives_the_same_after_losing_a_worker(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    mark = tmp_path / "died"
    once = f"1 if __import__('os').path.exists({str(mark)!r}) else (open({str(mark)!r}, 'w').close(), {DIE})"
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", local_directory=str(tmp_path)
        ) as cluster,
        workers_of(scheduler=cluster.scheduler_address) as working,
    ):
        assert [value for _, value in results(eval, ["7", once, "9"], working.start, ahead=4)] == [7, 1, 9]


def test_a_missing_scheduler_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "PATIENCE", 0.5)
    with pytest.raises(BragglensError, match="no Dask scheduler answers"), workers_of(scheduler="tcp://127.0.0.1:9"):
        pass
