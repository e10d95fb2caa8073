"""What several tests make or check: models, pictures, error lines."""

import io
import json
import subprocess
from collections.abc import Callable, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from toolkit.observer import SilentObserver

COLOURS = ("red", "green", "blue")


class Listener(SilentObserver):
    """Keeps the steps and notices that it is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notices: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def notice(self, text: str) -> None:
        self.notices.append(text)


def colour_model(
    size: int = 8, labels: Sequence[str] = COLOURS, batch: int | str = "batch"
) -> onnx.ModelProto:
    """A classifier in our format that answers with a picture's mean colour: the share of red, green and blue."""
    epsilon = numpy_helper.from_array(np.float32(1e-6), "epsilon")
    axes = numpy_helper.from_array(np.array([1, 2], np.int64), "axes")
    last = numpy_helper.from_array(np.array([1], np.int64), "last")
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "epsilon"], ["positive"]),
        helper.make_node("ReduceSum", ["positive", "last"], ["total"], keepdims=1),
        helper.make_node("Div", ["positive", "total"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, size, size, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 3])],
        [epsilon, axes, last],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(
        model,
        {
            "labels": json.dumps(list(labels)),
            "input_size": json.dumps([size, size]),
            "recipe": "colours",
            "accuracy": "1",
            "data": "made in code",
            "precision": "fp32",
            "resize": "stretch",
            "source_sha256": "",
            "toolkit_version": "0.0.0",
        },
    )
    onnx.checker.check_model(model)
    return model


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (8, 8)) -> NDArray[np.uint8]:
    """A picture of one colour: uint8 [H, W, 3]."""
    return np.full((*size, 3), colour, np.uint8)


def encoded(image_hwc: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(image_hwc).save(buffer, kind, **options)
    return buffer.getvalue()


SHAPES = ("circle", "cross", "stripe")


def draw(kind: str, side: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A picture that a small network can learn to tell from the others: uint8 [side, side, 3]."""
    picture = generator.integers(0, 60, (side, side, 3))
    middle = side // 2 + generator.integers(-2, 3)
    y, x = np.mgrid[:side, :side]
    shapes = {
        "circle": (x - middle) ** 2 + (y - middle) ** 2 < (side // 3) ** 2,
        "cross": (abs(x - middle) < 3) | (abs(y - middle) < 3),
        "stripe": (y + middle) % 8 < 4,
    }
    picture[shapes[kind]] += 150
    return picture.astype(np.uint8)


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of error of a failed command; fails when there is a traceback or more than one."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr, done.stderr
    assert len(lines) == 1, done.stderr
    return lines[0]


CommandLine = Callable[..., subprocess.CompletedProcess[str]]
