"""Several processes that train one network together, as started by `torchrun`.

Each process makes its own share of every batch and learns from it, and the gradients are averaged (Li et al. 2020, VLDB
13, 3005, doi:10.14778/3415478.3415530). Layers that use a whole batch use all shares (`shared`). The processes thus
learn what one process would learn, except for rounding, as sums are taken in another order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from bragglens.errors import RecipeError
from bragglens.learn.shared import share
from bragglens.parallel import end_with_parent


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0. Process 0 reports and writes.
        count: number of processes.
        device: device for the computation.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")

    def share(self, batch: int) -> tuple[int, int]:
        """First sample and number of samples of a batch for this process.

        Raises:
            RecipeError: the batch cannot be divided evenly.
        """
        if batch % self.count:
            raise RecipeError(f"a batch of {batch} cannot be shared by {self.count} processes: start fewer, or 2, 4, 8")
        return batch // self.count * self.rank, batch // self.count

    def agreed(self, step: int) -> int:
        """The step from which all processes continue.

        Raises:
            RecipeError: they would continue from different steps, as some do not see the checkpoint.
        """
        if self.count > 1:
            steps: list[int] = [0] * self.count
            distributed.all_gather_object(steps, step)
            if len(set(steps)) > 1:
                raise RecipeError(
                    f"the processes would continue from different steps, {steps}: put the model where all "
                    "machines see its checkpoint"
                )
        return step

    def join(self, network: nn.Module) -> nn.Module:
        """The network on this process's device, with its gradients averaged over all processes."""
        network = network.to(self.device)
        if self.count == 1:
            return network
        return DistributedDataParallel(share(network), device_ids=[self.device] if self.device.type == "cuda" else None)


@contextmanager
def processes() -> Iterator[Processes]:
    """The processes started by `torchrun`, or this one alone."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(device=device)
        return
    end_with_parent()  # a killed torchrun does not end its processes
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), count, device)
        distributed.barrier()
    finally:
        distributed.destroy_process_group()
