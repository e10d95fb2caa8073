"""Padding by zeros before a pooling: what ONNX Runtime makes of it must be what the graph says."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from toolkit.export.graph.draft import assemble, take_apart
from toolkit.export.graph.fold_pad import FOLD_PAD
from toolkit.export.graph.keep_pad import KEEP_PAD
from toolkit.export.step import apply

SIDE = 9
AROUND = [0, 0, 1, 1, 0, 0, 1, 1]


def padded_pooling(
    operator: str = "MaxPool", value: float | None = None, *, relu: bool = False
) -> onnx.ModelProto:
    given = [] if value is None else [numpy_helper.from_array(np.array(value, np.float32), "value")]
    source = "positive" if relu else "map"
    nodes = [helper.make_node("Relu", ["map"], ["positive"])] if relu else []
    nodes += [
        helper.make_node("Pad", [source, "amounts", *(tensor.name for tensor in given)], ["padded"]),
        helper.make_node(operator, ["padded"], ["pooled"], kernel_shape=[3, 3], strides=[2, 2]),
    ]
    graph = helper.make_graph(
        nodes,
        "pooling",
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, [1, 2, SIDE, SIDE])],
        [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [1, 2, None, None])],
        [numpy_helper.from_array(np.array(AROUND, np.int64), "amounts"), *given],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pooled(model: onnx.ModelProto, values: np.ndarray) -> np.ndarray:
    """Compute as everybody does, optimised."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"map": values})[0])


def maximum(values: np.ndarray) -> np.ndarray:
    """Compute zero padding and 3x3 pooling with stride 2 from their definitions."""
    padded = np.pad(values, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    return np.asarray(windows.max(axis=(4, 5)))


NEGATIVE = -np.random.default_rng(0).uniform(0.1, 1, (1, 2, SIDE, SIDE)).astype(np.float32)


@pytest.mark.parametrize("value", [None, 0.0])
def test_zeros_around_negative_numbers_win_in_the_corners(value: float | None) -> None:
    changed = assemble(apply(take_apart(padded_pooling(value=value)), [FOLD_PAD, KEEP_PAD]))
    np.testing.assert_allclose(pooled(changed, NEGATIVE), maximum(NEGATIVE), atol=1e-36)
    assert not pooled(changed, NEGATIVE)[0, 0, 0, 0] < 0


def test_without_the_change_onnx_runtime_gets_it_wrong() -> None:
    """When this fails, ONNX Runtime is mended and the change can go."""
    assert np.abs(pooled(padded_pooling(), NEGATIVE) - maximum(NEGATIVE)).max() > 0.1


def test_where_nothing_is_negative_the_padding_is_folded() -> None:
    changed = assemble(apply(take_apart(padded_pooling(relu=True)), [FOLD_PAD, KEEP_PAD]))
    assert [node.op_type for node in changed.graph.node] == ["Relu", "MaxPool"]
    np.testing.assert_array_equal(pooled(changed, -NEGATIVE), maximum(-NEGATIVE))


def test_a_value_of_the_model_that_is_called_much_the_same_keeps_its_number() -> None:
    model = padded_pooling()
    model.graph.initializer.append(numpy_helper.from_array(np.float32(5), "padded_almost_zero"))
    model.graph.node[-1].output[0] = "maximum"
    model.graph.node.append(helper.make_node("Add", ["maximum", "padded_almost_zero"], ["pooled"]))
    changed = assemble(apply(take_apart(model), [KEEP_PAD]))
    np.testing.assert_allclose(pooled(changed, NEGATIVE), maximum(NEGATIVE) + 5, rtol=1e-6)


def test_other_values_and_other_poolings_are_left_alone() -> None:
    for model in (padded_pooling(value=-3.0), padded_pooling("AveragePool")):
        before = model.graph.SerializeToString()
        assert assemble(apply(take_apart(model), [KEEP_PAD])).graph.SerializeToString() == before
