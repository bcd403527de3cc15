"""The default: four strided convolutions that keep place, then dense layers that know what each place means.

Strides instead of pooling keep it cheap although it is wider than the founding network; the dense layer on the
flattened map is what makes a peak's position count.
"""

from __future__ import annotations

import math

from torch import nn

_LAYERS = ((32, 31, 4), (48, 15, 2), (64, 9, 2), (64, 5, 2))  # filters, kernel, stride


def build(channels: int, points: int, outputs: int) -> nn.Module:
    """The network; its logits are independent yes or no for each output."""
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
