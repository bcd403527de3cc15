"""The training loop of all networks: one batch after the other, with checkpoints, in one or several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from bragglens.learn.checkpoint import Checkpoint, Stateful
from bragglens.learn.processes import Processes

Batch = TypeVar("Batch")
Figures = dict[str, float]
Report = Callable[[int, Figures], None]
Tick = Callable[[int, int], None]
ALONE = Processes()
_FIRST_RATE, _HIGHEST_RATE = 1e-3, 2e-3  # learning rates


@dataclass(frozen=True)
class Course:
    """Length and settings of a training with AdamW. The learning rate rises to its maximum and falls to zero.

    Attributes:
        steps: number of batches.
        batch: samples in a batch, those of all processes together.
        rising: share of the steps in which the rate rises.
        decay: weight decay.
        clip: largest norm of the gradient, or None.
        every: steps between two reports.
    """

    steps: int
    batch: int
    rising: float
    decay: float
    clip: float | None = None
    every: int = 50


def train_network(
    network: nn.Module,
    make: Callable[[int, int], Batch],
    loss: Callable[[nn.Module, Batch], tuple[torch.Tensor, Figures]],
    course: Course,
    *,
    first: int = 0,
    report: Report | None = None,
    tick: Tick | None = None,
    saved: Checkpoint | None = None,
    group: Processes = ALONE,
) -> None:
    """Train a network in place.

    `make(i, n)` gives samples i ... i + n - 1. `loss` gives the loss of a batch, and the figures whose means `report`
    gets. The first sample has number `first`. A run that has a checkpoint continues from it.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=_FIRST_RATE, weight_decay=course.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=_HIGHEST_RATE, total_steps=course.steps, pct_start=course.rising
    )
    means = Means()
    parts: dict[str, Stateful] = {"network": network, "optimizer": optimizer, "schedule": schedule, "means": means}
    begun = group.agreed(saved.resume(parts) if saved else 0)
    joined = group.join(network)
    own, count = group.share(course.batch)
    for step, batch in _ahead(lambda step: make(first + step * course.batch + own, count), begun, course.steps):
        value, figures = loss(joined, batch)
        descend(value, optimizer, clip=course.clip)
        schedule.step()
        means.add(figures, count)
        if tick:
            tick(step + 1, course.steps)
        if report and (step + 1) % course.every == 0:
            report(step + 1, means.close())
        if saved and group.rank == 0:
            saved.keep(step + 1, parts)


def descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer, *, clip: float | None = None) -> None:
    """One step of gradient descent."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if clip is not None:
        nn.utils.clip_grad_norm_([p for row in optimizer.param_groups for p in row["params"]], clip)
    optimizer.step()


def _ahead(make: Callable[[int], Batch], begun: int, steps: int) -> Iterator[tuple[int, Batch]]:
    """Batches in order. The next one is made during the current step, as the renderer releases the interpreter lock."""
    with ThreadPoolExecutor(1) as maker:
        following = maker.submit(make, begun)
        for step in range(begun, steps):
            batch = following.result()
            if step + 1 < steps:
                following = maker.submit(make, step + 1)
            yield step, batch


class Means:
    """Means of figures over all samples since the last report."""

    def __init__(self) -> None:
        self.sums: Figures = {}
        self.seen = 0

    def state_dict(self) -> dict[str, Any]:
        """The state."""
        return {"sums": dict(self.sums), "seen": self.seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self.sums, self.seen = dict(state_dict["sums"]), state_dict["seen"]

    def add(self, figures: Figures, count: int) -> None:
        """Add figures that are means over `count` samples."""
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * count
        self.seen += count

    def close(self) -> Figures:
        """Return the means and start again from zero."""
        means = {name: total / self.seen for name, total in self.sums.items()}
        self.sums, self.seen = {}, 0
        return means
