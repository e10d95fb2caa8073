"""Small classifiers made in code, and pictures that they can tell apart."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from support import SHAPES, draw

from toolkit.export.graph.draft import assemble, take_apart
from toolkit.export.graph.keep_pad import KEEP_PAD
from toolkit.export.step import apply

SIDE = 32

Pixels = NDArray[np.uint8]


def run_model(model: onnx.ModelProto, images: Pixels, *, optimized: bool = True) -> NDArray[np.float32]:
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    if not optimized:
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {"image": images})[0])


def operators_run(model: onnx.ModelProto, folder: Any) -> list[str]:
    """Operators that ONNX Runtime really runs, after its own optimisation."""
    path = folder / "optimized.onnx"
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(path).graph.node]


@dataclass
class Network:
    """Builds a classifier in our format layer by layer; weights are random but always the same."""

    height: int = SIDE
    width: int = SIDE
    opset: int = 17
    batch: int | str = "batch"
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    channels: int = 3
    last: str = ""

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(7)
        self.add("Cast", ["image"], to=TensorProto.FLOAT)
        self.add("Transpose", perm=[0, 3, 1, 2])

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def add(self, kind: str, inputs: list[str] | None = None, **attributes: Any) -> "Network":
        name = f"{kind}_{len(self.nodes)}"
        taken = [self.last] if inputs is None else inputs
        self.nodes.append(helper.make_node(kind, taken, [f"{name}:0"], name=name, **attributes))
        self.last = f"{name}:0"
        return self

    def conv(
        self,
        out: int,
        kernel: int | tuple[int, int] = 3,
        *,
        stride: int = 1,
        pads: tuple[int, int, int, int] = (0, 0, 0, 0),
        group: int = 1,
        first: bool = False,
        scale: Any = 1.0,
    ) -> "Network":
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        shape = (out, self.channels // group, *size)
        spread = np.sqrt(2 / np.prod(shape[1:])) / (255 if first else 1)
        weights = self.generator.normal(0, spread, shape) * np.reshape(scale, (-1, 1, 1, 1))
        bias = self.generator.normal(0, 0.05, out) * np.reshape(scale, -1)
        names = [self.constant(weights.astype(np.float32)), self.constant(bias.astype(np.float32))]
        self.channels = out
        return self.add(
            "Conv",
            [self.last, *names],
            kernel_shape=list(size),
            strides=[stride, stride],
            pads=list(pads),
            group=group,
        )

    def relu(self) -> "Network":
        return self.add("Relu")

    def relu6(self) -> "Network":
        low, high = self.constant(np.float32(0)), self.constant(np.float32(6))
        return self.add("Clip", [self.last, low, high])

    def pool(self) -> "Network":
        return self.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def model(self) -> onnx.ModelProto:
        """Everything so far, with its last value as the output."""
        graph = helper.make_graph(
            self.nodes,
            "classifier",
            [
                helper.make_tensor_value_info(
                    "image", TensorProto.UINT8, [self.batch, self.height, self.width, 3]
                )
            ],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        helper.set_model_props(model, {"labels": '["a", "b", "c"]', "toolkit_version": "0.0.0"})
        return onnx.shape_inference.infer_shapes(model)

    def classifier(self, hidden: int | None = None, classes: int = 3) -> onnx.ModelProto:
        """Flatten, [dense, Relu,] dense, Softmax; the last dense layer is fitted to `shapes`."""
        shape = self.model().graph.output[0].type.tensor_type.shape.dim
        size = int(np.prod([dim.dim_value for dim in shape[1:]]))
        if len(shape) > 2:
            self.add("Flatten", axis=1)
        if hidden:
            weights = self.generator.normal(0, np.sqrt(2 / size), (size, hidden)).astype(np.float32)
            self.add("MatMul", [self.last, self.constant(weights)])
            self.add("Add", [self.last, self.constant(np.full(hidden, 0.05, np.float32))]).relu()
            size = hidden
        images, labels = shapes(40, (self.height, self.width), seed=5)
        features = run_model(self.model(), images).reshape(len(images), -1).astype(np.float64)
        wanted = np.eye(classes)[labels % classes] * 12
        ridge = features.T @ features + 1e-2 * np.trace(features.T @ features) / size * np.eye(size)
        fitted = np.linalg.solve(ridge, features.T @ wanted).astype(np.float32)
        self.add("MatMul", [self.last, self.constant(fitted)])
        self.add("Add", [self.last, self.constant(np.zeros(classes, np.float32))])
        self.add("Softmax", axis=-1)
        self.nodes[-1].output[0] = self.last = "probabilities"
        model = self.model()
        output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [self.batch, classes])
        model.graph.output[0].CopyFrom(output)
        del model.graph.value_info[:]
        onnx.checker.check_model(model, full_check=True)
        return model


def shapes(
    count: int, size: tuple[int, int] = (SIDE, SIDE), seed: int = 0
) -> tuple[Pixels, NDArray[np.int64]]:
    """`count` pictures a class of circles, crosses and stripes, and their classes."""
    generator = np.random.default_rng(seed)
    side = max(size)
    pictures = [draw(SHAPES[i % 3], side, generator)[: size[0], : size[1]] for i in range(3 * count)]
    return np.stack(pictures), np.arange(3 * count) % 3


def paper_like(opset: int = 17, batch: int | str = "batch") -> onnx.ModelProto:
    """The paper's CNN, thinner: three convolutions without padding, two poolings, two dense layers."""
    network = Network(opset=opset, batch=batch)
    network.conv(16, first=True).relu().pool().conv(16).relu().pool().conv(32).relu()
    return network.classifier(hidden=64)


def mobile_like() -> onnx.ModelProto:
    """Padded and depthwise convolutions, relu6, a residual sum, average pooling at the end."""
    network = Network()
    network.conv(16, stride=2, pads=(0, 0, 1, 1), first=True).relu6()
    entry = network.last
    network.conv(16, pads=(1, 1, 1, 1), group=16).relu6().conv(16, 1)
    network.add("Add", [network.last, entry]).relu()
    network.conv(32, stride=2, pads=(0, 0, 1, 1), group=16).relu6().conv(64, 1).relu6()
    network.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    return network.classifier()


def padded_pooling() -> onnx.ModelProto:
    """Zeros around numbers that are often negative, then a max pooling, as in ResNet50V2; as an export has it."""
    network = Network().conv(8, first=True).relu().conv(8)
    amounts = network.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    network.add("Sub", [network.last, network.constant(np.float32(1))])
    network.add("Pad", [network.last, amounts, network.constant(np.float32(0))])
    network.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2])
    network.conv(16, stride=3).relu()
    return assemble(apply(take_apart(network.classifier()), [KEEP_PAD]))


@pytest.fixture(scope="session")
def padded() -> onnx.ModelProto:
    return padded_pooling()


@pytest.fixture(scope="session")
def paper() -> onnx.ModelProto:
    return paper_like()


@pytest.fixture(scope="session")
def mobile() -> onnx.ModelProto:
    return mobile_like()


@pytest.fixture(scope="session")
def network() -> type[Network]:
    return Network


@pytest.fixture(scope="session")
def run() -> Callable[..., NDArray[np.float32]]:
    return run_model


@pytest.fixture(scope="session")
def really_run() -> Callable[..., list[str]]:
    return operators_run


@pytest.fixture(scope="session")
def calibration() -> Pixels:
    return shapes(20, seed=1)[0]


@pytest.fixture(scope="session")
def held_out() -> Pixels:
    return shapes(70, seed=2)[0]
