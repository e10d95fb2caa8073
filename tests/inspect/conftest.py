"""ONNX graphs made in code: the paper's network in every form that weights come in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


class Graph:
    """Collects nodes and initialisers, and makes a model of them."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []

    def store(self, name: str, values: Any) -> str:
        self.stored.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, list(inputs), [output], output, **attributes))
        return output

    def model(
        self,
        shape: Sequence[int | str | None],
        output: str,
        *,
        name: str = "image",
        kind: int = TensorProto.FLOAT,
        domains: Sequence[str] = ("",),
    ) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info(name, kind, list(shape))],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.stored,
        )
        opsets = [helper.make_opsetid(domain, 1 if domain else 18) for domain in domains]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def paper_cnn(batch: int | str | None = "batch", *, form: str = "plain") -> onnx.ModelProto:
    """The paper's network: 3×3 valid convolutions 32-64-64, pooled after the first two; Dense 64 and 10.

    `form`: plain (convolutions with biases, Gemm), added (MatMul and Add, biases apart, as tf2onnx writes
    it), qdq (weights behind DequantizeLinear), half (weights stored as fp16 behind Cast).
    """
    g = Graph()

    def weight(name: str, values: np.ndarray) -> str:
        if form == "qdq":
            g.store(f"{name}_scale", np.float32(0.1))
            g.store(f"{name}_zero", np.int8(0))
            g.store(f"{name}_q", np.clip(values * 10, -127, 127).astype(np.int8))
            return g.node("DequantizeLinear", [f"{name}_q", f"{name}_scale", f"{name}_zero"], name)
        if form == "half":
            g.store(f"{name}_h", values.astype(np.float16))
            return g.node("Cast", [f"{name}_h"], name, to=TensorProto.FLOAT)
        return g.store(name, values)

    x = g.node("Cast", ["image"], "pixels", to=TensorProto.FLOAT)
    x = g.node("Mul", [x, g.store("factors", np.full((1, 1, 1, 3), 1 / 255, np.float32))], "scaled")
    x = g.node("Transpose", [x], "nchw", perm=[0, 3, 1, 2])
    for number, (inside, outside) in enumerate([(3, 32), (32, 64), (64, 64)], 1):
        w = weight(f"w{number}", weights(outside, inside, 3, 3))
        if form == "added":
            x = g.node("Conv", [x, w], f"conv{number}", kernel_shape=[3, 3])
            x = g.node("Add", [x, weight(f"b{number}", weights(outside, 1, 1))], f"biased{number}")
        else:
            x = g.node("Conv", [x, w, weight(f"b{number}", weights(outside))], f"conv{number}")
        x = g.node("Relu", [x], f"relu{number}")
        if number < 3:
            x = g.node("MaxPool", [x], f"pool{number}", kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("Flatten", [x], "flat")
    for number, (inside, outside) in enumerate([(1024, 64), (64, 10)], 4):
        w, b = weight(f"w{number}", weights(inside, outside)), weight(f"b{number}", weights(outside))
        if form == "added":
            x = g.node("MatMul", [x, w], f"product{number}")
            x = g.node("Add", [x, b], f"dense{number}")
        else:
            x = g.node("Gemm", [x, w, b], f"dense{number}")
        x = g.node("Relu", [x], "relu4") if number == 4 else x
    return g.model((batch, 32, 32, 3), g.node("Softmax", [x], "probabilities"), kind=TensorProto.UINT8)


@pytest.fixture
def graphs() -> SimpleNamespace:
    """What models are made of: `graphs.Graph()`, `graphs.paper_cnn(form="qdq")`, `graphs.weights(…)`."""
    return SimpleNamespace(Graph=Graph, paper_cnn=paper_cnn, weights=weights)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[onnx.ModelProto], Path]:
    """Save a model and return its path."""

    def save(model: onnx.ModelProto) -> Path:
        path = tmp_path / "model.onnx"
        onnx.save(model, path)
        return path

    return save
