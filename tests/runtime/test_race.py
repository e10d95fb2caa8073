import itertools
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from toolkit.runtime.race import race


def work(path: Path, repeats: int) -> Path:
    """A classifier that multiplies a large matrix `repeats` times over before it answers."""
    names = [f"x{i}" for i in range(repeats + 1)]
    nodes = [helper.make_node("MatMul", [a, "square"], [b]) for a, b in itertools.pairwise(names)]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["x0"]),
        *nodes,
        helper.make_node("Softmax", [names[-1]], ["probabilities"]),
    ]
    square = onnx.numpy_helper.from_array(np.eye(768, dtype=np.float32), "square")
    graph = helper.make_graph(
        nodes,
        "work",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 16, 16, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 768])],
        [square],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_model_that_does_twenty_times_the_work_takes_longer(tmp_path: Path) -> None:
    paths = [work(tmp_path / "long.onnx", 20), work(tmp_path / "short.onnx", 1)]
    long, short = race(paths, np.zeros((1, 16, 16, 3), np.uint8), rounds=3)
    assert long > short > 0
