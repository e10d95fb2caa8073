"""A Keras model layer by layer: shapes, parameters, MACs. Keras itself is imported by keras_model only."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.inspect.extent import border_note, dropped
from toolkit.inspect.result import InspectResult, LayerRow, TensorRow, total_macs
from toolkit.keras_model.choices import KerasChoices
from toolkit.keras_model.load import load_keras
from toolkit.keras_model.outputs import named_outputs
from toolkit.keras_model.saved_model import SavedModelClassifier
from toolkit.wording import export_command

WINDOWED = ("pool_size", "kernel_size")


def inspect_keras(argument: str, choices: KerasChoices | None = None) -> InspectResult:
    """Describe a KERAS_MODEL.

    Args:
        argument: a .keras or .h5 file, or a run folder.
        choices: what the file can't say.

    Raises:
        MissingDependency: the extra with TensorFlow isn't installed.
        ModelError: it can't be loaded.
    """
    loaded = load_keras(argument, where="toolkit inspect", choices=choices, every_output=True)
    model = loaded.model
    if isinstance(model, SavedModelClassifier):
        return _saved_model(loaded.path, model)
    layers = tuple(_row(layer) for layer in _flat(model))
    metadata: dict[str, str] = {
        key: str(loaded.record[key])
        for key in ("recipe", "data", "test_accuracy", "seed")
        if key in loaded.record
    }
    if loaded.labels:
        metadata["labels"] = ", ".join(loaded.labels)
    return InspectResult(
        path=str(loaded.path),
        format="keras",
        size_bytes=Path(loaded.path).stat().st_size,
        inputs=tuple(_tensor(tensor) for tensor in model.inputs or ()),
        outputs=_outputs(model),
        metadata=metadata,
        layers=layers,
        parameters=int(model.count_params()),
        macs=total_macs(layers),
    )


def _saved_model(folder: Path, model: SavedModelClassifier) -> InspectResult:
    """Describe a SavedModel by its signature: it is a graph, and has no layers to list."""
    return InspectResult(
        path=str(folder),
        format="keras",
        size_bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        inputs=(TensorRow(name=model.input_name, dtype=model.input_dtype, shape=model.input_shape),),
        outputs=tuple(TensorRow(name, dtype, shape) for name, (dtype, shape) in model.outputs.items()),
        metadata={
            "layers": f"none to list in a SavedModel; export it, and inspect the file: {export_command(folder)}"
        },
        layers=(),
        parameters=model.count_params(),
        macs=None,
    )


def _flat(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from _flat(layer)
        elif type(layer).__name__ != "InputLayer":
            yield layer


def _row(layer: Any) -> LayerRow:
    shape_in, shape_out = _shape(layer, "input"), _shape(layer, "output")
    return LayerRow(
        name=layer.name,
        operator=type(layer).__name__,
        output_shape=shape_out,
        parameters=int(layer.count_params()),
        macs=_macs(layer, shape_out),
        note=_note(layer, shape_in),
    )


def _shape(layer: Any, side: str) -> tuple[int | None, ...]:
    tensor = getattr(layer, side, None)
    shape = getattr(tensor, "shape", None)
    return tuple(shape) if shape is not None else ()


def _macs(layer: Any, shape_out: Sequence[int | None]) -> int | None:
    """Count one multiplication per kernel element and output position.

    Source: for a convolution positions x (window x channels in / groups) x channels out; for a dense
    layer inputs x outputs, per position where it acts on several.
    """
    kernels = [w for w in layer.weights if w.name.endswith("kernel") and len(w.shape) >= 2]
    if not kernels:
        return 0
    convolution = hasattr(layer, "kernel_size")
    extents = shape_out[1:-1]
    if any(extent is None for extent in extents):
        return None
    positions = math.prod(extent or 0 for extent in extents)
    if convolution and "Transpose" in type(layer).__name__:
        inputs = _shape(layer, "input")[1:-1]
        positions = math.prod(extent or 0 for extent in inputs)
    return int(sum(math.prod(kernel.shape) for kernel in kernels) * positions)


def _note(layer: Any, shape_in: Sequence[int | None]) -> str:
    window = next((getattr(layer, name) for name in WINDOWED if hasattr(layer, name)), None)
    strides = getattr(layer, "strides", None)
    if window is None or strides is None or getattr(layer, "padding", "valid") != "valid":
        return ""
    if "Transpose" in type(layer).__name__ or getattr(layer, "data_format", "") == "channels_first":
        return ""
    extents = shape_in[1:-1]
    if len(extents) != len(window) or any(extent is None for extent in extents):
        return ""
    dilations = getattr(layer, "dilation_rate", (1,) * len(window))
    ends = _padding_ends(layer, len(window))
    lost = [
        dropped(extent or 0, 0, size, step, dilation, padding_end=end)
        for extent, size, step, dilation, end in zip(extents, window, strides, dilations, ends, strict=True)
    ]
    return border_note(*lost)


def _padding_ends(layer: Any, axes: int) -> tuple[int, ...]:
    """Rows and columns that a layer before this one has added at the end: what a stride may leave out freely."""
    history = getattr(getattr(layer, "input", None), "_keras_history", None)
    padding = getattr(getattr(history, "operation", None), "padding", None)
    if isinstance(padding, tuple) and len(padding) == axes:
        return tuple(int(end) for _, end in padding)
    return (0,) * axes


def _outputs(model: Any) -> tuple[TensorRow, ...]:
    tensors = model.outputs or ()
    if len(tensors) < 2:
        return tuple(_tensor(tensor) for tensor in tensors)
    # Of several, one has to be chosen for export: by these names, not by those of the tensors.
    return tuple(replace(_tensor(tensor), name=name) for name, tensor in named_outputs(model).items())


def _tensor(tensor: Any) -> TensorRow:
    return TensorRow(name=str(tensor.name), dtype=str(tensor.dtype), shape=tuple(tensor.shape))
