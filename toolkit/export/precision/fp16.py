"""Half precision inside, the same border outside: uint8 picture in, float32 probabilities out."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from toolkit.errors import ExportError
from toolkit.export.graph.draft import Array, Draft, Index, assemble, copy_apart
from toolkit.export.graph.nodes import attribute
from toolkit.export.precision.layers import extent, float32_tensors
from toolkit.export.precision.ranges import calibrate
from toolkit.export.step import broken
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels

WHERE = "--precision fp16"

LIMIT = 6e4
"""Largest absolute value that a tensor may have. Source: float16 ends at 65,504; the rest is room for rounding
and for pictures that nobody tried."""

SMALLEST = np.finfo(np.float16).smallest_subnormal
"""6e-8. Where it is flushed to zero the answer is off by no more than rounding."""

FLOAT32_INPUTS = {"Resize": (2,), "Upsample": (1,)}
"""Inputs that ONNX wants in float32 whatever the type of the rest: scales."""

REFUSED = frozenset({"DequantizeLinear", "If", "Loop", "QuantizeLinear", "Scan"})

MEANS = frozenset({"AveragePool", "GlobalAveragePool", "ReduceMean"})
"""Operators that may sum in half precision before they divide."""


def convert_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a finished float32 graph to half precision.

    Args:
        model: `image` uint8 -> `probabilities` float32; not changed. See `check_range` for what it must hold.

    Returns:
        A new model with the same border and metadata, sorted, ONNX's full check passed. The last softmax is
        computed in float32, so that probabilities add up to one.

    Raises:
        ExportError: a constant doesn't fit, or an operator has no half-precision form.
    """
    if foreign := sorted({node.op_type for node in model.graph.node} & REFUSED):
        raise ExportError(
            f"the graph has {', '.join(foreign)}, which can't become half precision",
            where=WHERE,
            remedy="convert the float32 model",
        )
    draft = copy_apart(model)
    float32_names = {
        node.input[place]
        for node in draft.graph.node
        for place in FLOAT32_INPUTS.get(node.op_type, ())
        if len(node.input) > place
    }
    _convert_constants(draft, float32_names)
    for node in draft.graph.node:
        _convert_attributes(node)
    _float32_at_the_end(draft)
    draft.set_nodes(list(draft.graph.node))
    fault = broken(draft)
    if fault is not None:
        raise ExportError(
            f"the graph is broken in half precision: {fault[:300]}",
            where=WHERE,
            remedy="an operator has no such form; use --precision fp32, and report the layer",
        )
    return assemble(draft)


def check_range(model: onnx.ModelProto, images_nhwc: Pixels, observer: Observer = SILENT) -> dict[str, float]:
    """Check with the float32 model that nothing in it overflows half precision.

    A run of the half-precision file proves nothing: the CPU provider takes its casts away and computes in float32.

    Args:
        model: the finished float32 graph; not changed.
        images_nhwc: uint8 [N, height, width, channels], N >= 1; pictures all black and all white are tried too.
        observer: told how many pictures are done.

    Returns:
        Largest absolute value of each float32 tensor; for one that is a mean, of the sum before the division.

    Raises:
        ExportError: one of them is 60,000 or more, or not finite.
    """
    draft = copy_apart(model)
    extremes = np.concatenate([images_nhwc, *(np.full_like(images_nhwc[:1], level) for level in (0, 255))])
    found = calibrate(draft, float32_tensors(draft), extremes, observer=observer)
    index = Index(draft)
    largest: dict[str, float] = {}
    for name, span in found.items():
        value = max(abs(span.low), abs(span.high))
        maker = index.maker(name)
        if maker is not None and maker.op_type in MEANS:
            value *= _averaged(index, maker)
        largest[name] = value
    worst = max(largest, key=lambda name: largest[name], default=None)
    if worst is not None and largest[worst] >= LIMIT:
        maker = index.maker(worst)
        layer = maker.op_type if maker is not None else "input"
        raise ExportError(
            f"'{worst}' ({layer}) reaches {largest[worst]:.3g}, and half precision ends at 65,504",
            where=WHERE,
            remedy="use --precision fp32, or scale the values of that layer down",
        )
    return largest


def _averaged(index: Index, node: onnx.NodeProto) -> int:
    """Return how many numbers a mean is taken of."""
    if node.op_type == "AveragePool":
        return extent(attribute(node, "kernel_shape"))
    before, after = index.shape(node.input[0]), index.shape(node.output[0])
    if before is None or after is None:
        return 1
    return max(1, extent(before) // max(1, extent(after)))


def _half(values: Array, name: str) -> Array:
    largest = float(np.abs(values.astype(np.float32)).max(initial=0.0))
    if not largest <= float(np.finfo(np.float16).max):
        raise ExportError(
            f"the constant '{name}' reaches {largest:.3g}, and half precision ends at 65,504",
            where=WHERE,
            remedy="use --precision fp32",
        )
    half = values.astype(np.float16)
    if values.size == 1 and not half.any():
        # A number by itself has a reason not to be zero: it pads a pooling that ONNX Runtime would compute wrong with
        # zero (see keep_pad), or keeps a division from being one by zero.
        half = (SMALLEST * np.sign(values)).astype(np.float16)
    return half


def _convert_constants(draft: Draft, float32_names: set[str]) -> None:
    index = Index(draft)
    names = [tensor.name for tensor in draft.graph.initializer] + list(draft.weights)
    for name in names:
        value = index.constant(name)
        if value is None or value.dtype != np.float32:
            continue
        half = _half(value, name)
        if name not in float32_names:
            draft.set_constant(name, half)
            continue
        draft.set_constant(f"{name}__half", half)  # unused ones are dropped with the next change
        for node in draft.graph.node:
            exact = FLOAT32_INPUTS.get(node.op_type, ())
            for place, used in enumerate(node.input):
                if used == name and place not in exact:
                    node.input[place] = f"{name}__half"


def _convert_attributes(node: onnx.NodeProto) -> None:
    """Turn the types and constants that stand in a node's attributes."""
    for entry in node.attribute:
        if node.op_type == "Cast" and entry.name == "to" and entry.i == TensorProto.FLOAT:
            entry.i = TensorProto.FLOAT16
        elif entry.type == onnx.AttributeProto.TENSOR and entry.t.data_type == TensorProto.FLOAT:
            half = _half(np.asarray(numpy_helper.to_array(entry.t)), node.output[0])
            entry.t.CopyFrom(numpy_helper.from_array(half, entry.t.name))
        elif node.op_type == "Constant" and entry.name in ("value_float", "value_floats"):
            value = np.array(entry.f if entry.name == "value_float" else list(entry.floats), np.float32)
            tensor = numpy_helper.from_array(_half(value, node.output[0]))
            entry.CopyFrom(helper.make_attribute("value", tensor))


def _float32_at_the_end(draft: Draft) -> None:
    """Return to float32 before the last softmax, or after whatever else comes last."""
    name = draft.graph.output[0].name
    nodes = list(draft.graph.node)
    place = next(i for i, node in enumerate(nodes) if name in node.output)
    last = nodes[place]
    if last.op_type == "Softmax":
        exact = f"{last.input[0]}__float32"
        cast = helper.make_node("Cast", [last.input[0]], [exact], name=exact, to=TensorProto.FLOAT)
        last.input[0] = exact
        nodes.insert(place, cast)
    else:
        half = f"{name}__half"
        for node in nodes:
            node.input[:] = [half if used == name else used for used in node.input]
            node.output[:] = [half if made == name else made for made in node.output]
        nodes.insert(place + 1, helper.make_node("Cast", [half], [name], name=half, to=TensorProto.FLOAT))
    draft.set_nodes(nodes)
