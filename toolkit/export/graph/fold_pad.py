"""Fold a padding by zeros into the convolution or the pooling after it, which pads for nothing."""

import numpy as np
import onnx

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.graph.nodes import attribute, pads_by_itself, set_attributes
from toolkit.export.step import Step


def zeros_around(index: Index, pad: onnx.NodeProto) -> list[int] | None:
    """Return [top, left, bottom, right] of a Pad that adds zeros around an NCHW map, else None."""
    mode = next((entry.s for entry in pad.attribute if entry.name == "mode"), b"constant")
    amounts = index.constant(pad.input[1]) if len(pad.input) > 1 else None
    value = index.constant(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    axes = len(pad.input) > 3 and pad.input[3]
    if mode != b"constant" or amounts is None or value is None or axes or amounts.size != 8 or np.any(value):
        return None
    begin, end = amounts[:4].tolist(), amounts[4:].tolist()
    outside = any((begin[0], begin[1], end[0], end[1])) or min(begin + end) < 0
    return None if outside else [*begin[2:], *end[2:]]


def _never_negative(index: Index, name: str) -> bool:
    maker = index.maker(name)
    if maker is None:
        return False
    if maker.op_type == "Clip":
        low = index.constant(maker.input[1]) if len(maker.input) > 1 and maker.input[1] else None
        return low is not None and not np.any(np.signbit(low.astype(np.float64)))
    return maker.op_type in ("Relu", "Sigmoid")


def _takes(index: Index, node: onnx.NodeProto | None, pad: onnx.NodeProto, amounts: list[int]) -> bool:
    """Tell whether a node can pad by itself with the same result."""
    if node is None or node.op_type not in ("Conv", "MaxPool") or node.input[0] != pad.output[0]:
        return False
    kernel = attribute(node, "kernel_shape")
    if pads_by_itself(node) or len(kernel) != 2:
        return False
    if node.op_type == "Conv":
        return True
    # A pooling pads with what is smaller than any number; zero is that where nothing is negative. Each window
    # must see a number of the map, and ONNX wants padding to be smaller than the kernel.
    given = attribute(node, "pads") or [0] * 4
    sums = [a + b for a, b in zip(given, amounts, strict=True)]
    return _never_negative(index, pad.input[0]) and all(sums[i] < kernel[i % 2] for i in range(4))


def _change(draft: Draft) -> None:
    index = Index(draft)
    folded: list[str] = []
    for pad in draft.graph.node:
        amounts = zeros_around(index, pad) if pad.op_type == "Pad" else None
        user = index.only_user(pad.output[0])
        if amounts is None or user is None or not _takes(index, user, pad, amounts):
            continue
        given = attribute(user, "pads") or [0] * 4
        sums = [a + b for a, b in zip(given, amounts, strict=True)]
        set_attributes(user, {"pads": sums}, without="auto_pad")
        user.input[0] = pad.input[0]
        folded.append(pad.output[0])
    draft.set_nodes([node for node in draft.graph.node if node.output[0] not in folded])


FOLD_PAD = Step(name="fold paddings", change=_change)
"""Measured on MobileNetV2: four copies of a map less, and in int8 no way back to float32 between."""
