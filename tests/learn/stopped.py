"""A short training that can be killed: `learn` in the process of a test, or `python stopped.py MODEL STEP`."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn

from bragglens.crystal.library import read_library
from bragglens.learn import checkpoint
from bragglens.learn import train as training
from bragglens.learn.processes import Processes, processes
from bragglens.scan.pattern import Grid

GRID = Grid(5.0, 90.0, 0.2)


def pickled(network: nn.Module, channels: int, points: int) -> bytes:
    """In place of `to_onnx`, which takes longer than a short training and is tested in `test_networks.py`."""
    return pickle.dumps(network.eval())


def learn(output: Path, tick: Callable[[int, int], None] | None = None, group: Processes = training.ALONE) -> None:
    """30 steps with a checkpoint after each. Process 0 writes the network, for `network`."""
    torch.set_num_threads(1)
    library = read_library(str(files("bragglens") / "data" / "titania"))
    with (
        patch.object(checkpoint, "EVERY", 0.0),
        patch.object(training, "STRANGERS", 20),
        patch.object(training, "_has_bfloat16", lambda: False),  # its rounding would hide differences
        patch.object(training, "to_onnx", pickled),
    ):
        trained = training.train(
            library, grid=GRID, steps=30, batch=8, seed=3, group=group,
            checkpoint=output.with_suffix(".checkpoint"), tick=tick if group.rank == 0 else None,
        )  # fmt: skip
    if group.rank == 0:
        output.write_bytes(trained.network)


def network(output: Path) -> nn.Module:
    """The network that `learn` has written."""
    found: nn.Module = pickle.loads(output.read_bytes())
    return found


def main() -> None:
    """Print the steps. After step STEP one process is killed: this one, or its parent if there are several."""
    output, last = Path(sys.argv[1]), int(sys.argv[2])

    def print_step(done: int, of: int) -> None:
        print(done, flush=True)
        if done == last:
            os.kill(os.getppid() if group.count > 1 else os.getpid(), signal.SIGKILL)
            time.sleep(60)

    with processes() as group:
        output.with_name(f"{group.rank}.pid").write_text(str(os.getpid()))
        learn(output, print_step, group)


if __name__ == "__main__":
    main()
