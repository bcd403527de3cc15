"""A family of interchangeable networks. Needs torch, which only training does.

A member is a function `build(channels, points, outputs) -> torch.nn.Module` whose module takes (batch, channels,
points) and gives (batch, outputs) logits. To add one: write its file, and name it here. The contract is tested in
tests/learn/test_networks.py.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from bragglens.learn.networks import compact, post

Build = Callable[[int, int, int], nn.Module]

NETWORKS: dict[str, Build] = {"compact": compact.build, "post": post.build}
