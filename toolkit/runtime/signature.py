"""Inputs and outputs of a model: name, dtype, layout, size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from toolkit.errors import ModelError
from toolkit.wording import typed

DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
}
CHANNEL_COUNTS = (1, 3)


class TensorInfo(Protocol):
    """What ONNX Runtime tells of an input or output."""

    name: str
    type: str
    shape: Sequence[int | str | None]


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What goes into a classifier and what comes out.

    Args:
        input_name: of its one input.
        dtype: numpy name of the input's type.
        layout: "NHWC" or "NCHW".
        batch: the fixed batch size, or None where any is taken.
        height: pixels, or None where any is taken.
        width: pixels, or None where any is taken.
        channels: 1 or 3.
        output_name: of the output with the classes.
        classes: how many, or None where the file doesn't say.
    """

    input_name: str
    dtype: str
    layout: str
    batch: int | None
    height: int | None
    width: int | None
    channels: int
    output_name: str
    classes: int | None


def read_signature(
    inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], where: object, wanted: str | None = None
) -> Signature:
    """Read a classifier's signature from its inputs and outputs.

    Args:
        inputs: as ONNX Runtime lists them, without initialisers.
        outputs: as ONNX Runtime lists them.
        where: the file, for errors.
        wanted: name of the output with the classes; None where there is one only.

    Raises:
        ModelError: it isn't an image classifier: not one input of four dimensions, no channel axis, a
            type that pictures can't have, or no output of [N, classes]; or it has several of them and none was
            chosen.
    """
    if len(inputs) != 1:
        raise _not_a_classifier(f"it has {len(inputs)} inputs instead of one picture", where)
    image = inputs[0]
    if len(image.shape) != 4:
        raise _not_a_classifier(f"its input has {len(image.shape)} dimensions instead of four", where)
    if image.type not in DTYPES:
        raise _not_a_classifier(f"its input is {image.type}", where)
    layout = _layout(image.shape, where)
    height, width, channels = (1, 2, 3) if layout == "NHWC" else (2, 3, 1)
    output = _class_output(outputs, where, wanted)
    return Signature(
        input_name=image.name,
        dtype=DTYPES[image.type],
        layout=layout,
        batch=_fixed(image.shape[0]),
        height=_fixed(image.shape[height]),
        width=_fixed(image.shape[width]),
        channels=_fixed(image.shape[channels]) or 0,
        output_name=output.name,
        classes=_fixed(output.shape[1]),
    )


def _layout(shape: Sequence[int | str | None], where: object) -> str:
    last, first = shape[3] in CHANNEL_COUNTS, shape[1] in CHANNEL_COUNTS
    if last and first and shape[1] != shape[3]:
        # A strip of one or three pixels; three channels on one side only settles it.
        return "NHWC" if shape[3] == 3 else "NCHW"
    if last:
        return "NHWC"
    if first:
        return "NCHW"
    raise _not_a_classifier(f"no axis of its input {list(shape)} has 1 or 3 channels", where)


def _class_output(outputs: Sequence[TensorInfo], where: object, wanted: str | None) -> TensorInfo:
    found = {output.name: output for output in outputs if _may_be_classes(output)}
    if not found:
        shapes = ", ".join(str(list(o.shape)) for o in outputs)
        raise _not_a_classifier(f"no output has the shape [N, classes], only {shapes}", where)
    names = ", ".join(found)
    if wanted is not None and wanted not in found:
        raise ModelError(
            f"it has no output '{wanted}' of [N, classes]",
            where=where,
            remedy=f"use --output with one of {names}",
        )
    if wanted is None and len(found) > 1:
        raise ModelError(
            f"it has {len(found)} outputs of [N, classes]: {names}",
            where=where,
            remedy=f"export the one with the classes: toolkit export {typed(str(where))} --output NAME -o FILE",
        )
    return found[wanted or names]


def _may_be_classes(output: TensorInfo) -> bool:
    is_flat = len(output.shape) >= 2 and all(extent == 1 for extent in output.shape[2:])
    return is_flat and output.type in DTYPES


def _fixed(extent: int | str | None) -> int | None:
    return extent if isinstance(extent, int) and extent > 0 else None


def _not_a_classifier(reason: str, where: object) -> ModelError:
    return ModelError(
        f"not an image classifier: {reason}",
        where=where,
        remedy="give a model from one picture to class scores",
    )
