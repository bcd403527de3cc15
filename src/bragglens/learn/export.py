"""A torch network as ONNX bytes.

Networks of ours are chains of few kinds of layers, which are written here one by one. torch's own exporter, which takes
any network, needs seconds for one and loads its compiler; the matcher, which is no chain, is written by it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_IR_VERSION, _OPERATORS = 10, 20  # of ONNX 1.17; ONNX Runtime reads them from 1.20 on

Written = tuple[str, Sequence[torch.Tensor | None], dict[str, Any]]  # operator, weights, attributes


def to_onnx(network: nn.Module, channels: int, points: int) -> bytes:
    """The network in evaluation mode with a free batch size, weights inside."""
    nodes: list[NodeProto] = []
    tensors: list[TensorProto] = []
    passed, x = "x", torch.zeros(1, channels, points)
    with torch.inference_mode():
        for number, layer in enumerate(_layers(network.eval())):
            x = layer(x)
            operator, weights, attributes = _WRITTEN[type(layer)](layer, x)
            named = [(f"{number}.{i}", weight) for i, weight in enumerate(weights) if weight is not None]
            tensors += [numpy_helper.from_array(weight.numpy(), name) for name, weight in named]
            taken, passed = [passed, *(name for name, _ in named)], f"y{number}"
            nodes.append(helper.make_node(operator, taken, [passed], **attributes))
    first, last = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sizes])
        for name, sizes in (("x", (channels, points)), (passed, x.shape[1:]))
    )
    graph = helper.make_graph(nodes, "network", [first], [last], tensors)
    opset = [helper.make_opsetid("", _OPERATORS)]
    return bytes(helper.make_model(graph, ir_version=_IR_VERSION, opset_imports=opset).SerializeToString())


def _layers(network: nn.Module) -> Iterator[nn.Module]:
    """The layers that compute, each convolution with the batch normalisation behind it."""
    assert isinstance(network, nn.Sequential)
    layers = list(network)
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(following, nn.BatchNorm1d):
            assert isinstance(layer, nn.Conv1d)
            yield fuse_conv_bn_eval(layer, following)
        elif not isinstance(layer, nn.BatchNorm1d | nn.Dropout):
            yield layer


def _convolution(layer: nn.Conv1d, given: torch.Tensor) -> Written:
    more = layer.dilation[0] * (layer.kernel_size[0] - 1)
    pads = [more // 2, more - more // 2] if layer.padding == "same" else [int(layer.padding[0])] * 2
    slides = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "dilations": layer.dilation, "pads": pads}
    return "Conv", [layer.weight, layer.bias], {**slides, "group": layer.groups}


def _pool(layer: nn.MaxPool1d, given: torch.Tensor) -> Written:
    return "MaxPool", [], {"kernel_shape": [layer.kernel_size], "strides": [layer.stride], "pads": [layer.padding] * 2}


def _relu(layer: nn.ReLU, given: torch.Tensor) -> Written:
    return "Relu", [], {}


def _flatten(layer: nn.Flatten, given: torch.Tensor) -> Written:
    return "Reshape", [torch.tensor([-1, given.shape[1]])], {}


def _dense(layer: nn.Linear, given: torch.Tensor) -> Written:
    return "Gemm", [layer.weight, layer.bias], {"transB": 1}


_WRITTEN: dict[type[nn.Module], Callable[[Any, torch.Tensor], Written]] = {
    nn.Conv1d: _convolution,
    nn.MaxPool1d: _pool,
    nn.ReLU: _relu,
    nn.Flatten: _flatten,
    nn.Linear: _dense,
}
"""How a layer is written, by its kind; `layers` says what of it may be read."""


def onnx_bytes(network: nn.Module, example: tuple[torch.Tensor, ...], free: tuple[Any, ...] | None) -> bytes:
    """A network as ONNX, weights inside; `free` names the sizes of the example that may vary."""
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
