"""Fold the scaling of pixels at the entrance into the first convolution: conv(a*x + b) = conv'(x).

Exact for the scale always, for the shift only where the convolution doesn't pad: a padded zero is a zero
after the shift, not before it.
"""

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit.export.graph.draft import Draft, Index, attribute
from toolkit.export.step import Step

Floats = NDArray[np.float64]


def _chain(index: Index, draft: Draft) -> tuple[list[onnx.NodeProto], onnx.NodeProto | None]:
    """Follow the only way from the picture: scaling nodes, then the node that comes after them."""
    chain: list[onnx.NodeProto] = []
    node = index.only_user(draft.inputs[0].name)
    while node is not None and node.op_type in ("Cast", "Mul", "Add", "Sub", "Div", "Transpose"):
        chain.append(node)
        node = index.only_user(node.output[0])
    return chain, node


def _per_channel(value: NDArray[np.generic] | None, *, nchw: bool) -> Floats | None:
    """Bring a constant to one number per channel, float64 [1 or C]; None where it varies otherwise."""
    if value is None:
        return None
    axis = -3 if nchw else -1
    if value.ndim >= -axis and value.size == value.shape[axis]:
        return value.astype(np.float64).reshape(-1)
    return value.astype(np.float64).reshape(-1) if value.size == 1 else None


def _scale_and_shift(
    index: Index, chain: list[onnx.NodeProto]
) -> tuple[Floats, Floats, list[onnx.NodeProto]] | None:
    """Sum the chain up as a*x + b per channel; also return its arithmetic nodes. None where it can't be."""
    scale, shift = np.ones(1), np.zeros(1)
    nchw, folded = False, []
    for node in chain:
        if node.op_type == "Cast":
            continue
        if node.op_type == "Transpose":
            if attribute(node, "perm") != [0, 3, 1, 2]:
                return None
            nchw = True
            continue
        first = index.constant(node.input[0])
        if first is not None and node.op_type in ("Sub", "Div"):
            return None  # constant - x, constant / x
        value = _per_channel(first if first is not None else index.constant(node.input[1]), nchw=nchw)
        if value is None:
            return None
        match node.op_type:
            case "Mul":
                scale, shift = scale * value, shift * value
            case "Div":
                scale, shift = scale / value, shift / value
            case "Add":
                shift = shift + value
            case "Sub":
                shift = shift - value
        folded.append(node)
    return (scale, shift, folded) if folded else None


def _fold(draft: Draft) -> None:
    index = Index(draft)
    chain, conv = _chain(index, draft)
    if conv is None or conv.op_type != "Conv" or not any(node.op_type == "Transpose" for node in chain):
        return
    weights = index.constant(conv.input[1])
    sums = _scale_and_shift(index, chain)
    if weights is None or sums is None or len(index.users(conv.input[1])) != 1:
        return
    scale, shift, folded = sums
    if np.any(shift) and _pads(conv):
        return
    kernel = weights.astype(np.float64)  # [out, in/groups, kernel height, kernel width]
    if any(part.size not in (1, kernel.shape[1]) for part in (scale, shift)):
        return  # grouped: one channel a group, while the scaling differs by channel
    draft.set_constant(conv.input[1], (kernel * scale[None, :, None, None]).astype(weights.dtype))
    if np.any(shift):
        _add_to_bias(draft, index, conv, (kernel * shift[None, :, None, None]).sum(axis=(1, 2, 3)))
    for node in folded:
        data = node.input[1] if index.is_constant(node.input[0]) else node.input[0]
        for user in index.users(node.output[0]):
            user.input[:] = [data if name == node.output[0] else name for name in user.input]
    draft.remove_unused()


def _pads(conv: onnx.NodeProto) -> bool:
    automatic = any(
        entry.name == "auto_pad" and entry.s not in (b"NOTSET", b"VALID") for entry in conv.attribute
    )
    return automatic or any(attribute(conv, "pads"))


def _add_to_bias(draft: Draft, index: Index, conv: onnx.NodeProto, extra: Floats) -> None:
    known = index.constant(conv.input[2]) if len(conv.input) > 2 else None
    bias = (0 if known is None else known.astype(np.float64)) + extra
    name = f"{conv.output[0]}__bias"
    draft.set_constant(name, bias.astype(np.float32))
    conv.input[:] = [conv.input[0], conv.input[1], name]


FOLD_SCALING = Step(name="fold the scaling", change=_fold)
