"""An .onnx file -> what is inside."""

import contextlib
import math
from pathlib import Path

import numpy as np
import onnx
from onnx import inliner, shape_inference
from onnx.checker import ValidationError

from toolkit.errors import ModelError
from toolkit.inspect import shapes
from toolkit.inspect.graph import layer_rows
from toolkit.inspect.result import InspectResult, TensorRow, total_macs
from toolkit.models.onnx_file import external_names, load_onnx, opset_of, read_external
from toolkit.runtime.messages import not_onnx


def inspect_onnx(path: Path) -> InspectResult:
    """Describe an ONNX file; it needn't be a classifier, and nothing of it is run.

    Args:
        path: an .onnx file. Weights in files beside it are counted; only shapes, axes and pads of them are read.

    Raises:
        ModelError: it is missing, cut short, not an ONNX file, or its graph can't be followed.
    """
    model = _load(path)
    size_bytes = path.stat().st_size + sum(_size_of(path.parent / name) for name in external_names(model))
    _read_small_constants(model.graph, path.parent)
    if model.functions:
        model = inliner.inline_local_functions(model)
    try:
        layers = layer_rows(model.graph, shapes.infer(model))
    except (shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"its graph can't be followed: {error}", where=path, remedy="export it again"
        ) from error
    return InspectResult(
        path=str(path),
        format="onnx",
        size_bytes=size_bytes,
        opset=opset_of(model) or None,
        ir_version=model.ir_version,
        inputs=tuple(_tensor_row(value) for value in shapes.picture_inputs(model.graph)),
        outputs=tuple(_tensor_row(value) for value in model.graph.output),
        metadata={entry.key: entry.value for entry in model.metadata_props},
        layers=layers,
        parameters=sum(layer.parameters for layer in layers),
        macs=total_macs(layers),
    )


def _load(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise ModelError("no such model file", where=path, remedy="check the path, or see: toolkit models")
    model = load_onnx(path)
    # Protobuf takes many a foreign or shortened file for a message in which everything is missing.
    if not (model.ir_version and model.opset_import and model.graph.output):
        raise not_onnx(path)
    return model


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # it is missing: running the model will say so, describing it needs only the shapes
        return 0


def _read_small_constants(graph: onnx.GraphProto, folder: Path) -> None:
    """Read the constants that shapes may depend on from files beside the model; what can't be read stays unknown."""
    for tensor in graph.initializer:
        if math.prod(tensor.dims) <= shapes.LARGE:
            with contextlib.suppress(ValidationError, OSError, ValueError):
                read_external(tensor, folder)


def _tensor_row(value: onnx.ValueInfoProto) -> TensorRow:
    kind = value.type.tensor_type.elem_type
    try:
        dtype = str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind))) if kind else "not a tensor"
    except KeyError:  # of a later version of ONNX than the library's
        dtype = f"type {kind}"
    return TensorRow(name=value.name, dtype=dtype, shape=shapes.extents(value) or ())
