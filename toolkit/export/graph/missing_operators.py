"""Write operators that ONNX doesn't have with two that it has: erfc(x) of the exact GELU, exp(x) - 1 of CELU."""

import numpy as np
from onnx import helper

from toolkit.export.graph.draft import Draft

ONE = "missing_operators__one"
WRITTEN_WITH = {"Erfc": ("Erf", True), "Expm1": ("Exp", False)}
"""Operator -> the function that it is written with, and whether that is taken from one, or one from it."""


def write_with_others(draft: Draft) -> None:
    """Replace every operator of `WRITTEN_WITH`: 1 - erf(x), exp(x) - 1."""
    nodes = []
    for node in draft.graph.node:
        if node.op_type not in WRITTEN_WITH:
            nodes.append(node)
            continue
        function, from_one = WRITTEN_WITH[node.op_type]
        middle = f"{node.output[0]}__{function.lower()}"
        terms = [ONE, middle] if from_one else [middle, ONE]
        nodes.append(helper.make_node(function, list(node.input), [middle], name=f"{node.name}__{function}"))
        nodes.append(helper.make_node("Sub", terms, list(node.output), name=node.name))
    if len(nodes) != len(draft.graph.node):
        draft.set_constant(ONE, np.array(1, np.float32))
        draft.set_nodes(nodes)
