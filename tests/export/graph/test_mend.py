"""What tf2onnx writes and ONNX refuses comes out as ONNX has it."""

from math import erfc, expm1

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from toolkit.export.graph.draft import assemble, take_apart
from toolkit.export.graph.mend import MEND
from toolkit.export.step import apply


def model_of(*nodes: onnx.NodeProto, shape: list[int], **constants: np.ndarray) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(shape))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mended(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    changed = assemble(apply(take_apart(model), [MEND]))
    session = onnxruntime.InferenceSession(changed.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize(("operator", "function"), [("Erfc", erfc), ("Expm1", expm1)])
def test_functions_that_onnx_does_not_have_keep_their_values(operator: str, function: object) -> None:
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    found = mended(model_of(helper.make_node(operator, ["x"], ["y"]), shape=[13]), x)
    np.testing.assert_allclose(found, [function(v) for v in x], atol=1e-6)  # type: ignore[operator]


def test_several_faults_in_one_graph_are_mended_together() -> None:
    nodes = [helper.make_node("Erfc", ["x"], ["middle"]), helper.make_node("Expm1", ["middle"], ["y"])]
    found = mended(model_of(*nodes, shape=[1]), np.zeros(1, np.float32))
    np.testing.assert_allclose(found, [expm1(1)], rtol=1e-6)


# Half of the missing rows at the beginning is what tf2onnx writes; TensorFlow has them all at the end.
@pytest.mark.parametrize(
    ("stride", "pads"), [(3, [0, 0, -1, -1]), (4, [-1, -1, -1, -1]), (5, [-1, -1, -2, -2])]
)
def test_a_transposed_convolution_gives_the_rows_that_no_weight_reaches(stride: int, pads: list[int]) -> None:
    kernel = np.random.default_rng(0).normal(size=(1, 1, 2, 2)).astype(np.float32)
    node = helper.make_node(
        "ConvTranspose",
        ["x", "kernel", "bias"],
        ["y"],
        kernel_shape=[2, 2],
        strides=[stride, stride],
        pads=pads,
    )
    model = model_of(node, shape=[1, 1, 2, 2], kernel=kernel, bias=np.array([7], np.float32))
    x = np.random.default_rng(1).normal(size=(1, 1, 2, 2)).astype(np.float32)
    expected = np.full((2 * stride, 2 * stride), 7.0)
    for row in range(2):
        for column in range(2):
            at = slice(stride * row, stride * row + 2), slice(stride * column, stride * column + 2)
            expected[at] += x[0, 0, row, column] * kernel[0, 0]
    np.testing.assert_allclose(mended(model, x)[0, 0], expected, rtol=1e-5)
