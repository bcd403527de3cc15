"""Export of a torch network as ONNX bytes."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import Any

import torch
from torch import nn


def to_onnx(network: nn.Module, channels: int, points: int) -> bytes:
    """The network in evaluation mode as ONNX, with any batch size and with its weights included."""
    batch = torch.export.Dim("batch", min=1, max=1 << 20)
    return onnx_bytes(network.eval(), (torch.zeros(2, channels, points),), ({0: batch},))


def onnx_bytes(network: nn.Module, example: tuple[torch.Tensor, ...], free: tuple[Any, ...] | None) -> bytes:
    """A network as ONNX with its weights included. `free` names the dimensions of the example that may vary."""
    buffer = io.BytesIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network, example, dynamo=True, dynamic_shapes=free, external_data=False, verbose=False
        )
        assert program is not None
        program.save(buffer, external_data=False)  # type: ignore[arg-type]  # takes a buffer too
    return buffer.getvalue()
