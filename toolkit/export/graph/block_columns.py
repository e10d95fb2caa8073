"""Let the first convolution take several columns of the picture at once, as int8 kernels like it.

ONNX Runtime's fast int8 convolution wants a multiple of four input channels; a picture has three. But four columns
of three channels lie beside each other in memory as twelve: looked at so, for nothing, the convolution becomes one
over blocks of columns, whose kernel holds the old one once for each column of output in the block. It computes
more products, most of them by zero, and is three times as fast.
"""

import math
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from toolkit.export.graph.draft import Array, Draft, Index
from toolkit.export.graph.nodes import TO_NCHW, TO_NHWC, attribute, number, pads_by_itself
from toolkit.export.step import Step

MULTIPLE = 4  # input channels that ONNX Runtime's int8 convolution takes without copying
SUFFIX = "__blocks"
"""Ending of the name of a value whose channels are those of several columns: same numbers, another shape."""

ACTIVATIONS = frozenset({"Clip", "Relu"})


@dataclass(frozen=True)
class _Entrance:
    """The picture's way into the first convolution.

    Args:
        crop: the slice that takes the pixels that count, or None.
        cast: uint8 to float32.
        transpose: NHWC to NCHW.
        conv: the convolution.
    """

    crop: onnx.NodeProto | None
    cast: onnx.NodeProto
    transpose: onnx.NodeProto
    conv: onnx.NodeProto


@dataclass(frozen=True)
class _Blocks:
    """How columns are put together.

    Args:
        columns: of input in a block.
        outputs: columns of output that a block gives.
        first: block that the kernel starts at, relative to the output's; 0 or less.
        kernel: width of the kernel, blocks.
        pad_end: blocks of padding at the right.
        width: of the picture that is taken, pixels.
    """

    columns: int
    outputs: int
    first: int
    kernel: int
    pad_end: int
    width: int


def _entrance(index: Index, draft: Draft) -> _Entrance | None:
    nodes: list[onnx.NodeProto] = []
    node = index.only_user(draft.inputs[0].name)
    crop = None
    if node is not None and _is_crop(index, node):
        crop, node = node, index.only_user(node.output[0])
    for kind in ("Cast", "Transpose", "Conv"):
        if node is None or node.op_type != kind or (nodes and node.input[0] != nodes[-1].output[0]):
            return None
        nodes.append(node)
        node = index.only_user(node.output[0])
    cast, transpose, conv = nodes
    return _Entrance(crop, cast, transpose, conv) if attribute(transpose, "perm") == TO_NCHW else None


def _is_crop(index: Index, node: onnx.NodeProto) -> bool:
    """Tell whether a node takes the first rows and columns of the picture, as the step that crops does."""
    if node.op_type != "Slice" or len(node.input) != 4:
        return False
    starts, ends, axes = (index.constant(name) for name in node.input[1:])
    if starts is None or ends is None or axes is None:
        return False
    return not np.any(starts) and set(axes.tolist()) <= {1, 2}


def _blocks(index: Index, draft: Draft, way: _Entrance, kernel: Array) -> _Blocks | None:
    """Work out the blocks, or None where the picture's or the output's width doesn't divide into them."""
    conv = way.conv
    picture, taken = index.shape(draft.inputs[0].name), index.shape(way.cast.input[0])
    made = index.shape(conv.output[0])
    undilated = set(attribute(conv, "dilations")) <= {1}
    simple = number(conv, "group", 1) == 1 and undilated and not pads_by_itself(conv)
    if not simple or picture is None or taken is None or made is None or kernel.ndim != 4:
        return None
    channels = kernel.shape[1]
    columns = MULTIPLE // math.gcd(channels, MULTIPLE)
    stride = (attribute(conv, "strides") or [1, 1])[1]
    _, left, _, right = attribute(conv, "pads") or [0] * 4
    cropped, whole, output = taken[2], picture[2], made[3]
    if cropped is None or whole is None or output is None or columns == 1 or columns % stride:
        return None
    width = -(-cropped // columns) * columns  # columns that the crop left out may come back
    outputs = columns // stride
    first = (-left) // columns
    last = (stride * (outputs - 1) - left + kernel.shape[3] - 1) // columns
    size = last - first + 1
    pad_end = output // outputs - 1 + size - width // columns + first
    back = width > cropped and right > 0  # they would stand where zeros belong
    fits = width <= whole and not back and output % outputs == 0 and pad_end >= 0
    return _Blocks(columns, outputs, first, size, pad_end, width) if fits else None


def _block_kernel(kernel: Array, blocks: _Blocks, stride: int, left: int) -> Array:
    """Hold the kernel once for each column of output: [outputs*O, columns*C, height, blocks]."""
    out, channels, height, width = kernel.shape
    wide = np.zeros((blocks.outputs, out, blocks.columns, channels, height, blocks.kernel), kernel.dtype)
    for column in range(blocks.outputs):
        for tap in range(width):
            place = stride * column - left + tap - blocks.first * blocks.columns
            block, within = divmod(place, blocks.columns)
            wide[column, :, within, :, :, block] = kernel[:, :, :, tap]
    return wide.reshape(blocks.outputs * out, blocks.columns * channels, height, blocks.kernel)


def _change(draft: Draft) -> None:
    index = Index(draft)
    way = _entrance(index, draft)
    kernel = index.constant(way.conv.input[1]) if way else None
    blocks = _blocks(index, draft, way, kernel) if way and kernel is not None else None
    if way is None or kernel is None or blocks is None or len(index.users(way.conv.input[1])) != 1:
        return
    bias = index.constant(way.conv.input[2]) if len(way.conv.input) > 2 else None
    if len(way.conv.input) > 2 and bias is None:
        return
    if way.crop is not None:
        _widen_crop(draft, index, way.crop, blocks.width)
    height = (index.shape(way.cast.input[0]) or ())[1]
    made = index.shape(way.conv.output[0]) or ()
    _reshape_before(draft, way, [0, height or 0, blocks.width // blocks.columns, -1])
    _rewrite_conv(draft, way.conv, kernel, bias, blocks)
    _reshape_after(draft, index, way.conv, [0, made[2] or 0, made[3] or 0, kernel.shape[0]])


def _widen_crop(draft: Draft, index: Index, crop: onnx.NodeProto, width: int) -> None:
    """Take whole blocks of columns: the crop ends at `width`, and leaves the columns alone where that is all."""
    whole = (index.shape(crop.input[0]) or ())[2]
    starts, ends, axes = (np.array(index.constant(name)) for name in crop.input[1:4])
    ends[axes == 2] = width
    kept = (axes != 2) | (width != whole)
    kept = kept if kept.any() else axes == 2  # a slice needs an axis, be it one that it takes whole
    for name, value in zip(crop.input[1:4], (starts, ends, axes), strict=True):
        draft.set_constant(name, value[kept])


def _reshape_before(draft: Draft, way: _Entrance, shape: list[int]) -> None:
    """Look at the uint8 picture as blocks, before anything else: there it costs nothing."""
    name = f"{way.cast.input[0]}{SUFFIX}"
    draft.set_constant(f"{name}__shape", np.array(shape, np.int64))
    view = helper.make_node("Reshape", [way.cast.input[0], f"{name}__shape"], [name], name=name)
    nodes = list(draft.graph.node)
    nodes.insert(next(i for i, node in enumerate(nodes) if node is way.cast), view)
    way.cast.input[0] = name
    draft.set_nodes(nodes)


def _rewrite_conv(
    draft: Draft, old: onnx.NodeProto, kernel: Array, bias: Array | None, blocks: _Blocks
) -> None:
    conv = next(node for node in draft.graph.node if node.output[0] == old.output[0])
    strides, pads = attribute(conv, "strides") or [1, 1], attribute(conv, "pads") or [0] * 4
    wide = _block_kernel(kernel, blocks, strides[1], pads[1])
    draft.set_constant(conv.input[1], wide)
    if bias is not None:
        conv.input[2] = f"{conv.input[2]}{SUFFIX}"
        draft.set_constant(conv.input[2], np.tile(bias, blocks.outputs))
    del conv.attribute[:]
    settings = {
        "kernel_shape": list(wide.shape[2:]),
        "strides": [strides[0], 1],
        "pads": [pads[0], -blocks.first, pads[2], blocks.pad_end],
    }
    conv.attribute.extend(helper.make_attribute(name, value) for name, value in settings.items())


def _reshape_after(draft: Draft, index: Index, old: onnx.NodeProto, shape: list[int]) -> None:
    """Look at the result as columns again, after the activation, which must stay next to the convolution."""
    user = index.only_user(old.output[0])
    last = user.output[0] if user is not None and user.op_type in ACTIVATIONS else old.output[0]
    conv_output = old.output[0]
    nodes = []
    for node in draft.graph.node:
        node.input[:] = [f"{n}{SUFFIX}" if n == conv_output and n != last else n for n in node.input]
        nodes.append(node)
        if node.output[0] not in (conv_output, last):
            continue
        done = node.output[0] == last
        node.output[0] = f"{node.output[0]}{SUFFIX}"
        if done:
            nodes += _columns_again(draft, node.output[0], last, shape)
    draft.set_nodes(nodes)


def _columns_again(draft: Draft, blocked: str, name: str, shape: list[int]) -> list[onnx.NodeProto]:
    rows, columns = f"{name}__rows", f"{name}__columns"
    draft.set_constant(f"{name}__shape", np.array(shape, np.int64))
    return [
        helper.make_node("Transpose", [blocked], [rows], name=rows, perm=TO_NHWC),
        helper.make_node("Reshape", [rows, f"{name}__shape"], [columns], name=columns),
        helper.make_node("Transpose", [columns], [name], name=f"{name}__nchw", perm=TO_NCHW),
    ]


BLOCK_COLUMNS = Step(name="take columns in blocks", change=_change)
"""Measured by bench/int8_latency.py on the paper's CNN: 6.5 µs for its first convolution instead of 21."""
