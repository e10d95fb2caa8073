"""Fold what scales and shifts the channels of a convolution's output (batch normalisation) into the convolution.

a * conv(x; w, b) + c = conv(x; a*w, a*b + c), exact but for rounding.
"""

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.step import Step

Floats = NDArray[np.float64]


def _per_channel(
    index: Index, node: onnx.NodeProto, map_name: str, weights: NDArray[np.generic]
) -> Floats | None:
    """Return the constant that a Mul or Add applies to each channel of a convolution's map, float64 [channels]."""
    if len(node.input) != 2 or list(node.input).count(map_name) != 1:
        return None
    other = node.input[1] if node.input[0] == map_name else node.input[0]
    value = index.constant(other)
    if value is None or value.ndim > weights.ndim:  # it would give the map more axes
        return None
    channels, axis = len(weights), weights.ndim - 1  # the axis of the channels, from the end
    if value.size == 1:
        return np.full(channels, float(value.reshape(-1)[0]))
    lined_up = value.ndim >= axis and value.shape[-axis] == value.size == channels
    return value.astype(np.float64).reshape(-1) if lined_up else None


def _fold_one(draft: Draft) -> bool:
    """Fold the first pattern found; tell whether there was one."""
    index = Index(draft)
    for conv in draft.graph.node:
        if conv.op_type != "Conv":
            continue
        user = index.only_user(conv.output[0])
        weights = index.constant(conv.input[1])
        if user is None or user.op_type not in ("Mul", "Add") or weights is None:
            continue
        shared = len(index.users(conv.input[1])) > 1
        bias = index.constant(conv.input[2]) if len(conv.input) > 2 else np.zeros(len(weights), np.float32)
        value = _per_channel(index, user, conv.output[0], weights)
        if shared or bias is None or value is None:
            continue
        if user.op_type == "Mul":
            scaled = weights.astype(np.float64) * value.reshape(-1, *[1] * (weights.ndim - 1))
            draft.set_constant(conv.input[1], scaled.astype(weights.dtype))
            shifted = bias.astype(np.float64) * value
        else:
            shifted = bias.astype(np.float64) + value
        name = f"{conv.output[0]}__bias"
        draft.set_constant(name, shifted.astype(weights.dtype))
        conv.input[:] = [conv.input[0], conv.input[1], name]
        conv.output[0] = user.output[0]
        draft.set_nodes([node for node in draft.graph.node if node is not user])
        return True
    return False


def _change(draft: Draft) -> None:
    while _fold_one(draft):
        pass


FOLD_INTO_CONV = Step(name="fold batch normalisation", change=_change)
