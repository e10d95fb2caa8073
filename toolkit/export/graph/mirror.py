"""Every picture answered twice, as it is and mirrored: its probabilities are the mean of the two."""

import numpy as np
from onnx import GraphProto, ModelProto, helper

from toolkit.export.graph.draft import Draft, assemble, copy_apart
from toolkit.export.graph.interface import INPUT, OUTPUT, fixed_batch
from toolkit.export.graph.nodes import rename
from toolkit.export.step import Step, apply
from toolkit.models.onnx_file import opset_of

WIDTH = 2  # the axis of the picture, [N, H, W, 3]
AXES_AS_INPUT = 18
"""The first opset whose ReduceMean takes its axes as an input. Source: ONNX, docs/Changelog.md."""

MIRRORED = "mirror__picture"
BOTH = "mirror__both"
ANSWERS = "mirror__answers"
PAIRS = "mirror__pairs"


def _free_batch(draft: Draft) -> str | None:
    fixed = fixed_batch(draft.inputs[0])
    return f"its batch size is fixed to {fixed}" if fixed else None


def _mirror(draft: Draft) -> None:
    classes = draft.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    opset = opset_of(draft.model)
    inner = GraphProto(node=draft.graph.node)
    rename(inner, INPUT, BOTH)
    rename(inner, OUTPUT, ANSWERS)
    for name, values in (
        ("mirror__last", [-1]),
        ("mirror__beyond_first", [np.iinfo(np.int64).min]),
        ("mirror__width", [WIDTH]),
        ("mirror__backwards", [-1]),
        ("mirror__two", [2, -1, classes]),
    ):
        draft.set_constant(name, np.array(values, np.int64))
    mean = helper.make_node("ReduceMean", [PAIRS], [OUTPUT], name="mirror__mean", keepdims=0)
    if opset < AXES_AS_INPUT:
        mean.attribute.append(helper.make_attribute("axes", [0]))
    else:
        draft.set_constant("mirror__pair", np.array([0], np.int64))
        mean.input.append("mirror__pair")
    cut = ["mirror__last", "mirror__beyond_first", "mirror__width", "mirror__backwards"]
    draft.set_nodes(
        [
            helper.make_node("Slice", [INPUT, *cut], [MIRRORED], name=MIRRORED),
            helper.make_node("Concat", [INPUT, MIRRORED], [BOTH], name=BOTH, axis=0),
            *inner.node,
            helper.make_node("Reshape", [ANSWERS, "mirror__two"], [PAIRS], name=PAIRS),
            mean,
        ]
    )


MIRROR = Step(name="mirror", before=_free_batch, change=_mirror)


def mirrored(model: ModelProto, asked: bool) -> ModelProto:
    """Return the model that gives the mean of both images where that was asked for, else the model that was given.

    Raises:
        ExportError: its batch size is fixed.
    """
    return assemble(apply(copy_apart(model), [MIRROR])) if asked else model
