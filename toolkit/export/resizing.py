"""Resizing that ONNX has no operator for, or none that gives the same pixels: two products with fixed weights.

The converter would write an area as the nearest pixel, and a bicubic one with weights that TensorFlow takes from a
table; Lanczos and antialiasing it can't write at all. All are sums of the pixels of a line with weights that depend on
the two sizes only, so that TensorFlow itself is asked for them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.keras_model.tensorflow import import_tensorflow

OPTIONS = {
    "ResizeArea": ("align_corners",),
    "ResizeBicubic": ("align_corners", "half_pixel_centers"),
    "ScaleAndTranslate": ("kernel_type", "antialias"),
}
"""TensorFlow's operators, and what of each counts besides the sizes."""


def handlers() -> dict[str, tuple[Any, list[str]]]:
    """Return what tf2onnx is given as `custom_op_handlers`."""
    return {operator: (_write, []) for operator in OPTIONS}


def weights(operator: str, options: dict[str, Any], before: int, after: int) -> NDArray[np.float32]:
    """Ask TensorFlow what each pixel of a line counts for in each pixel of the resized line.

    Args:
        operator: a name of `OPTIONS`.
        options: their values.
        before: length of the line, pixels.
        after: length of the resized one, pixels.

    Returns:
        float32 [after, before]: what becomes of lines of which one pixel is 1 and the others are 0.
    """
    tf = import_tensorflow("toolkit export")
    lines = np.eye(before, dtype=np.float32).reshape(1, before, 1, before)
    given = dict(options, images=lines, size=[after, 1])
    if operator == "ScaleAndTranslate":
        given |= {"scale": [after / before, 1.0], "translation": [0.0, 0.0]}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:  # whatever graph is being converted
        resized = session.run(getattr(tf.raw_ops, operator)(**given))
    return np.asarray(resized[0, :, 0], np.float32)


def _write(graph: Any, node: Any, name: str, _: Any) -> None:
    """Replace the operator in tf2onnx's graph; what can't be is left, and refused by name later."""
    shape, size = graph.get_shape(node.input[0]), node.inputs[1]
    if not shape or min(shape[1:]) < 1 or not size.is_const():
        return
    operator, options = node.type, {}
    for option in OPTIONS[operator]:
        value = node.get_attr_value(option)
        options[option] = value.decode() if isinstance(value, bytes) else bool(value)
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
    rows = constant("rows", weights(operator, options, height, new_height))
    value = graph.make_node("MatMul", [rows, value]).output[0]
    value = graph.make_node("Reshape", [value, picture]).output[0]
    columns = constant("columns", weights(operator, options, width, new_width))
    graph.make_node("MatMul", [columns, value], name=name, outputs=made, shapes=shapes, dtypes=kinds)
