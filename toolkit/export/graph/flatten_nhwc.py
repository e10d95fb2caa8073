"""Flatten in the order height, width, channel: int8 kernels keep maps that way, so no transpose is left to run.

The rows of the dense layer's weights move to match; the result is the same.
"""

import numpy as np
from onnx import helper

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.graph.nodes import TO_NHWC, number
from toolkit.export.step import Step


def _change(draft: Draft) -> None:
    nodes = []
    index = Index(draft)
    for node in draft.graph.node:
        shape = index.shape(node.input[0]) if node.op_type == "Flatten" else None
        dense = index.only_user(node.output[0]) if node.op_type == "Flatten" else None
        maker = index.maker(node.input[0])
        if (
            shape is None
            or len(shape) != 4
            or None in shape[1:]
            or 1 in (shape[1], (shape[2] or 0) * (shape[3] or 0))  # the order is the same
            or dense is None
            or number(node, "axis", 1) != 1
            or (maker is not None and maker.op_type == "Transpose")
            or not _permute(draft, index, dense.op_type, dense.input[1], shape)
        ):
            nodes.append(node)
            continue
        moved = f"{node.output[0]}__nhwc"
        nodes.append(helper.make_node("Transpose", [node.input[0]], [moved], name=moved, perm=TO_NHWC))
        nodes.append(helper.make_node("Flatten", [moved], list(node.output), name=node.name, axis=1))
    draft.set_nodes(nodes)


def _permute(draft: Draft, index: Index, kind: str, name: str, shape: tuple[int | None, ...]) -> bool:
    """Put the rows of a dense layer into the order [H, W, C] instead of [C, H, W]; tell whether it could be."""
    weights = index.constant(name)
    if kind not in ("MatMul", "Gemm") or weights is None or weights.ndim != 2 or len(index.users(name)) != 1:
        return False
    channels, height, width = (int(extent or 0) for extent in shape[1:])
    if weights.shape[0] != channels * height * width:
        return False  # a Gemm that takes its weights transposed
    rows = weights.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
    draft.set_constant(name, np.asarray(rows.reshape(weights.shape)))
    return True


FLATTEN_NHWC = Step(name="flatten in the order of int8 kernels", change=_change)
