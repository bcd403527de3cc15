"""Layers that use a whole batch of which each process has a share. Together they give what one process gives.

Batch normalisation (Ioffe & Szegedy 2015, ICML, 448) takes its mean and variance over the shares of all processes, and
its gradient goes back through both. Dropout draws for the whole batch from the same random numbers in all processes,
and each uses its own rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed, nn


class _Sum(torch.autograd.Function):
    """The sum over all processes. Its gradient is the sum of the gradients in all processes."""

    @staticmethod
    def forward(ctx: Any, share: torch.Tensor) -> torch.Tensor:
        total = share.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return _Sum.forward(ctx, gradients[0])


class SharedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation over the batch of all processes, whose shares have equal size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise the share (samples, channels, points) of this process."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        count = distributed.get_world_size()
        mean = self._mean(wide, count)
        deviation = wide - mean[:, None]
        variance = self._mean(deviation**2, count)
        self._remember(mean.detach(), variance.detach(), count * x.numel() // x.shape[1])
        scaled = deviation * torch.rsqrt(variance + self.eps)[:, None]
        return (scaled * self.weight[:, None] + self.bias[:, None]).to(x.dtype)

    def _mean(self, values: torch.Tensor, count: int) -> torch.Tensor:
        mean: torch.Tensor = _Sum.apply(values.mean(dim=(0, 2)))  # type: ignore[no-untyped-call]
        return mean / count

    def _remember(self, mean: torch.Tensor, variance: torch.Tensor, values: int) -> None:
        """Update the running means that the trained network uses. Their variance is the unbiased one."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (values / (values - 1)), self.momentum)
        self.num_batches_tracked.add_(1)


class SharedDropout(nn.Dropout):
    """Dropout in the rows of this process, drawn together with those of all others."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drop values of the share (samples, features) of this process."""
        if not self.training:
            return x
        kept = torch.ones(distributed.get_world_size() * len(x), *x.shape[1:], dtype=x.dtype, device=x.device)
        first = distributed.get_rank() * len(x)
        return x * nn.functional.dropout(kept, self.p)[first : first + len(x)]


_SHARED: dict[type, type[nn.Module]] = {nn.BatchNorm1d: SharedBatchNorm, nn.Dropout: SharedDropout}


def share(network: nn.Module) -> nn.Module:
    """The network with its batch-wide layers replaced by shared ones, with the same weights and names."""
    for layer in network.modules():
        layer.__class__ = _SHARED.get(type(layer), type(layer))
    return network
