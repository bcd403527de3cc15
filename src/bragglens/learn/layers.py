"""Check that a network is a chain of layers as exported by bragglens, and compute the output size of each layer.

A network that does not fit its own axis or library is thus found before it runs, and so is its cost. A chain has no
loops, and the work of each layer follows from its sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bragglens.learn.graph import Graph, GraphError, Node, read_graph

Sizes = tuple[int, ...]  # of the data between two layers, without the batch

MOST_NUMBERS = 20_000_000  # between two layers for one scan; networks of bragglens have below 500,000
MOST_WORK = 20_000_000_000  # multiplications for one scan, some seconds; networks of bragglens take below 10⁹
_ONLY: dict[str, tuple[Any, ...]] = {  # values that do not change the result
    "alpha": (1.0,),
    "beta": (1.0,),
    "auto_pad": ("NOTSET",),
    "group": (1,),
    "allowzero": (0, 1),
    "ceil_mode": (0,),
}
_FREE = ("pads", "strides", "dilations", "kernel_shape", "transA", "transB", "storage_order")


def check_network(data: bytes, *, channels: int, points: int, outputs: int) -> None:
    """Check that bytes are a network that maps (batch, channels, points) to (batch, outputs).

    Raises:
        GraphError: they are not, or have weights that are not finite.
    """
    graph = read_graph(data)
    _check_weights(graph)
    sizes: Sizes = (channels, points)
    ends = [*graph.inputs.values()], [*graph.outputs.values()]
    if ends != ([(None, *sizes)], [(None, outputs)]):
        raise GraphError(f"takes and gives {ends}: {channels} x {points} to {outputs} for each scan is expected")
    work = 0
    for node, weights in _chain(graph):
        sizes, layer = _LAYERS[node.operator](node, weights, sizes)
        work += layer
        if math.prod(sizes) > MOST_NUMBERS or work > MOST_WORK:
            raise GraphError(
                f"would need more computation than a network for {points} points can need, in a {node.operator}"
            )
    if sizes != (outputs,):
        raise GraphError(f"gives {' x '.join(map(str, sizes))} numbers: {outputs} are expected")


def _check_weights(graph: Graph) -> None:
    for name, weights in graph.tensors.items():
        if not np.isfinite(weights).all():
            raise GraphError(f"has weights {name!r} that are no finite numbers")
        if weights.ndim > 1 and not weights.any():
            raise GraphError(f"has weights {name!r} that are all zero")


def _chain(graph: Graph) -> Iterator[tuple[Node, list[NDArray[Any]]]]:
    """Each layer with its weights. The input of each is the output of the one before."""
    passed = tuple(graph.inputs)
    for node in graph.nodes:
        if node.operator not in _LAYERS:
            raise GraphError(f"has an operator {node.operator!r}: only {', '.join(_LAYERS)} are expected")
        for name, value in node.attributes.items():
            if name not in _FREE and value not in _ONLY.get(name, ()):
                raise GraphError(f"has a {node.operator} with {name} {value!r}, which no network of bragglens has")
        if node.inputs[:1] != passed or not all(name in graph.tensors for name in node.inputs[1:]):
            raise GraphError(f"has a {node.operator} that does not follow the layer before it")
        passed = node.outputs
        yield node, [graph.tensors[name] for name in node.inputs[1:]]
    if passed != tuple(graph.outputs):
        raise GraphError("does not give what its last layer does")


def _slid(node: Node, points: int, kernel: int) -> int:
    """Number of points after a kernel has been applied along them."""
    before, after = _numbers(node, "pads", (0, 0))
    (stride,), (dilation,) = _numbers(node, "strides", (1,)), _numbers(node, "dilations", (1,))
    if min(before, after) < 0 or min(stride, dilation, kernel) < 1 or max(before, after) > kernel * dilation:
        raise GraphError(f"has a {node.operator} with an impossible kernel")
    left = (points + before + after - dilation * (kernel - 1) - 1) // stride + 1
    if left < 1:
        raise GraphError(f"has a {node.operator} that is longer than the {points} points it is given")
    return left


def _numbers(node: Node, name: str, usual: Sizes) -> Sizes:
    found: Any = node.attributes.get(name, usual)
    if not isinstance(found, tuple) or len(found) != len(usual) or not all(type(number) is int for number in found):
        raise GraphError(f"has a {node.operator} with {name} {found!r}: {len(usual)} whole numbers are expected")
    return found


def _convolution(node: Node, weights: list[NDArray[Any]], sizes: Sizes) -> tuple[Sizes, int]:
    channels, points = _two(node, sizes)
    kernel = weights[0] if weights else np.empty(0)
    if kernel.ndim != 3 or kernel.shape[1] != channels or not _bias(weights[1:], kernel.shape[0]):
        raise GraphError(f"has a Conv whose weights do not fit {channels} channels")
    if _numbers(node, "kernel_shape", kernel.shape[2:]) != kernel.shape[2:]:
        raise GraphError("has a Conv whose kernel_shape is not that of its weights")
    left = _slid(node, points, kernel.shape[2])
    return (kernel.shape[0], left), kernel.size * left


def _pool(node: Node, weights: list[NDArray[Any]], sizes: Sizes) -> tuple[Sizes, int]:
    channels, points = _two(node, sizes)
    (kernel,) = _numbers(node, "kernel_shape", (0,))
    left = _slid(node, points, kernel)
    return (channels, left), channels * left * kernel


def _relu(node: Node, weights: list[NDArray[Any]], sizes: Sizes) -> tuple[Sizes, int]:
    return sizes, math.prod(sizes)


def _reshape(node: Node, weights: list[NDArray[Any]], sizes: Sizes) -> tuple[Sizes, int]:
    flat = math.prod(sizes)
    if len(weights) != 1 or weights[0].dtype.kind != "i" or weights[0].tolist() not in ([-1, flat], [0, flat]):
        raise GraphError(f"has a Reshape to other sizes than {flat} in a row")
    return (flat,), 0


def _dense(node: Node, weights: list[NDArray[Any]], sizes: Sizes) -> tuple[Sizes, int]:
    matrix = weights[0] if weights else np.empty(0)
    if node.attributes.get("transA", 0) or matrix.ndim != 2 or len(sizes) != 1:
        raise GraphError("has a Gemm that is no dense layer")
    taken, given = matrix.shape[::-1] if node.attributes.get("transB", 0) else matrix.shape
    if taken != sizes[0] or not _bias(weights[1:], given):
        raise GraphError(f"has a Gemm whose weights do not fit {sizes[0]} numbers")
    return (given,), matrix.size


def _two(node: Node, sizes: Sizes) -> tuple[int, int]:
    if len(sizes) != 2:
        raise GraphError(f"has a {node.operator} where channels and points are no longer apart")
    return sizes[0], sizes[1]


def _bias(weights: list[NDArray[Any]], given: int) -> bool:
    return len(weights) == 0 or (len(weights) == 1 and weights[0].shape == (given,))


_LAYERS: dict[str, Callable[[Node, list[NDArray[Any]], Sizes], tuple[Sizes, int]]] = {
    "Conv": _convolution,
    "MaxPool": _pool,
    "Relu": _relu,
    "Reshape": _reshape,
    "Gemm": _dense,
}
"""The operators in the exports of `learn.networks`. A network with another operator needs a row here."""
