"""Flatten without shape arithmetic: the seven nodes of a dynamic batch become one, or none.

Where the flattened map only goes into a dense layer, the transpose to Keras' order is taken into the rows of
its weights as well.
"""

import numpy as np
import onnx
from onnx import helper

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.graph.nodes import TO_NHWC, attribute
from toolkit.export.step import Step


def _flattens(index: Index, node: onnx.NodeProto) -> bool:
    """Tell whether a Reshape keeps the first axis and joins the others."""
    if node.op_type != "Reshape":
        return False
    before, after = index.shape(node.input[0]), index.shape(node.output[0]) or _target(index, node.input[1])
    if before is None or after is None or len(before) < 3 or len(after) != 2:
        return False
    rest = before[1:]
    joined = int(np.prod([extent or 0 for extent in rest]))
    if None in rest or not joined:
        return False
    # Where inference can't follow the shape arithmetic, the rows of the dense layer that comes next tell.
    return joined == (after[1] or _rows(index, node.output[0]))


def _target(index: Index, shape: str) -> tuple[int | None, ...] | None:
    """Read a shape that is put together from extents, one each; inference doesn't in opset 13."""
    maker = index.maker(shape)
    while maker is not None and maker.op_type == "Cast":
        maker = index.maker(maker.input[0])
    if maker is None or maker.op_type != "Concat":
        return None
    known = [index.constant(name) for name in maker.input]
    if any(value is not None and value.size != 1 for value in known):
        return None
    return tuple(None if value is None or value.item() < 0 else int(value.item()) for value in known)


def _rows(index: Index, name: str) -> int | None:
    dense = index.users(name)
    weights = index.constant(dense[0].input[1]) if dense and dense[0].op_type == "MatMul" else None
    return None if weights is None else weights.shape[0]


def _change(draft: Draft) -> None:
    for node in list(draft.graph.node):
        index = Index(draft)
        if not _flattens(index, node):
            continue
        source = node.input[0]
        transpose = index.maker(source)
        dense = index.only_user(node.output[0])
        movable = (
            transpose is not None
            and transpose.op_type == "Transpose"
            and attribute(transpose, "perm") == TO_NHWC
            and dense is not None
            and _permute_rows(draft, index, dense, node.output[0], index.shape(source))
        )
        if movable and transpose is not None:
            source = transpose.input[0]
        flat = helper.make_node("Flatten", [source], list(node.output), name=node.name, axis=1)
        node.CopyFrom(flat)
    draft.remove_unused()


def _permute_rows(
    draft: Draft,
    index: Index,
    dense: onnx.NodeProto,
    flattened: str,
    shape_nhwc: tuple[int | None, ...] | None,
) -> bool:
    """Put a dense layer's rows into the order of [C, H, W] instead of [H, W, C]."""
    if dense.op_type != "MatMul" or dense.input[0] != flattened or shape_nhwc is None:
        return False
    weights = index.constant(dense.input[1])
    if weights is None or weights.ndim != 2 or len(index.users(dense.input[1])) != 1:
        return False
    height, width, channels = (int(extent or 0) for extent in shape_nhwc[1:])
    rows = weights.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
    draft.set_constant(dense.input[1], rows.reshape(weights.shape))
    return True


def _no_shape_nodes(draft: Draft) -> str | None:
    index = Index(draft)
    left = [node.name for node in draft.graph.node if _flattens(index, node)]
    return f"{left[0]} still flattens by shape arithmetic" if left else None


FLATTEN = Step(name="flatten without shape nodes", change=_change, after=_no_shape_nodes)
