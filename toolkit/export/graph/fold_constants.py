"""Compute once what depends on constants only, such as the transpose of a kernel."""

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from toolkit.export.graph.draft import Draft, Index
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
"""Operators whose result is as large as their input, so that folding never makes a file grow."""


def _foldable(index: Index, node: onnx.NodeProto) -> bool:
    names = [name for name in node.input if name]
    return node.op_type in FOLDABLE and bool(names) and all(index.is_constant(name) for name in names)


def _change(draft: Draft) -> None:
    while True:
        index = Index(draft)
        folded = [node for node in draft.graph.node if _foldable(index, node)]
        if not folded:
            return
        for node in folded:
            values = {name: index.constant(name) for name in node.input if name}
            (result,) = ReferenceEvaluator(node).run(None, values)
            draft.set_constant(node.output[0], np.asarray(result))
        names = {name for node in folded for name in node.output}
        draft.set_nodes([node for node in draft.graph.node if node.output[0] not in names])


def _none_left(draft: Draft) -> str | None:
    index = Index(draft)
    left = [node.name for node in draft.graph.node if _foldable(index, node)]
    return f"{left[0]} still depends on constants only" if left else None


FOLD_CONSTANTS = Step(name="fold constants", change=_change, after=_none_left)
