"""Model files with one wrong field, weight or operator: each is refused in one sentence.

The network is written by hand from the layers of our exports, so that no training is needed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from odd_json import edited
from onnx import TensorProto, helper, numpy_helper

from bragglens.crystal.library import Library
from bragglens.errors import BragglensError, ModelError
from bragglens.learn.graph import GraphError, read_graph
from bragglens.learn.layers import check_network
from bragglens.learn.model import Model, load_model, save_model
from bragglens.scan.pattern import Grid, Pattern
from bragglens.scan.prepare import Preparation

GRID = Grid(10.0, 60.0, 1.0)
POINTS, FILTERS, OUTPUTS = 51, 3, 6
LEFT = (POINTS - 1) // 2 + 1  # points behind a convolution of stride 2 with padding
FLAT = FILTERS * (LEFT // 2)


def network() -> onnx.ModelProto:
    """A convolution, a pooling layer and a dense layer."""
    random = np.random.default_rng(0)
    weights = {
        "kernel": random.normal(size=(FILTERS, 2, 5)).astype(np.float32),
        "flat": np.array([-1, FLAT]),
        "dense": random.normal(size=(OUTPUTS, FLAT)).astype(np.float32),
        "bias": np.zeros(OUTPUTS, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["a"], kernel_shape=[5], strides=[2], pads=[2, 2], dilations=[1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2], strides=[2]),
        helper.make_node("Reshape", ["c", "flat"], ["d"], allowzero=1),
        helper.make_node("Gemm", ["d", "dense", "bias"], ["y"], transB=1, alpha=1.0, beta=1.0),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sizes])]
        for name, sizes in (("x", (2, POINTS)), ("y", (OUTPUTS,)))
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "made", *ends, tensors)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


@pytest.fixture(scope="module")
def made(titania: Library) -> Model:
    return handmade(titania)


def handmade(titania: Library) -> Model:
    """A model of the five phases whose network is `network()`."""
    preparation = Preparation(GRID, 1.5405929, "sqrt")
    recipe: dict[str, Any] = {"wavelength": "CuKa", "size": {"LogUniform": {"low": 4.0, "high": 500.0}}, "faulted": 0.5}
    first, second, *_ = titania.names
    return Model(
        titania, preparation, "sigmoid", network().SerializeToString(), recipe=recipe, scores={"samples": 1e5},
        versions={"torch": "2"}, alike=((first, second),),
    )  # fmt: skip


def outcome(path: Path) -> str:
    """The sentence that refuses a model, or '' if it loads and gives probabilities."""
    x = np.linspace(1, 2, POINTS)
    try:
        given = load_model(path).judge(Pattern(GRID, x, np.ones(POINTS, bool)))
    except BragglensError as error:
        return str(error)
    assert given.shape == (OUTPUTS,)
    assert np.isfinite(given).all()
    return ""


def write(path: Path, manifest: Any, network: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("network.onnx", network)
    return path


def test_it_is_a_model(made: Model, tmp_path: Path) -> None:
    assert outcome(save_model(made, tmp_path / "made.bragglens")) == ""


def test_edits_of_the_manifest(made: Model, tmp_path: Path) -> None:
    path = save_model(made, tmp_path / "made.bragglens")
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    random = np.random.default_rng(17)
    refused = [said for _ in range(150) if (said := outcome(write(path, edited(manifest, random), made.network)))]
    assert len(refused) > 100
    assert all(said.startswith(f"{path}: ") and said.count("\n") == 0 and len(said) < 500 for said in refused)
    assert sum("its manifest" in said or "its phases[" in said for said in refused) > 0.8 * len(refused)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("element", None, r"its phases\[0\].sites\[0\].element is null: the symbol of an element"),
        ("element", "Og", r"its phases\[0\].sites\[0\].element is \"Og\""),
        ("occupancy", float("nan"), r"its phases\[0\].sites\[0\].occupancy is NaN: a number from 0 to 1"),
        ("operations", [float("nan")], r"its phases\[0\].operations\[0\] is NaN: a symmetry operation"),
        ("name", True, r"its phases\[0\].name is true: a text"),
        ("name", "\x1b[31mred", r"its phases\[0\].name is .*that can be printed"),
        ("cell", [0, 1, 1, 90, 90, 90], r"its phases\[0\].cell\[0\] is 0: a number from 0.5"),
        ("cell", [4, 4, 4, 30, 30, 90], r"its phases\[0\].cell is \[4, .*: a cell of a volume"),
        ("cell", [4.6, 4.6, 3.0, 90, 90, 90], "its manifest.library_sha256 is not that of the phases"),
    ],
)
def test_the_field_is_named(made: Model, tmp_path: Path, field: str, value: Any, says: str) -> None:
    path = save_model(made, tmp_path / "made.bragglens")
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    phase = manifest["phases"][0]
    (phase if field in phase else phase["sites"][0])[field] = value
    write(path, manifest, made.network)
    with pytest.raises(ModelError, match=says):
        load_model(path)


def loops(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node[1].CopyFrom(helper.make_node("Loop", ["a"], ["b"], body=body))


def weights(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[onnx.ModelProto], None]:
    def change_them(model: onnx.ModelProto) -> None:
        (tensor,) = (one for one in model.graph.initializer if one.name == name)
        tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))

    return change_them


def elsewhere(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/dev/zero")


def attribute(place: int, name: str, value: Any) -> Callable[[onnx.ModelProto], None]:
    def change_it(model: onnx.ModelProto) -> None:
        node = model.graph.node[place]
        kept = [one for one in node.attribute if one.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return change_it


BROKEN: list[tuple[Callable[[onnx.ModelProto], object], str]] = [
    (loops, "field 6 in its attributes|operator 'Loop'"),
    (elsewhere, "field 13 in its weights|field 14 in its weights"),
    (lambda m: m.functions.add(name="f", domain="own"), "field 25 in its model"),
    (lambda m: m.graph.sparse_initializer.add(), "field 15 in its graph"),
    (lambda m: setattr(m.graph.node[1], "domain", "com.microsoft"), "not of ONNX itself"),
    (lambda m: setattr(m.graph.node[1], "op_type", "Exp"), "operator 'Exp': only Conv, MaxPool"),
    (lambda m: m.graph.input.add().CopyFrom(m.graph.input[0]), "has two inputs or outputs of the same name"),
    (lambda m: m.graph.output.add().CopyFrom(helper.make_tensor_value_info("b", 1, [1])), "takes and gives"),
    (lambda m: m.graph.node.extend([m.graph.node[1]] * 200), "has 205 operators"),
    (lambda m: m.graph.node[1].input.__setitem__(0, "x"), "does not follow the layer before"),
    (weights("kernel", lambda w: w * np.float32("nan")), "that are no finite numbers"),
    (weights("dense", np.zeros_like), "'dense' that are all zero"),
    (weights("kernel", lambda w: w.astype(np.float64)), "of kind 11"),
    (weights("dense", lambda w: w[:-1]), "a Gemm whose weights do not fit|gives 5 numbers"),
    (weights("flat", lambda w: w + 1), "a Reshape to other sizes"),
    (attribute(0, "pads", [10**9, 10**9]), "an impossible kernel"),
    (attribute(0, "strides", [0]), "an impossible kernel"),
    (attribute(2, "kernel_shape", [10**9]), "longer than the 26 points"),
    (attribute(4, "alpha", float("nan")), "a Gemm with alpha nan"),
    (attribute(0, "auto_pad", "SAME_UPPER"), "auto_pad 'SAME_UPPER'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says"), BROKEN)
def test_networks_that_bragglens_does_not_write(
    made: Model, tmp_path: Path, change: Callable[[onnx.ModelProto], object], says: str
) -> None:
    model = network()
    change(model)
    with pytest.raises(ModelError, match=says):
        load_model(save_model(replace(made, network=model.SerializeToString()), tmp_path / "odd.bragglens"))


def test_a_network_of_another_number_of_outputs(made: Model, tmp_path: Path) -> None:
    fewer = replace(made, library=Library(made.library.phases[:3]), alike=())
    with pytest.raises(ModelError, match=r"takes and gives .*: 2 x 51 to 4 for each scan is expected"):
        load_model(save_model(fewer, tmp_path / "fewer.bragglens"))


def test_flipped_bytes_of_a_network(made: Model, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    path = save_model(made, tmp_path / "made.bragglens")
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    for _ in range(100):
        spoiled = bytearray(made.network)
        for position in random.integers(0, len(spoiled), 3):
            spoiled[position] = random.integers(256)
        manifest["network_sha256"] = sha256(spoiled).hexdigest()
        outcome(write(path, manifest, bytes(spoiled)))  # raises no other error


def test_cut_short_anywhere() -> None:
    whole = network().SerializeToString()
    for size in range(0, len(whole), 7):
        with pytest.raises(GraphError):
            check_network(whole[:size], channels=2, points=POINTS, outputs=OUTPUTS)


def test_the_content_agrees_with_the_onnx_package() -> None:
    model = network()
    graph = read_graph(model.SerializeToString())
    assert [node.operator for node in graph.nodes] == [node.op_type for node in model.graph.node]
    for node, theirs in zip(graph.nodes, model.graph.node, strict=True):
        assert (list(node.inputs), list(node.outputs)) == (list(theirs.input), list(theirs.output))
        for one in theirs.attribute:
            value = helper.get_attribute_value(one)
            assert node.attributes[one.name] == (tuple(value) if isinstance(value, list) else value)
    for tensor in model.graph.initializer:
        np.testing.assert_array_equal(graph.tensors[tensor.name], numpy_helper.to_array(tensor))
