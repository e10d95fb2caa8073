"""Which nodes can run in int8."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from toolkit.export.graph.draft import Index, take_apart
from toolkit.export.precision.layers import can_be_int8, channel_axis, layers_of, slow_in_int8


def draft_of(model: onnx.ModelProto) -> Any:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return take_apart(copy)


def test_layers_are_listed_in_order_with_what_they_are(mobile: onnx.ModelProto) -> None:
    layers = layers_of(draft_of(mobile))
    assert [layer.first for layer in layers] == [True, *[False] * (len(layers) - 1)]
    assert [layer.depthwise for layer in layers] == [False, True, False, True, False]
    assert layers[0].weights == 16 * 3 * 3 * 3


@pytest.mark.parametrize(
    ("attributes", "possible"),
    [
        ({}, True),
        ({"transB": 1}, True),
        ({"alpha": 0.5}, False),
        ({"beta": 0.5}, False),
        ({"transA": 1}, False),
    ],
)
def test_a_dense_layer_is_possible_only_in_its_plain_form(
    network: Any, attributes: dict[str, Any], possible: bool
) -> None:
    net = network().conv(128, 3, first=True).add("GlobalAveragePool").add("Flatten", axis=1)
    weights = net.constant(np.ones((128, 128), np.float32))
    bias = net.constant(np.ones(128, np.float32))
    node = helper.make_node("Gemm", [net.last, weights, bias], ["y"], name="dense", **attributes)
    net.nodes.append(node)
    net.last = "y"
    draft = draft_of(net.model())
    assert can_be_int8(Index(draft), node) is possible
    assert channel_axis(node) == (0 if "transB" in attributes else 1)


def test_a_small_convolution_of_three_channels_is_slow_and_others_are_not(network: Any) -> None:
    net = network().conv(16, first=True).conv(16).conv(16, group=16, pads=(1, 1, 1, 1))
    large = network().conv(64, 7, first=True)
    index, other = Index(draft_of(net.model())), Index(draft_of(large.model()))
    convs = [node for node in net.nodes if node.op_type == "Conv"]
    assert [slow_in_int8(index, node) for node in convs] == [True, False, False]
    assert not slow_in_int8(other, next(node for node in large.nodes if node.op_type == "Conv"))


def test_weights_that_are_computed_or_half_precision_are_left_alone(network: Any) -> None:
    net = network().conv(8, first=True)
    kernel = net.constant(np.ones((8, 8, 1, 1), np.float32))
    net.add("Mul", [kernel, net.constant(np.float32(2))])
    computed = net.last
    net.add("Conv", [net.nodes[2].output[0], computed], kernel_shape=[1, 1])
    index = Index(draft_of(net.model()))
    assert not can_be_int8(index, net.nodes[-1])
