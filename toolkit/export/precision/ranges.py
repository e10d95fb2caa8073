"""What values each tensor takes on the calibration pictures, in memory that doesn't grow with their number."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from toolkit.errors import ExportError
from toolkit.export.graph.draft import Draft
from toolkit.export.precision.histogram import Histogram
from toolkit.export.precision.running import values
from toolkit.export.precision.scales import Range
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels

CHUNK = 64  # pictures at once
CHUNK_PIXELS = 2**18
"""Pixels at once: 64 pictures of 32x32, 5 of 224x224, so that the activations of a large network stay small."""
CHUNK_BYTES = 2**26
"""Values kept at once where whole tensors are looked at, bytes; of one picture at least."""


class Method(StrEnum):
    """How a range is found from the values."""

    MINMAX = "minmax"  # holds every value
    PERCENTILE = "percentile"  # the rarest are cut off
    ENTROPY = "entropy"  # as many are cut off as bring the steps closest to the values


def calibrate(
    draft: Draft,
    names: Sequence[str],
    images_nhwc: Pixels,
    *,
    method: Method = Method.MINMAX,
    observer: Observer = SILENT,
) -> dict[str, Range]:
    """Find the range of tensors by running the graph on pictures.

    Args:
        draft: the float32 graph; not changed.
        names: of its float32 tensors.
        images_nhwc: uint8 [N, height, width, channels], N >= 1, at the model's size.
        method: how ranges are found.
        observer: told how many pictures are done.

    Returns:
        A range for each name, finite.

    Raises:
        ExportError: a tensor takes values that are not finite.
        ModelError: ONNX Runtime can't run the graph.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    if method is Method.MINMAX:
        return _finite(_min_max(draft, wanted, images_nhwc, observer))
    return ranges_of(histograms(draft, wanted, images_nhwc, observer=observer), method)


def ranges_of(counted: Mapping[str, Histogram], method: Method) -> dict[str, Range]:
    """Read the range of each tensor from its histogram."""
    match method:
        case Method.MINMAX:
            return {name: histogram.whole() for name, histogram in counted.items()}
        case Method.PERCENTILE:
            return {name: histogram.range() for name, histogram in counted.items()}
        case Method.ENTROPY:
            return {name: histogram.entropy_range() for name, histogram in counted.items()}


def histograms(
    draft: Draft, names: Sequence[str], images_nhwc: Pixels, *, observer: Observer = SILENT
) -> dict[str, Histogram]:
    """Count the values of tensors by running the graph on pictures.

    Args:
        draft: the float32 graph; not changed.
        names: of its float32 tensors.
        images_nhwc: uint8 [N, height, width, channels], N >= 1, at the model's size.
        observer: told how many pictures are done.

    Returns:
        A histogram for each name. Memory is that of the histograms, and of the values of a few pictures.

    Raises:
        ExportError: a tensor takes values that are not finite.
        ModelError: ONNX Runtime can't run the graph.
    """
    wanted = list(dict.fromkeys(names))
    probe = draft.copy()
    _expose(probe, wanted)
    counted = {name: Histogram() for name in wanted}
    one = next(values(probe, wanted, images_nhwc[:1], 1))
    size = max(1, min(CHUNK, CHUNK_BYTES // max(1, sum(part.nbytes for part in one))))
    for parts in _told(values(probe, wanted, images_nhwc, size), images_nhwc, size, observer):
        for name, part in zip(wanted, parts, strict=True):
            if not np.isfinite(part).all():
                raise _not_finite(name)
            counted[name].add(part.astype(np.float32, copy=False))
    return counted


def _finite(found: dict[str, Range]) -> dict[str, Range]:
    for name, span in found.items():
        if not np.isfinite([span.low, span.high]).all():
            raise _not_finite(name)
    return found


def _not_finite(name: str) -> ExportError:
    return ExportError(
        f"the values of '{name}' are not finite on the calibration pictures",
        where="calibration",
        remedy="check the model with: toolkit verify; int8 needs finite values",
    )


def _min_max(draft: Draft, names: list[str], images_nhwc: Pixels, observer: Observer) -> dict[str, Range]:
    probe = draft.copy()
    outputs: list[str] = []
    for name in names:
        for kind in ("ReduceMin", "ReduceMax"):
            outputs.append(f"{name}__{kind}")
            probe.graph.node.append(helper.make_node(kind, [name], [outputs[-1]], keepdims=0))
    _expose(probe, outputs)
    height, width = images_nhwc.shape[1:3]
    size = max(1, min(CHUNK, CHUNK_PIXELS // (height * width)))
    lows, highs = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for parts in _told(values(probe, outputs, images_nhwc, size), images_nhwc, size, observer):
        extremes = np.array([float(part) for part in parts]).reshape(-1, 2)
        lows, highs = np.minimum(lows, extremes[:, 0]), np.maximum(highs, extremes[:, 1])
    return {name: Range(float(lows[i]), float(highs[i])) for i, name in enumerate(names)}


def _expose(probe: Draft, names: Sequence[str]) -> None:
    """Make float32 values of a graph its only outputs."""
    del probe.graph.output[:]
    probe.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)


def _told(
    parts: Iterator[list[NDArray[np.generic]]], images_nhwc: Pixels, size: int, observer: Observer
) -> Iterator[list[NDArray[np.generic]]]:
    total = len(images_nhwc)
    for done, part in enumerate(parts, start=1):
        yield part
        observer.progress(min(total, done * size), total, unit="pictures")
