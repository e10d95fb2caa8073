"""Every picture answered in several views, as it is, mirrored, moved: its probabilities are the mean of all."""

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, helper

from toolkit.export.graph.draft import Draft, assemble, copy_apart
from toolkit.export.graph.interface import INPUT, OUTPUT
from toolkit.export.graph.nodes import rename
from toolkit.export.step import Step, apply
from toolkit.models.onnx_file import opset_of
from toolkit.models.views import Views

ROWS, COLUMNS = 1, 2  # axes of the picture, [N, H, W, 3]
AXES_AS_INPUT = 18
"""The first opset whose ReduceMean takes its axes as an input. Source: ONNX, docs/Changelog.md."""

ALL = "views__pictures"
ANSWERS = "views__answers"
APART = "views__apart"


def views_step(views: Views) -> Step:
    """Return the step that makes a finished graph look at each picture in several ways, the last of all."""

    def before(draft: Draft) -> str | None:
        batch, height, width = draft.inputs[0].type.tensor_type.shape.dim[:3]
        if batch.dim_value:
            return f"its batch size is fixed to {batch.dim_value}"
        side = min(height.dim_value, width.dim_value)
        return f"a picture of {side} pixels can't be moved by {views.shift}" if views.shift >= side else None

    return Step(name="views", before=before, change=lambda draft: _look(draft, views))


def with_views(model: ModelProto, views: Views) -> ModelProto:
    """Return the model that gives the mean over all views; the one that was given stays as it is.

    Raises:
        ExportError: its batch size is fixed, or its pictures are too small to be moved so far.
    """
    return assemble(apply(copy_apart(model), [views_step(views)])) if len(views) > 1 else model


def _look(draft: Draft, views: Views) -> None:
    classes = draft.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    inner = GraphProto(node=draft.graph.node)
    rename(inner, INPUT, ALL)
    rename(inner, OUTPUT, ANSWERS)
    pictures, gathers = _gathered(draft, views)
    draft.set_constant("views__shape", np.array([len(views), -1, classes], np.int64))
    mean = helper.make_node("ReduceMean", [APART], [OUTPUT], name="views__mean", keepdims=0)
    if opset_of(draft.model) < AXES_AS_INPUT:
        mean.attribute.append(helper.make_attribute("axes", [0]))
    else:
        draft.set_constant("views__axis", np.array([0], np.int64))
        mean.input.append("views__axis")
    draft.set_nodes(
        [
            *gathers,
            helper.make_node("Concat", pictures, [ALL], name=ALL, axis=0),
            *inner.node,
            helper.make_node("Reshape", [ANSWERS, "views__shape"], [APART], name=APART),
            mean,
        ]
    )


def _gathered(draft: Draft, views: Views) -> tuple[list[str], list[NodeProto]]:
    """Return the names of the views, and the nodes that pick their pixels; rows and columns as they are need none."""
    height, width = (d.dim_value for d in draft.inputs[0].type.tensor_type.shape.dim[1:3])
    names: list[str] = []
    nodes: list[NodeProto] = []
    known: dict[tuple[str, int, bytes], str] = {}
    for rows, columns in views.places(height, width):
        name = INPUT
        for axis, places in ((ROWS, rows), (COLUMNS, columns)):
            if np.array_equal(places, np.arange(len(places))):
                continue
            key = (name, axis, places.tobytes())
            if key not in known:
                known[key] = f"views__{len(nodes)}"
                draft.set_constant(f"{known[key]}_places", np.ascontiguousarray(places))
                nodes.append(
                    helper.make_node(
                        "Gather", [name, f"{known[key]}_places"], [known[key]], name=known[key], axis=axis
                    )
                )
            name = known[key]
        names.append(name)
    return names, nodes
