"""An interrupted training ends with the same figures, and processes that train together learn from the same samples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stopped
import torch
from child_processes import all_end, started

from bragglens.errors import RecipeError
from bragglens.learn import checkpoint
from bragglens.learn.checkpoint import Checkpoint
from bragglens.learn.processes import Processes


def test_foreign_and_damaged_checkpoints_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    network = torch.nn.Linear(2, 2)
    mine = Checkpoint(tmp_path / "c", {"seed": 1})
    mine.keep(7, {"network": network})
    assert mine.resume({"network": torch.nn.Linear(2, 2)}) == 7
    assert Checkpoint(tmp_path / "c", {"seed": 2}).resume({"network": network}) == 0
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:100])
    assert mine.resume({"network": network}) == 0
    assert Checkpoint(tmp_path / "none", {"seed": 1}).resume({"network": network}) == 0


def _steps_of(output: Path, *launcher: str, last: int = 0) -> list[int]:
    """Steps that a training prints, until step `last`, if given, at which it is killed. No process remains."""
    command = [sys.executable, *launcher, stopped.__file__, str(output), str(last)]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        steps = [int(line) for line in process.stdout]
        process.wait()
        assert all_end(int(path.read_text()) for path in output.parent.glob("*.pid"))
    return steps


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a run without interruption."""
    path = tmp_path_factory.mktemp("whole") / "whole.bragglens"
    stopped.learn(path)
    return path


def test_a_killed_training_continues_to_the_same_network(whole: Path, tmp_path: Path) -> None:
    """Killed once, and then ended by Ctrl-C."""
    killed = tmp_path / "killed.bragglens"
    assert _steps_of(killed, last=5) == [*range(1, 6)]
    steps: list[int] = []

    def tick(done: int, of: int) -> None:
        steps.append(done)
        if len(steps) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.learn(killed, tick)
    assert not killed.exists()
    stopped.learn(killed, tick)
    assert steps == [*range(5, 12), *range(11, 31)]  # the states after steps 5 and 11 were not saved yet
    alone, again = (stopped.network(path).state_dict() for path in (whole, killed))
    assert alone.keys() == again.keys()
    assert all(torch.equal(alone[name], again[name]) for name in alone)


def test_two_processes_learn_the_same_as_one(whole: Path, tmp_path: Path) -> None:
    """Except for rounding of sums in another order. With separate means for each share it would be 0.2 or more.

    The training is killed with both of the processes that torchrun started, and continues.
    """
    two = tmp_path / "two.bragglens"
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    assert _steps_of(two, *torchrun, last=7) == [*range(1, 8)]
    assert _steps_of(two, *torchrun) == [*range(7, 31)]
    x = torch.from_numpy(np.random.default_rng(0).random((4, 2, stopped.GRID.size), dtype=np.float32))
    with torch.inference_mode():
        alone, together = (stopped.network(path)(x) for path in (whole, two))
    assert (alone - together).abs().max() < 1e-3 * alone.abs().mean()  # found: 1e-5


def test_shares_of_processes_are_the_batch() -> None:
    rows = [Processes(rank, 4).share(64) for rank in range(4)]
    assert rows == [(0, 16), (16, 16), (32, 16), (48, 16)]
    with pytest.raises(RecipeError, match="3 processes"):
        Processes(0, 3).share(64)
