"""Multiply-accumulates of one node of an ONNX graph."""

import math
from collections.abc import Mapping
from typing import Any

import onnx

from toolkit.inspect.shapes import Shapes

CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
PRODUCTS = {
    "MatMul": 1,
    "FusedMatMul": 1,
    "MatMulInteger": 1,
    "MatMulIntegerToFloat": 1,
    "DynamicQuantizeMatMul": 1,
    "QLinearMatMul": 3,
    "Gemm": 1,
    "FusedGemm": 1,
    "QGemm": 3,
}
"""Operators that multiply and add, and which of their inputs is the second operand (the weights)."""


UNCOUNTED = frozenset(
    (
        "LSTM",
        "GRU",
        "RNN",
        "Attention",
        "MultiHeadAttention",
        "QAttention",
        "MatMulNBits",
        "If",
        "Loop",
        "Scan",
    )
)
"""Operators that multiply and add in ways that aren't counted here."""


def macs_of(node: onnx.NodeProto, shapes: Shapes) -> int | None:
    """Count the multiply-accumulates of one node for one picture.

    Additions of biases, normalisations, activations and poolings count nothing, as is usual.

    Args:
        node: of the graph.
        shapes: of its tensors.

    Returns:
        The count; 0 for an operator without products; None where the picture's size is free, or where the
        operator is one of UNCOUNTED.

    Source: convolution: positions × channels out × (channels in / groups) × window; matrix product
    [m, k] × [k, n]: m·k·n.
    """
    if node.op_type in CONVOLUTIONS:
        weights = shapes.single.get(node.input[CONVOLUTIONS[node.op_type]])
        return _times(shapes.elements(node.output[0]), weights[1:] if weights else None, shapes.batch)
    if node.op_type == "ConvTranspose":
        weights = shapes.single.get(node.input[1])
        return _times(shapes.elements(node.input[0]), weights[1:] if weights else None, shapes.batch)
    if node.op_type in PRODUCTS:
        second = shapes.single.get(node.input[PRODUCTS[node.op_type]])
        if second is None:
            return None
        inner = second[-1] if _transposed_second(node) else second[max(0, len(second) - 2)]
        return _times(shapes.elements(node.output[0]), (inner,), shapes.batch)
    if node.op_type == "Einsum":
        return _einsum(node, shapes)
    return None if node.op_type in UNCOUNTED else 0


def attributes(node: onnx.NodeProto) -> Mapping[str, Any]:
    """Return a node's attributes by name."""
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def _times(elements: int | None, inner: tuple[int | None, ...] | None, batch: int) -> int | None:
    if elements is None or inner is None or any(extent is None for extent in inner):
        return None
    return elements * math.prod(extent or 0 for extent in inner) // batch


def _einsum(node: onnx.NodeProto, shapes: Shapes) -> int | None:
    """Multiply the extents of all indices of the equation; None where one is unknown or hidden in `...`."""
    equation = attributes(node)["equation"].decode("ascii", "replace")
    terms = equation.replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int | None] = {}
    for term, name in zip(terms, node.input, strict=False):
        shape = shapes.single.get(name)
        if shape is None or len(shape) != len(term) or "." in term:
            return None
        sizes.update(zip(term, shape, strict=True))
    return _times(1, tuple(sizes.values()), shapes.batch) if sizes else None


def _transposed_second(node: onnx.NodeProto) -> bool:
    return bool(attributes(node).get("transB", 0))
