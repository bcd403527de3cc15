"""The default: four strided convolutions that keep positions, then dense layers that weigh each position.

Strides instead of pooling keep it cheap, although it is wider than the network of the founding blog post. The dense
layer on the flattened map makes the position of a peak count.
"""

from __future__ import annotations

import math

from torch import nn

_LAYERS = ((32, 31, 4), (48, 15, 2), (64, 9, 2), (64, 5, 2))  # filters, kernel, stride


def build(channels: int, points: int, outputs: int) -> nn.Module:
    """The network. Its logits are independent for each output."""
    blocks: list[nn.Module] = []
    width = channels
    for filters, kernel, stride in _LAYERS:
        blocks += [
            nn.Conv1d(width, filters, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(filters),
            nn.ReLU(),
        ]
        width, points = filters, math.ceil(points / stride)
    return nn.Sequential(
        *blocks, nn.Flatten(), nn.Dropout(0.2), nn.Linear(width * points, 384), nn.ReLU(), nn.Linear(384, outputs)
    )
