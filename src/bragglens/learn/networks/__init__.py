"""Interchangeable networks. They need torch, which only training uses.

Each is a function `build(channels, points, outputs) -> torch.nn.Module`. Its module maps (batch, channels, points) to
(batch, outputs) logits. To add one, write its file and name it here. The contract is tested in
tests/learn/test_networks.py.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from bragglens.learn.networks import compact, post

Build = Callable[[int, int, int], nn.Module]

NETWORKS: dict[str, Build] = {"compact": compact.build, "post": post.build}
