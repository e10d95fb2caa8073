"""Write a draft as one ONNX file, weight after weight, without a second copy of them in memory."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from onnx import TensorProto

from toolkit.export.graph.draft import Array, Draft, inputs_only

LARGEST_FILE = 1_900_000_000
"""Bytes of weights above which they go into a file beside the model: Protocol Buffers end at 2 GiB."""

GRAPH = onnx.ModelProto.GRAPH_FIELD_NUMBER
INITIALIZER = onnx.GraphProto.INITIALIZER_FIELD_NUMBER
RAW_DATA = onnx.TensorProto.RAW_DATA_FIELD_NUMBER


def write_file(draft: Draft, path: Path) -> None:
    """Write the structure and the large weights into one file.

    Args:
        draft: the graph; it has no weights any more afterwards.
        path: to write.

    Raises:
        OSError: it can't be written.

    Source: Protocol Buffers, encoding: a message in a message is its tag, its length and its bytes, and its fields
    may stand in any order.
    """
    inputs_only(draft)
    rest, graph = onnx.ModelProto(), draft.graph.SerializeToString()
    rest.CopyFrom(draft.model)
    rest.ClearField("graph")
    heads = {name: _head(name, value) for name, value in draft.weights.items()}
    lengths = {name: len(head) + draft.weights[name].nbytes for name, head in heads.items()}
    weights = sum(len(_tag(INITIALIZER, length)) + length for length in lengths.values())
    with path.open("wb") as file:
        file.write(rest.SerializeToString())
        file.write(_tag(GRAPH, len(graph) + weights))
        file.write(graph)
        for name in list(draft.weights):
            file.write(_tag(INITIALIZER, lengths[name]) + heads[name])
            _write_values(file, draft.weights.pop(name))


def _head(name: str, value: Array) -> bytes:
    """Return a tensor's message but for its values, which come last."""
    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype.newbyteorder("="))
    message: bytes = TensorProto(name=name, data_type=kind, dims=value.shape).SerializeToString()
    return message + _tag(RAW_DATA, value.nbytes)


def _write_values(file: BinaryIO, value: Array) -> None:
    little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    file.write(little.reshape(-1).view(np.uint8).data)


def _tag(field: int, length: int) -> bytes:
    """Return what stands before a field of bytes: its number, that a length follows (type 2), the length."""
    return _varint(field << 3 | 2) + _varint(length)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
