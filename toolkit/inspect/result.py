"""The description of a model, the same for ONNX and Keras."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TensorRow:
    """An input or output of a model.

    Args:
        name: of the tensor.
        dtype: numpy name of its type, such as "uint8".
        shape: extents; a text is the name of a free dimension, None a free one without a name.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True)
class LayerRow:
    """One layer, or one node of a graph.

    Args:
        name: of the layer.
        operator: its kind, such as "Conv".
        output_shape: of its first output; None is a free dimension. Empty where the shape is unknown.
        parameters: weights, biases and statistics that it brings; shared ones count where first used.
        macs: multiply-accumulates for one picture, or None where the picture's size is free.
        note: what a reader should know, such as "drops 1 row and 1 column at the border", or empty.
    """

    name: str
    operator: str
    output_shape: tuple[int | None, ...]
    parameters: int
    macs: int | None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class InspectResult:
    """What `toolkit inspect` found out.

    Args:
        path: of the model.
        format: "onnx" or "keras".
        size_bytes: on disk, with the files that belong to it.
        opset: of the ONNX standard operators; None for Keras.
        ir_version: of the ONNX file; None for Keras.
        inputs: of the model.
        outputs: of the model.
        metadata: what the file says about itself.
        layers: in the order of computation.
        parameters: sum over the layers.
        macs: sum over the layers for one picture, or None where one of them is unknown.
    """

    path: str
    format: str
    size_bytes: int
    opset: int | None = None
    ir_version: int | None = None
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    layers: tuple[LayerRow, ...]
    parameters: int
    macs: int | None

    def to_document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "path": self.path,
            "format": self.format,
            "size_bytes": self.size_bytes,
            "opset": self.opset,
            "ir_version": self.ir_version,
            "inputs": [_tensor(row) for row in self.inputs],
            "outputs": [_tensor(row) for row in self.outputs],
            "metadata": dict(self.metadata),
            "parameters": self.parameters,
            "macs": self.macs,
            "layers": [
                {
                    "name": row.name,
                    "operator": row.operator,
                    "output_shape": list(row.output_shape),
                    "parameters": row.parameters,
                    "macs": row.macs,
                    "note": row.note,
                }
                for row in self.layers
            ],
        }


def total_macs(layers: Sequence[LayerRow]) -> int | None:
    """Return the sum of the layers' multiply-accumulates, or None where one is unknown."""
    total = 0
    for layer in layers:
        if layer.macs is None:
            return None
        total += layer.macs
    return total


def _tensor(row: TensorRow) -> dict[str, Any]:
    return {"name": row.name, "dtype": row.dtype, "shape": list(row.shape)}
