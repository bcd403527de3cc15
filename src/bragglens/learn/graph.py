"""Content of an ONNX file, read without running it.

ONNX is a protocol buffer. This module reads the few messages that the networks of bragglens need, by the field numbers
of `onnx.proto3`. A file with any other field (subgraphs, functions, external data, sparse tensors, training) is
refused, so that nothing unchecked reaches the interpreter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_NODES = 100  # of a network; those of bragglens have 12 and 13
_SKIPPED = None  # a field that does not affect the computation
_MODEL = {1: _SKIPPED, 2: _SKIPPED, 3: _SKIPPED, 4: _SKIPPED, 5: _SKIPPED, 6: _SKIPPED, 14: _SKIPPED} | {
    7: "graph",
    8: "operators",
}
_GRAPH = {1: "node", 2: _SKIPPED, 5: "tensor", 10: _SKIPPED, 11: "input", 12: "output", 13: _SKIPPED, 16: _SKIPPED}
_NODE = {1: "input", 2: "output", 3: _SKIPPED, 4: "operator", 5: "attribute", 6: _SKIPPED, 7: "domain", 9: _SKIPPED}
_ATTRIBUTE = {1: "name", 2: "float", 3: "integer", 4: "text", 7: "floats", 8: "integers", 13: _SKIPPED, 20: _SKIPPED}
_TENSOR = {1: "sizes", 2: "kind", 8: "name", 9: "raw", 12: _SKIPPED, 16: _SKIPPED}
_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 7: np.dtype("<i8")}
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # wire types of fields


class GraphError(ValueError):
    """The bytes are not a network as bragglens writes it. The message says why."""


@dataclass(frozen=True)
class Node:
    """An operator of the graph.

    Attributes:
        operator: its name.
        inputs, outputs: names of its inputs and outputs.
        attributes: its numbers by name, one number or a tuple.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A network as written in the file.

    Attributes:
        nodes: in the order of computation.
        tensors: the weights by name, float32 or int64.
        inputs, outputs: dimensions of inputs and outputs by name, None for a free dimension.
    """

    nodes: tuple[Node, ...]
    tensors: dict[str, NDArray[Any]]
    inputs: dict[str, tuple[int | None, ...]]
    outputs: dict[str, tuple[int | None, ...]]


def read_graph(data: bytes) -> Graph:
    """The content of the bytes of a network.

    Raises:
        GraphError: they are damaged, or hold something that no network of bragglens has.
    """
    try:
        (graph,) = [value for name, value in _fields(memoryview(data), _MODEL, "model") if name == "graph"]
        found = list(_fields(graph, _GRAPH, "graph"))
        nodes = [_node(value) for name, value in found if name == "node"]
        tensors = dict(_tensor(value) for name, value in found if name == "tensor")
        ends = {end: _ends([value for name, value in found if name == end]) for end in ("input", "output")}
    except GraphError:
        raise
    except (ValueError, IndexError, struct.error, KeyError, TypeError, OverflowError) as error:
        raise GraphError(f"is damaged ({error})") from error
    if len(nodes) > MOST_NODES:
        raise GraphError(f"has {len(nodes)} operators, more than {MOST_NODES}")
    return Graph(tuple(nodes), tensors, ends["input"], ends["output"])


def _fields(data: memoryview, known: dict[int, str | None], what: str) -> Iterator[tuple[str, Any]]:
    """The fields of a message by name. A value is a number, or the bytes of a text, a message or packed numbers."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, written = key >> 3, key & 7
        if number not in known:
            raise GraphError(f"has a field {number} in its {what}, which no network of bragglens has")
        value: Any
        if written == _VARINT:
            value, at = _varint(data, at)
        else:
            size = {_EIGHT: 8, _FOUR: 4}.get(written)
            if written == _BYTES:
                size, at = _varint(data, at)
            if size is None or size > len(data) - at:
                raise GraphError("is cut short")
            value, at = data[at : at + size], at + size
        if (name := known[number]) is not None:
            yield name, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """An integer with 7 bits a byte, the lowest first, and the position after it."""
    value = 0
    for place in range(10):
        byte = data[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise GraphError("has an unterminated number")


def _text(value: Any) -> str:
    return bytes(value).decode()


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _integers(value: Any) -> list[int]:
    """Integers, either one alone or packed."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(_signed(number))
    return found


def _floats(value: Any) -> list[float]:
    return [float(number) for number in np.frombuffer(value, "<f4")]


def _node(data: memoryview) -> Node:
    found = list(_fields(data, _NODE, "node"))
    texts = {key: tuple(_text(value) for name, value in found if name == key) for key in ("input", "output")}
    (operator,) = [_text(value) for name, value in found if name == "operator"]
    if any(name == "domain" and len(value) for name, value in found):
        raise GraphError(f"has an operator {operator!r} that is not of ONNX itself")
    attributes = dict(_attribute(value) for name, value in found if name == "attribute")
    return Node(operator, texts["input"], texts["output"], attributes)


def _attribute(data: memoryview) -> tuple[str, Any]:
    name, single = "", False
    numbers: list[Any] = []
    for key, value in _fields(data, _ATTRIBUTE, "attributes"):
        if key == "name":
            name = _text(value)
        elif key == "text":
            return name, _text(value)
        else:
            single = key in ("float", "integer")
            numbers += _floats(value) if key in ("float", "floats") else _integers(value)
    return name, numbers[-1] if single else tuple(numbers)


def _tensor(data: memoryview) -> tuple[str, NDArray[Any]]:
    name, kind = "", 0
    sizes: list[int] = []
    raw: Any = b""
    for key, value in _fields(data, _TENSOR, "weights"):
        if key == "sizes":
            sizes += _integers(value)
        elif key == "kind":
            kind = value
        elif key == "name":
            name = _text(value)
        else:
            raw = value
    if kind not in _DTYPES:
        raise GraphError(f"has weights {name!r} of kind {kind}: 1 (float32) or 7 (int64) is expected")
    if min(sizes, default=1) < 0:
        raise GraphError(f"has weights {name!r} of sizes {sizes}")
    return name, np.frombuffer(raw, _DTYPES[kind]).reshape(sizes)


def _ends(each: list[memoryview]) -> dict[str, tuple[int | None, ...]]:
    found = dict(map(_end, each))
    if len(found) < len(each):
        raise GraphError("has two inputs or outputs of the same name")
    return found


def _end(data: memoryview) -> tuple[str, tuple[int | None, ...]]:
    """Name and dimensions of an input or output."""
    said = dict(_fields(data, {1: "name", 2: "type", 3: _SKIPPED, 4: _SKIPPED}, "ends"))
    (tensor,) = [value for _, value in _fields(said["type"], {1: "tensor", 6: _SKIPPED}, "types")]
    sizes = dict(_fields(tensor, {1: _SKIPPED, 2: "shape"}, "types"))["shape"]
    each = [
        dict(_fields(size, {1: "value", 2: _SKIPPED, 3: _SKIPPED}, "sizes"))
        for _, size in _fields(sizes, {1: "size"}, "sizes")
    ]
    return _text(said["name"]), tuple(size.get("value") for size in each)
