"""Write erfc(x), which the exact GELU traces to and ONNX doesn't have, as 1 - erf(x)."""

import numpy as np
from onnx import helper

from toolkit.export.graph.draft import Draft
from toolkit.export.step import Step

ONE = "erfc__one"


def _change(draft: Draft) -> None:
    nodes = []
    for node in draft.graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        middle = f"{node.output[0]}__erf"
        nodes.append(helper.make_node("Erf", list(node.input), [middle], name=f"{node.name}__erf"))
        nodes.append(helper.make_node("Sub", [ONE, middle], list(node.output), name=node.name))
    if len(nodes) != len(draft.graph.node):
        draft.set_constant(ONE, np.array(1, np.float32))
        draft.set_nodes(nodes)


ERFC = Step(name="write erfc as 1 - erf", change=_change)
