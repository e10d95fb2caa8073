"""Write a dense layer as one node: MatMul and the Add of its bias become a Gemm."""

import numpy as np
import onnx
from onnx import helper

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.step import Step


def _bias(index: Index, node: onnx.NodeProto) -> tuple[onnx.NodeProto, str] | None:
    """Return the Add after a two-dimensional MatMul and the name of the bias that it adds."""
    weights, shape = index.constant(node.input[1]), index.shape(node.input[0])
    add = index.only_user(node.output[0])
    if weights is None or weights.ndim != 2 or shape is None or len(shape) != 2:
        return None
    if add is None or add.op_type != "Add":
        return None
    name = add.input[1] if add.input[0] == node.output[0] else add.input[0]
    bias = index.constant(name)
    fits = bias is not None and bias.size == weights.shape[1] == bias.shape[-1]
    return (add, name) if fits else None


def _change(draft: Draft) -> None:
    index = Index(draft)
    merged: list[str] = []
    for node in draft.graph.node:
        found = _bias(index, node) if node.op_type == "MatMul" else None
        if found is None:
            continue
        add, name = found
        bias = index.constant(name)
        if bias is not None and bias.ndim != 1:
            name = f"{name}__flat"
            draft.set_constant(name, np.asarray(bias.reshape(-1)))
        gemm = helper.make_node("Gemm", [*node.input, name], list(add.output), name=node.name)
        node.CopyFrom(gemm)
        merged.append(add.output[0])
    kept = [n for n in draft.graph.node if not (n.op_type == "Add" and n.output[0] in merged)]
    draft.set_nodes(kept)


DENSE = Step(name="write dense layers as one node", change=_change)
