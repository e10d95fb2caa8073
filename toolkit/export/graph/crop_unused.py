"""Crop the picture to the pixels that reach the output.

A convolution without padding followed by a pooling that leaves the last row and column over computes what nobody
uses. Going backwards from where a full map is needed gives the rows and columns of the picture that count; a slice
at the entrance then spares the work everywhere after it, and the result is the same to the last bit.
"""

import numpy as np
import onnx
from onnx import helper

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.graph.nodes import TO_NCHW, attribute, number, pads_by_itself
from toolkit.export.step import Step

PREFIX = "crop__unused"

UNARY = frozenset({"Cast", "Clip", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Tanh"})
BINARY = frozenset({"Add", "Div", "Mul", "Sub"})
WINDOWS = frozenset({"AveragePool", "Conv", "MaxPool"})

Extent = tuple[int, int]


def _constant_per_channel(index: Index, node: onnx.NodeProto) -> bool:
    """Tell whether a node's other operand is a constant that doesn't vary over the picture."""
    values = [index.constant(name) for name in node.input]
    known = [value for value in values if value is not None]
    # In NHWC the channel is the last axis, in NCHW the one before height and width: one axis at most may be long.
    return len(known) == 1 and sum(extent > 1 for extent in known[0].shape) <= 1


def _chain(index: Index, draft: Draft) -> list[onnx.NodeProto]:
    """Follow the only way from the picture for as long as each pixel of a map depends on a window of the last."""
    chain: list[onnx.NodeProto] = []
    name, nchw = draft.inputs[0].name, False
    while (node := index.only_user(name)) is not None:
        if node.op_type == "Transpose":
            if nchw or attribute(node, "perm") != TO_NCHW:
                break
            nchw = True
        elif node.op_type in WINDOWS:
            if not nchw or node.input[0] != name or len(node.output) != 1:
                break
        elif not (node.op_type in UNARY or (node.op_type in BINARY and _constant_per_channel(index, node))):
            break
        chain.append(node)
        name = node.output[0]
    return chain


def _extent(index: Index, name: str, *, nchw: bool) -> Extent | None:
    shape = index.shape(name)
    if shape is None or len(shape) != 4:
        return None
    height, width = shape[2:] if nchw else shape[1:3]
    return None if height is None or width is None else (height, width)


def _axis(node: onnx.NodeProto, axis: int, needed: int, there: int) -> int:
    """Return how much of an axis a window needs so that the first `needed` places of its output are right."""
    pads = attribute(node, "pads") or [0] * 4
    if pads_by_itself(node) or pads[2 + axis] or number(node, "ceil_mode", 0):
        return there  # what lies beyond the edge is part of the result
    valid = any(entry.name == "auto_pad" and entry.s == b"VALID" for entry in node.attribute)
    begin = 0 if valid else pads[axis]
    kernel = attribute(node, "kernel_shape")[axis]
    stride = (attribute(node, "strides") or [1, 1])[axis]
    dilation = (attribute(node, "dilations") or [1, 1])[axis]
    return min(there, (needed - 1) * stride + (kernel - 1) * dilation + 1 - begin)


def _needed(index: Index, chain: list[onnx.NodeProto]) -> Extent | None:
    """Return the height and width of the picture that the end of the chain depends on, pixels."""
    needed = _extent(index, chain[-1].output[0], nchw=True)
    for node in reversed(chain):
        if node.op_type not in WINDOWS or needed is None:
            continue
        there = _extent(index, node.input[0], nchw=True)
        if there is None or len(attribute(node, "kernel_shape")) != 2:
            return None
        needed = (_axis(node, 0, needed[0], there[0]), _axis(node, 1, needed[1], there[1]))
    return needed


def _change(draft: Draft) -> None:
    index = Index(draft)
    picture = draft.inputs[0].name
    chain = _chain(index, draft)
    while chain and chain[-1].op_type not in WINDOWS:
        chain.pop()  # what comes after the last window needs all of it
    if not chain:
        return
    there, needed = _extent(index, picture, nchw=False), _needed(index, chain)
    if there is None or needed is None or needed == there:
        return
    axes = [axis for axis in (0, 1) if needed[axis] < there[axis]]
    constants = {
        "starts": [0] * len(axes),
        "ends": [needed[axis] for axis in axes],
        "axes": [axis + 1 for axis in axes],
    }
    for name, value in constants.items():
        draft.set_constant(f"{PREFIX}__{name}", np.array(value, np.int64))
    cropped = f"{picture}__cropped"
    names = [f"{PREFIX}__{name}" for name in constants]
    chain[0].input[:] = [cropped if name == picture else name for name in chain[0].input]
    crop = helper.make_node("Slice", [picture, *names], [cropped], name=PREFIX)
    draft.set_nodes([crop, *draft.graph.node])


CROP_UNUSED = Step(name="crop to the pixels that count", change=_change)
"""Measured by bench/int8_latency.py: two of 32 rows and columns of the paper's CNN, a tenth of its time."""
