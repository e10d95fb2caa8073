"""Write exp(x) - 1, which CELU traces to as one operator and ONNX doesn't have, as two."""

import numpy as np
from onnx import helper

from toolkit.export.graph.draft import Draft
from toolkit.export.step import Step

ONE = "expm1__one"


def _change(draft: Draft) -> None:
    nodes = []
    for node in draft.graph.node:
        if node.op_type != "Expm1":
            nodes.append(node)
            continue
        middle = f"{node.output[0]}__exp"
        nodes.append(helper.make_node("Exp", list(node.input), [middle], name=f"{node.name}__exp"))
        nodes.append(helper.make_node("Sub", [middle, ONE], list(node.output), name=node.name))
    if len(nodes) != len(draft.graph.node):
        draft.set_constant(ONE, np.array(1, np.float32))
        draft.set_nodes(nodes)


EXPM1 = Step(name="write expm1 as exp - 1", change=_change)
