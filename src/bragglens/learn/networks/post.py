"""The network of the founding blog post (J. Schuetzke, 2024, "Training a neural network for the classification of TiO2
XRD patterns"): three convolutions of 16 filters with pooling, one hidden layer of 50.
"""

from __future__ import annotations

from torch import nn


def build(channels: int, points: int, outputs: int) -> nn.Module:
    """The network without the softmax, which is part of the loss."""
    blocks: list[nn.Module] = []
    width = channels
    for kernel in (35, 25, 15):
        blocks += [nn.Conv1d(width, 16, kernel, padding="same"), nn.ReLU(), nn.MaxPool1d(2)]
        width = 16
    flat = 16 * (points // 2 // 2 // 2)
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(flat, 50), nn.ReLU(), nn.Linear(50, outputs))
