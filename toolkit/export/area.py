"""Resizing by area, which the converter would write as picking the nearest pixel: two products with fixed weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

OPERATOR = "ResizeArea"


def handlers() -> dict[str, tuple[Any, list[str]]]:
    """Return what tf2onnx is given as `custom_op_handlers`."""
    return {OPERATOR: (_write, [])}


def overlaps(before: int, after: int) -> NDArray[np.float32]:
    """Compute what each pixel of a line counts for in each pixel of the resized line.

    Args:
        before: length of the line, pixels.
        after: length of the resized one, pixels.

    Returns:
        float32 [after, before]: the share of a new pixel that an old one covers. Each row adds up to 1.

    Source: TensorFlow, tf.image.ResizeMethod.AREA: a pixel is the mean over the area that it covers.
    """
    step = before / after
    starts = np.arange(after)[:, None] * step
    pixels = np.arange(before)[None, :]
    covered = np.minimum(starts + step, pixels + 1) - np.maximum(starts, pixels)
    return np.asarray(np.clip(covered, 0, None) / step, np.float32)


def _write(graph: Any, node: Any, name: str, _: Any) -> None:
    """Replace the operator in tf2onnx's graph; what can't be is left, and refused by name later."""
    shape, size = graph.get_shape(node.input[0]), node.inputs[1]
    if not shape or min(shape[1:]) < 1 or not size.is_const() or node.get_attr_value("align_corners"):
        return
    _, height, width, channels = shape
    new_height, new_width = (int(length) for length in size.get_tensor_value())
    made, kinds, shapes = list(node.output), node.output_dtypes, node.output_shapes

    def constant(suffix: str, value: Any) -> str:
        return str(graph.make_const(f"{name}__{suffix}", value).output[0])

    # The weights come first in the product, so that nobody takes them for those of a dense layer.
    lines = constant("lines", np.array([0, height, width * channels], np.int64))
    picture = constant("picture", np.array([0, new_height, width, channels], np.int64))
    graph.remove_node(name)
    value = graph.make_node("Reshape", [node.input[0], lines]).output[0]
    value = graph.make_node("MatMul", [constant("rows", overlaps(height, new_height)), value]).output[0]
    value = graph.make_node("Reshape", [value, picture]).output[0]
    weights = constant("columns", overlaps(width, new_width))
    graph.make_node("MatMul", [weights, value], name=name, outputs=made, shapes=shapes, dtypes=kinds)
