"""The contract of all networks, and a check that bad networks break it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bragglens.inference import session
from bragglens.learn.export import to_onnx
from bragglens.learn.networks import NETWORKS, Build


def keeps_contract(build: Build, channels: int, points: int, outputs: int) -> bool:
    """Logits of the right shape, independent of the batch, sensitive to the position of a peak, the same in ONNX."""
    torch.manual_seed(0)
    net = build(channels, points, outputs).eval()
    x = torch.rand(3, channels, points)
    with torch.inference_mode():
        whole = net(x)
        alone = net(x[1:2])
        moved = net(torch.roll(x, points // 3, dims=2))
    if whole.shape != (3, outputs) or not torch.allclose(whole[1:2], alone, atol=1e-4):
        return False
    if torch.allclose(whole, moved, atol=1e-4):
        return False
    loaded = session(to_onnx(net, channels, points))
    (out,) = loaded.run(None, {loaded.get_inputs()[0].name: x.numpy()})
    return bool(np.allclose(out, whole.numpy(), atol=1e-4))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("channels", "points", "outputs"), [(1, 203, 2), (2, 500, 7)])
def test_member_keeps_the_contract(name: str, channels: int, points: int, outputs: int) -> None:
    assert keeps_contract(NETWORKS[name], channels, points, outputs)


def test_the_contract_catches_bad_members() -> None:
    def insensitive_to_position(channels: int, points: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(channels, outputs))

    def wrong_shape(channels: int, points: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * points, outputs + 1))

    assert not keeps_contract(insensitive_to_position, 1, 200, 3)
    assert not keeps_contract(wrong_shape, 1, 200, 3)


def test_post_network_has_the_layers_of_the_post() -> None:
    """16 filters of 35, 25, 15, each pooled by 2, and a dense layer of 50, for 8501 points and 5 classes."""
    net = NETWORKS["post"](1, 8501, 5)
    convolutions = [m for m in net if isinstance(m, nn.Conv1d)]
    assert [(c.out_channels, c.kernel_size[0], c.padding) for c in convolutions] == [
        (16, 35, "same"), (16, 25, "same"), (16, 15, "same")
    ]  # fmt: skip
    assert sum(isinstance(m, nn.MaxPool1d) for m in net) == 3
    dense = [m for m in net if isinstance(m, nn.Linear)]
    assert [(d.in_features, d.out_features) for d in dense] == [(16 * 1062, 50), (50, 5)]
