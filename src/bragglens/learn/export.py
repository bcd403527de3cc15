"""A torch network as ONNX bytes."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import torch
from torch import nn


def to_onnx(network: nn.Module, channels: int, points: int) -> bytes:
    """The network in evaluation mode with a free batch size, weights inside."""
    network = network.eval()
    batch = torch.export.Dim("batch", min=1, max=1 << 20)
    buffer = io.BytesIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (torch.zeros(2, channels, points),),
            dynamo=True,
            dynamic_shapes=({0: batch},),
            external_data=False,
            verbose=False,
        )
        assert program is not None
        program.save(buffer, external_data=False)  # type: ignore[arg-type]  # takes a buffer too
    return buffer.getvalue()
