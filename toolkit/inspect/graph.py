"""Layers of an ONNX graph: shape, parameters, MACs, and what is dropped at the border."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx.external_data_helper import uses_external_data

from toolkit.inspect.extent import border_note, dropped
from toolkit.inspect.macs import CONVOLUTIONS, UNCOUNTED, attributes, macs_of
from toolkit.inspect.result import LayerRow
from toolkit.inspect.shapes import Shapes
from toolkit.inspect.weights import Constants, parameters_by_node

WINDOWED = {
    **CONVOLUTIONS,
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool", "QLinearAveragePool")),
}
"""Operators with a sliding window -> the input whose shape ends with the window, if it isn't an attribute."""


def layer_rows(graph: onnx.GraphProto, shapes: Shapes) -> tuple[LayerRow, ...]:
    """Describe each node that computes something from the input; constants are folded into their users.

    Args:
        graph: in topological order, as ONNX requires.
        shapes: of its tensors.

    Raises:
        ValueError: a node isn't what its operator asks for.
    """
    constants = Constants(graph)
    parameters = parameters_by_node(graph, constants)
    padded = _padded_ends(graph)
    return tuple(
        _row(node, index, parameters.get(index, 0), shapes, padded)
        for index, node in enumerate(graph.node)
        if index not in constants.folded
    )


def _row(
    node: onnx.NodeProto, index: int, parameters: int, shapes: Shapes, padded: Mapping[str, Sequence[int]]
) -> LayerRow:
    name = node.name or (node.output[0] if node.output else f"node {index}")
    try:
        return LayerRow(
            name=name,
            operator=node.op_type,
            output_shape=shapes.shown(node.output[0]) if node.output else (),
            parameters=parameters,
            macs=macs_of(node, shapes),
            note=_note(node, shapes, padded),
        )
    except (LookupError, ArithmeticError) as error:  # shape inference passes over much that no runtime takes
        raise ValueError(
            f"{node.op_type} {name} lacks an input or an attribute, or has one of a wrong size"
        ) from error


def _crop_note(node: onnx.NodeProto, shapes: Shapes) -> str:
    """Say what a slice cuts off the end of a picture: border pixels that no later window would reach."""
    before, after = (shapes.single.get(name, ()) for name in (node.input[0], node.output[0]))
    if len(before) != 4 or len(after) != 4 or None in (*before[1:], *after[1:]):
        return ""
    lost = [int(b or 0) - int(a or 0) for b, a in zip(before[1:], after[1:], strict=True)]
    rows_columns = [count for count in lost if count]
    if not rows_columns or len(rows_columns) > 2 or lost.count(0) + len(rows_columns) != 3:
        return ""
    axes = (0, 1) if lost[2] == 0 else (1, 2)
    return border_note(lost[axes[0]], lost[axes[1]])


def _note(node: onnx.NodeProto, shapes: Shapes, padded: Mapping[str, Sequence[int]]) -> str:
    if node.op_type in UNCOUNTED:
        return "its multiply-accumulates are not counted"
    if node.op_type == "Slice":
        return _crop_note(node, shapes)
    if node.op_type not in WINDOWED:
        return ""
    given = attributes(node)
    window = _window(node, given, shapes)
    sizes = shapes.single.get(node.input[0], ())[2:]
    if not window or len(sizes) != len(window) or given.get("ceil_mode"):
        return ""
    axes = len(window)
    strides = _numbers(given.get("strides"), [1] * axes)
    dilations = _numbers(given.get("dilations"), [1] * axes)
    pads = _numbers(given.get("pads"), [0] * 2 * axes)
    same = given.get("auto_pad", b"NOTSET") in (b"SAME_UPPER", b"SAME_LOWER")
    ends = padded.get(node.input[0], ())[2:] or [0] * axes
    counts = []
    for axis, size in enumerate(sizes):
        if size is None:
            return ""
        start, end = pads[axis], pads[axis + axes]
        if same:
            # Padded so that the output has ceil(H/S) positions; what that adds is reached by definition.
            reach = (-(-size // strides[axis]) - 1) * strides[axis] + (window[axis] - 1) * dilations[axis] + 1
            start, end = max(0, reach - size), 0
        behind = end + ends[axis]
        counts.append(
            dropped(size, start + end, window[axis], strides[axis], dilations[axis], padding_end=behind)
        )
    return border_note(*counts)


def _padded_ends(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """Return how much a Pad node puts behind each axis of its output: losing that loses no pixel."""
    stored = {tensor.name: tensor for tensor in graph.initializer if not uses_external_data(tensor)}
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                stored[node.output[0]] = attribute.t
    ends: dict[str, list[int]] = {}
    for node in graph.node:
        if node.op_type != "Pad" or len(node.input) < 2 or node.input[1] not in stored:
            continue
        pads = [int(n) for n in onnx.numpy_helper.to_array(stored[node.input[1]])]
        ends[node.output[0]] = [max(0, n) for n in pads[len(pads) // 2 :]]
    return ends


def _window(node: onnx.NodeProto, given: Mapping[str, Any], shapes: Shapes) -> list[int]:
    attribute = given.get("kernel_shape")
    position = WINDOWED[node.op_type]
    if attribute is None and position is not None:
        attribute = [extent or 0 for extent in shapes.single.get(node.input[position], ())[2:]]
    return _numbers(attribute, [])


def _numbers(value: Sequence[int] | None, default: Sequence[int]) -> list[int]:
    return list(default if value is None else value)
