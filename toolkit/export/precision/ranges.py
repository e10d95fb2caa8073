"""What values each tensor takes on the calibration pictures, in memory that doesn't grow with their number."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from toolkit.errors import ExportError
from toolkit.export.graph.draft import Draft
from toolkit.export.precision.running import values
from toolkit.export.precision.scales import Range
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels

Floats = NDArray[np.float32]

CHUNK = 64  # pictures at once
CHUNK_PIXELS = 2**18
"""Pixels at once: 64 pictures of 32x32, 5 of 224x224, so that the activations of a large network stay small."""
CHUNK_BYTES = 2**26
"""Values kept at once where whole tensors are looked at, bytes; of one picture at least."""

BINS = 4_096
LEAST = 1e-30  # smallest limit of a histogram: bins must be numbers that float32 tells apart
PERCENTILE = 99.999
"""Share of values that a range keeps, in percent. Source: the default of onnxruntime.quantization."""


class Method(StrEnum):
    """How a range is found from the values."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"


class Histogram:
    """Counts of values around zero whose limits grow with the data: bins are joined in pairs, none is lost.

    Args:
        bins: how many; a multiple of 4.
    """

    def __init__(self, bins: int = BINS) -> None:
        self.counts = np.zeros(bins, np.int64)
        self.limit = 0.0

    def add(self, data: Floats) -> None:
        """Count values, any shape; all finite."""
        largest = float(np.abs(data).max(initial=0.0))
        if not self.limit and largest:
            self.limit = max(largest, LEAST)
        while self.limit and largest > self.limit:
            self._double()
        if not self.limit:  # nothing but zeros so far: they belong to the middle
            self.counts[len(self.counts) // 2] += data.size
            return
        counts, _ = np.histogram(data, bins=len(self.counts), range=(-self.limit, self.limit))
        self.counts += counts

    def range(self, percent: float = PERCENTILE) -> Range:
        """Return the range that holds a share of the values, the rest cut off equally at both ends, percent."""
        total = self.counts.sum()
        if not total or not self.limit:
            return Range(0.0, 0.0)
        cut = total * (100 - percent) / 200
        reached = np.cumsum(self.counts)
        first = int(np.searchsorted(reached, cut, side="right"))
        last = int(np.searchsorted(reached, total - cut, side="left"))
        width = 2 * self.limit / len(self.counts)
        return Range(-self.limit + first * width, -self.limit + (last + 1) * width)

    def _double(self) -> None:
        joined = self.counts.reshape(-1, 2).sum(axis=1)
        quarter = len(self.counts) // 4
        self.counts = np.concatenate([np.zeros(quarter, np.int64), joined, np.zeros(quarter, np.int64)])
        self.limit *= 2


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
        method: MINMAX keeps every value, PERCENTILE cuts the rarest off.
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
        found = _min_max(draft, wanted, images_nhwc, observer)
    else:
        found = _percentile(draft, wanted, images_nhwc, observer)
    for name, span in found.items():
        if not np.isfinite([span.low, span.high]).all():
            raise ExportError(
                f"the values of '{name}' are not finite on the calibration pictures",
                where="calibration",
                remedy="check the model with: toolkit verify; int8 needs finite values",
            )
    return found


def _min_max(draft: Draft, names: list[str], images_nhwc: Pixels, observer: Observer) -> dict[str, Range]:
    probe = _copy(draft)
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


def _percentile(draft: Draft, names: list[str], images_nhwc: Pixels, observer: Observer) -> dict[str, Range]:
    probe = _copy(draft)
    _expose(probe, names)
    histograms = {name: Histogram() for name in names}
    one = next(values(probe, names, images_nhwc[:1], 1))
    size = max(1, min(CHUNK, CHUNK_BYTES // max(1, sum(part.nbytes for part in one))))
    for parts in _told(values(probe, names, images_nhwc, size), images_nhwc, size, observer):
        for name, part in zip(names, parts, strict=True):
            if not np.isfinite(part).all():
                return {name: Range(-np.inf, np.inf)}
            histograms[name].add(part.astype(np.float32, copy=False))
    return {name: histogram.range() for name, histogram in histograms.items()}


def _copy(draft: Draft) -> Draft:
    """Copy the structure of a draft; the weights are shared."""
    structure = onnx.ModelProto()
    structure.CopyFrom(draft.model)
    return Draft(structure, dict(draft.weights))


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
