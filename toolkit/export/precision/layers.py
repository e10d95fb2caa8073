"""Which nodes of a graph can run in int8, and what belongs to each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from toolkit.export.graph.block_columns import MULTIPLE
from toolkit.export.graph.draft import Draft, Index
from toolkit.export.graph.nodes import number

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})

FOLLOWERS = frozenset({"Add", "AveragePool", "Concat", "GlobalAveragePool", "LeakyRelu", "Mul", "Sigmoid"})
"""Operators with an int8 kernel that pays only where their inputs are int8 already."""

MOVERS = frozenset({"Flatten", "MaxPool", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})
"""Operators that choose or move numbers without computing: they run on uint8 as they are."""

SEALS = frozenset({"Clip", "Relu"})
"""Activations that the limits of a quantised tensor can express, so that they cost nothing."""

SMALLEST = 4_096
"""Weights below which a dense layer stays in float32.

Source: measured by bench/int8_latency.py: 640 weights take 0.24 µs in float32; in int8 no less, and the rounding
comes on top."""


@dataclass(frozen=True)
class Layer:
    """A node with weights that can run in int8.

    Args:
        name: of the node.
        kind: Conv, Gemm or MatMul.
        weights: how many.
        depthwise: whether each channel is convolved by itself.
        first: whether it is the first one from the picture.
    """

    name: str
    kind: str
    weights: int
    depthwise: bool
    first: bool


def name_of(node: onnx.NodeProto) -> str:
    """Return what a node is called in options and reports."""
    return str(node.name or node.output[0])


def channel_axis(node: onnx.NodeProto) -> int:
    """Return the axis of a layer's weights that counts its outputs."""
    transposed = node.op_type == "Gemm" and number(node, "transB", 0)
    return 0 if node.op_type == "Conv" or transposed else 1


def can_be_int8(index: Index, node: onnx.NodeProto) -> bool:
    """Tell whether a node is a layer that ONNX Runtime has an int8 kernel for, and big enough to pay."""
    if node.op_type not in WEIGHTED:
        return False
    weights = index.constant(node.input[1])
    if weights is None or weights.dtype != np.float32 or index.is_constant(node.input[0]):
        return False
    if len(node.input) > 2 and node.input[2] and index.constant(node.input[2]) is None:
        return False
    if node.op_type == "Conv":
        return weights.ndim == 4
    plain = number(node, "alpha", 1) == 1 == number(node, "beta", 1) and not number(node, "transA", 0)
    bias = index.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    fits = bias is None or (bias.ndim == 1 and bias.size == weights.shape[channel_axis(node)])
    return weights.ndim == 2 and weights.size >= SMALLEST and plain and fits


def slow_in_int8(index: Index, node: onnx.NodeProto) -> bool:
    """Tell whether a layer is a small convolution of a picture's three channels.

    Source: measured by bench/int8_latency.py: ONNX Runtime's int8 convolution copies its windows one by one where
        the channels are no multiple of four; the paper's CNN takes 22 µs for its first one, 8 in float32. From
        some thousand weights (ResNet50) the products decide.
    """
    weights = index.constant(node.input[1])
    if node.op_type != "Conv" or weights is None or number(node, "group", 1) != 1:
        return False
    return bool(weights.shape[1] % MULTIPLE) and weights.size < SMALLEST


def layers_of(draft: Draft) -> list[Layer]:
    """List the layers that can run in int8, in the order of the graph."""
    index = Index(draft)
    found: list[Layer] = []
    for node in draft.graph.node:
        weights = index.constant(node.input[1]) if node.op_type in WEIGHTED else None
        if weights is None or not can_be_int8(index, node):
            continue
        grouped = node.op_type == "Conv" and number(node, "group", 1) > 1
        found.append(
            Layer(
                name=name_of(node),
                kind=node.op_type,
                weights=int(weights.size),
                depthwise=bool(grouped and weights.shape[1] == 1),
                first=not found,
            )
        )
    return found


def fast_layers(draft: Draft) -> tuple[Layer, ...]:
    """List the layers that run in int8 where nobody asks for float32, in the order of the graph."""
    index = Index(draft)
    slow = {
        name_of(node) for node in draft.graph.node if node.op_type == "Conv" and slow_in_int8(index, node)
    }
    return tuple(layer for layer in layers_of(draft) if layer.name not in slow)


def first_layer(draft: Draft) -> str | None:
    """Return the name of the first layer that can run in int8, or None where there is none."""
    return next((layer.name for layer in layers_of(draft)), None)


def seal(index: Index, node: onnx.NodeProto) -> onnx.NodeProto | None:
    """Return the activation after a node that becomes the limit of its quantised result, or None."""
    user = index.only_user(node.output[0])
    return user if user is not None and user.op_type in SEALS else None


def needs_quantized_result(index: Index, node: onnx.NodeProto) -> bool:
    """Tell whether a layer's result must be quantised for its int8 kernel to be used.

    A dense layer has a kernel that gives float32; a convolution hasn't. And where a Relu follows, ONNX Runtime
    joins the two in float32 before it looks for int8, and dequantises the weights in every run.
    """
    return node.op_type == "Conv" or seal(index, node) is not None


def float32_tensors(draft: Draft) -> list[str]:
    """List the float32 tensors that nodes make."""
    inferred = onnx.shape_inference.infer_shapes(draft.model).graph
    return [
        value.name
        for value in (*inferred.value_info, *inferred.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    ]


def tensors_to_calibrate(draft: Draft) -> list[str]:
    """List the float32 tensors whose range a quantised form of the graph may need, whatever stays in float."""
    index = Index(draft)
    floats = set(float32_tensors(draft))
    names: dict[str, None] = {}
    for node in draft.graph.node:
        layer = can_be_int8(index, node)
        if not layer and node.op_type not in FOLLOWERS:
            continue
        after = seal(index, node)
        made = [node.output[0], *([after.output[0]] if after is not None else [])]
        taken = [node.input[0]] if layer else []
        names.update(dict.fromkeys(name for name in (*taken, *made) if name in floats))
    return list(names)


def extent(shape: Sequence[int | None]) -> int:
    """Multiply the known extents of a shape."""
    return math.prod(length or 1 for length in shape)
