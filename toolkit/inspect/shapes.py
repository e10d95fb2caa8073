"""The shape of every tensor of an ONNX graph, for one picture and as the file declares it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import shape_inference

Extents = tuple[int | str | None, ...]

PICTURE_AXES = 4
CONTRIBUTED = "com.microsoft"  # domain of the operators that ONNX Runtime adds

TWINS: dict[str, tuple[str, tuple[int, ...]]] = {
    "FusedConv": ("Conv", (0, 1)),
    "FusedGemm": ("Gemm", (0, 1)),
    "FusedMatMul": ("MatMul", (0, 1)),
    "MatMulIntegerToFloat": ("MatMul", (0, 1)),
    "DynamicQuantizeMatMul": ("MatMul", (0, 1)),
    "QGemm": ("Gemm", (0, 3)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearLeakyRelu": ("Identity", (0,)),
    "QLinearSigmoid": ("Identity", (0,)),
    "QLinearSoftmax": ("Identity", (0,)),
}
"""Operators of ONNX Runtime -> a standard one whose output has the same shape, and which inputs it takes."""

LARGE = 1024  # elements; shape inference reads the values of small constants only (shapes, axes, pads)


@dataclass(frozen=True)
class Shapes:
    """What is known of the tensors of a graph.

    Args:
        declared: extents by tensor name as the file declares or implies them; a text or None is free.
        single: the same with a free batch set to one picture; what is free even then is None.
        batch: pictures that one run of `single` takes: 1, or the batch that the file fixes.
    """

    declared: dict[str, Extents]
    single: dict[str, tuple[int | None, ...]]
    batch: int

    def shown(self, name: str) -> tuple[int | None, ...]:
        """Return a tensor's extents for the eye: None where free. Empty where nothing is known."""
        single = self.single.get(name, ())
        declared = self.declared.get(name, ())
        if len(declared) != len(single):
            return single
        # Only the first axis: inside, a free extent often is one that inference lost, not one that varies.
        first = tuple(e if isinstance(e, int) else None for e in declared[:1])
        return first + single[1:]

    def elements(self, name: str) -> int | None:
        """Count the elements of a tensor for one picture, or None where that isn't known."""
        shape = self.single.get(name)
        if shape is None or any(extent is None for extent in shape):
            return None
        return math.prod(extent or 0 for extent in shape)


def infer(model: onnx.ModelProto) -> Shapes:
    """Infer the shapes of a model's tensors.

    Args:
        model: isn't changed.

    Raises:
        onnx.shape_inference.InferenceError: the graph uses operators of a domain that it doesn't declare.
    """
    light = _without_large_constants(model)
    declared = _inferred(light)
    batch = _set_batch(light)
    return Shapes(
        declared=declared,
        single={
            name: tuple(extent if isinstance(extent, int) else None for extent in shape)
            for name, shape in _inferred(light).items()
        },
        batch=batch,
    )


def picture_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that a caller has to give: older files list their weights as inputs, too."""
    constants = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in constants]


def extents(value: onnx.ValueInfoProto) -> Extents | None:
    """Return the extents of a declared tensor, or None where not even the number of axes is known."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else d.dim_param or None
        for d in kind.shape.dim
    )


def _without_large_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model for shape inference: without the values of its weights, so that one of gigabytes can be
    looked at, too, and with standard operators only, since it knows no others.
    """
    light = onnx.ModelProto()
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.graph.name = model.graph.name
    light.graph.node.extend(_twin(node) for node in model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    light.graph.value_info.extend(model.graph.value_info)
    for tensor in model.graph.initializer:
        kept = light.graph.initializer.add()
        if math.prod(tensor.dims) <= LARGE:
            kept.CopyFrom(tensor)
        else:
            kept.name, kept.data_type = tensor.name, tensor.data_type
            kept.dims.extend(tensor.dims)
    return light


def _twin(node: onnx.NodeProto) -> onnx.NodeProto:
    channels_last = any(a.name == "channels_last" and a.i for a in node.attribute)
    if node.domain != CONTRIBUTED or node.op_type not in TWINS or channels_last:
        return node
    operator, positions = TWINS[node.op_type]
    if len(node.input) <= max(positions):
        return node
    twin = onnx.helper.make_node(operator, [node.input[i] for i in positions], node.output, node.name)
    twin.attribute.extend(node.attribute)
    return twin


def _inferred(model: onnx.ModelProto) -> dict[str, Extents]:
    # Not strict: a node that inference doesn't understand costs the shapes behind it, not the whole table.
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    found: dict[str, Extents] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shape = extents(value)
        if shape is not None:
            found[value.name] = shape
    return found


def _set_batch(model: onnx.ModelProto) -> int:
    """Set a free batch to one picture, in place; return how many pictures a run takes."""
    batch = 1
    for dimensions in _dimensions(picture_inputs(model.graph)):
        if not dimensions:
            continue
        first = dimensions[0]
        if first.HasField("dim_value") and first.dim_value > 0:
            # Only of four axes is it known that the first counts pictures.
            batch = first.dim_value if len(dimensions) == PICTURE_AXES else batch
        else:
            name = first.dim_param
            first.dim_value = 1
            _set_all(model.graph, name)
    return batch


def _set_all(graph: onnx.GraphProto, name: str) -> None:
    """Set the other dimensions that are called like the batch, too: they would contradict it."""
    for dimensions in _dimensions((*graph.input, *graph.value_info, *graph.output)):
        for dimension in dimensions:
            if name and dimension.dim_param == name:
                dimension.dim_value = 1


def _dimensions(values: Sequence[onnx.ValueInfoProto]) -> Iterator[Any]:
    for value in values:
        yield value.type.tensor_type.shape.dim
