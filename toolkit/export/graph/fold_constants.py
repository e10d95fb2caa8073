"""Compute once what depends on constants only, such as the transpose of a kernel, where that takes no more room."""

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from toolkit.export.graph.draft import Array, Draft, Index
from toolkit.export.step import Step

FOLDABLE = frozenset(
    {
        "Add",
        "Cast",
        "Concat",
        "Div",
        "Mul",
        "Neg",
        "Reciprocal",
        "Reshape",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
    }
)
"""Operators that converters leave between constants."""


def _folded(index: Index, node: onnx.NodeProto) -> Array | None:
    """Compute a node; None where it isn't one of constants only, or its result takes more than what it replaces."""
    names = [name for name in node.input if name]
    if node.op_type not in FOLDABLE or not names or not all(index.is_constant(name) for name in names):
        return None
    values = {name: np.asarray(index.constant(name)) for name in names}
    (computed,) = ReferenceEvaluator(node).run(None, values)
    result = np.asarray(computed)
    replaced = sum(value.nbytes for value in values.values()) + node.ByteSize()
    return result if result.nbytes <= replaced else None  # else the file would grow


def _change(draft: Draft) -> None:
    while True:
        index = Index(draft)
        found = ((node.output[0], _folded(index, node)) for node in draft.graph.node)
        folded = {name: result for name, result in found if result is not None}
        if not folded:
            return
        for name, result in folded.items():
            draft.set_constant(name, result)
        draft.set_nodes([node for node in draft.graph.node if node.output[0] not in folded])


def _none_left(draft: Draft) -> str | None:
    index = Index(draft)
    left = [node.name for node in draft.graph.node if _folded(index, node) is not None]
    return f"{left[0]} still depends on constants only" if left else None


FOLD_CONSTANTS = Step(name="fold constants", change=_change, after=_none_left)
