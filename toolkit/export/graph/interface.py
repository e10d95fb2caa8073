"""Names and shapes at the border of the graph: `image` uint8 [N,H,W,3] -> `probabilities` float32 [N,classes]."""

import onnx
from onnx import TensorProto

from toolkit.export.graph.draft import Draft
from toolkit.export.graph.nodes import rename
from toolkit.export.step import Step

INPUT = "image"
OUTPUT = "probabilities"
BATCH = "batch"


def interface(height: int, width: int, classes: int, batch: int | None) -> Step:
    """Make the step that fixes names and shapes.

    Args:
        height: of the input, pixels.
        width: of the input, pixels.
        classes: how many.
        batch: fixed batch size, or None for the symbol `batch`.
    """
    first = batch or BATCH

    def change(draft: Draft) -> None:
        image, probabilities = draft.inputs[0], draft.graph.output[0]
        rename(draft.graph, image.name, INPUT)
        rename(draft.graph, probabilities.name, OUTPUT)
        _shape(image, [first, height, width, 3])
        _shape(probabilities, [first, classes])

    return Step(name="name the border", before=_one_each, change=change, after=_as_promised)


def fixed_batch(image: onnx.ValueInfoProto) -> int | None:
    """Return the only batch size that an input has, or None where that is open."""
    return int(image.type.tensor_type.shape.dim[0].dim_value) or None


def _one_each(draft: Draft) -> str | None:
    counts = (len(draft.inputs), len(draft.graph.output))
    return (
        None if counts == (1, 1) else f"it has {counts[0]} inputs and {counts[1]} outputs instead of one each"
    )


def _as_promised(draft: Draft) -> str | None:
    image, probabilities = draft.inputs[0], draft.graph.output[0]
    if (image.name, probabilities.name) != (INPUT, OUTPUT):
        return f"the border is named {image.name} and {probabilities.name}"
    if image.type.tensor_type.elem_type != TensorProto.UINT8:
        return "its input is not uint8"
    if probabilities.type.tensor_type.elem_type != TensorProto.FLOAT:
        return "its output is not float32"
    return None


def _shape(value: onnx.ValueInfoProto, extents: list[int | str]) -> None:
    dims = value.type.tensor_type.shape.dim
    del dims[:]
    for extent in extents:
        if isinstance(extent, int):
            dims.add().dim_value = extent
        else:
            dims.add().dim_param = extent
