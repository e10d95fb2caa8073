"""Quantise a finished float32 graph to int8: static, calibrated on pictures, uint8 activations, int8 weights."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx

from toolkit.errors import ExportError
from toolkit.export.graph.block_columns import SUFFIX
from toolkit.export.graph.draft import Draft, assemble
from toolkit.export.graph.mirror import MIRROR
from toolkit.export.precision.layers import Layer, fast_layers, tensors_to_calibrate
from toolkit.export.precision.layout import laid_out
from toolkit.export.precision.quantizer import Quantizer
from toolkit.export.precision.ranges import Method, calibrate, histograms, ranges_of
from toolkit.export.precision.running import probabilities
from toolkit.export.precision.scales import Range, Scale, activation_scale, weight_limit
from toolkit.export.step import apply, broken
from toolkit.machine.features import SAFE_BITS
from toolkit.models.onnx_file import opset_of
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.wording import count

WHERE = "--precision int8"
LOWEST_OPSET = 13  # DequantizeLinear with one scale per channel
TRIAL = 4  # pictures that a finished graph must answer before it counts as one


@dataclass(frozen=True)
class Calibrated:
    """A float32 model with what is known about its tensors.

    Args:
        model: our finished float32 graph.
        layers: that can run in int8, in the order of the graph.
        ranges: of its tensors on the calibration pictures, by name.
        trial_nhwc: a few of the pictures, uint8 [N, height, width, channels].
        limit: largest stored weight.
        method: how the ranges were found.
        per_channel: whether each channel's weights have a scale of their own.
        mirror: whether its int8 forms give the mean of each picture and its mirror image, as the file will.
    """

    model: onnx.ModelProto
    layers: tuple[Layer, ...]
    ranges: dict[str, Range]
    trial_nhwc: Pixels
    limit: int
    method: Method = Method.MINMAX
    per_channel: bool = True
    mirror: bool = False

    def int8(self, keep_float: Collection[str] = ()) -> onnx.ModelProto:
        """Write the int8 form.

        Args:
            keep_float: names of layers (or of other nodes) that stay in float32.

        Returns:
            A new model; ONNX's full check passes, and ONNX Runtime has run it.

        Raises:
            ExportError: it is broken, or its answers are not finite.
            ModelError: ONNX Runtime can't load it.
        """
        draft = laid_out(self.model, keep_float)
        Quantizer(
            draft, self._scale_of, keep_float=keep_float, limit=self.limit, per_channel=self.per_channel
        ).run()
        return _proven(draft, self.trial_nhwc, mirror=self.mirror)

    def _scale_of(self, name: str) -> Scale:
        return activation_scale(self.ranges[name.removesuffix(SUFFIX)])


def calibrated(
    model: onnx.ModelProto,
    images_nhwc: Pixels,
    *,
    method: Method = Method.MINMAX,
    weight_bits: int = SAFE_BITS,
    mirror: bool = False,
    observer: Observer = SILENT,
) -> Calibrated:
    """Run a float32 model on calibration pictures.

    Args:
        model: our finished float32 graph; not changed.
        images_nhwc: uint8 [N, height, width, channels], N >= 1, at the model's size.
        method: how ranges are found.
        weight_bits: of a stored weight, its sign included: 7, or 8 for processors that don't cut off sums.
        mirror: see `Calibrated`; ranges are from the pictures as they are.
        observer: told how many pictures are done.

    Raises:
        ExportError: no picture, an opset without the operators, no layer to quantise, or values that are not
            finite.
        ModelError: ONNX Runtime can't run the model.
    """
    _check(model, images_nhwc)
    layers = fast_layers(laid_out(model))
    if not layers:
        raise ExportError(
            "it has no convolution or dense layer that int8 could speed up",
            where=WHERE,
            remedy="use --precision fp32",
        )
    draft = _unblocked(model, layers)
    observer.step(f"Calibrating on {count(len(images_nhwc), 'picture')}")
    ranges = calibrate(draft, tensors_to_calibrate(draft), images_nhwc, method=method, observer=observer)
    limit = weight_limit(weight_bits)
    return Calibrated(model, layers, ranges, images_nhwc[:TRIAL], limit, method, mirror=mirror)


def with_other_ranges(
    found: Calibrated, images_nhwc: Pixels, methods: Sequence[Method], observer: Observer = SILENT
) -> list[Calibrated]:
    """Find the ranges of a calibrated model in other ways, all from one look at the pictures.

    Args:
        found: the model.
        images_nhwc: uint8 [N, height, width, channels], N >= 1, at the model's size.
        methods: how ranges are found.
        observer: told how many pictures are done.

    Returns:
        The calibrated model for each method.
    """
    draft = _unblocked(found.model, found.layers)
    counted = histograms(draft, tensors_to_calibrate(draft), images_nhwc, observer=observer)
    return [replace(found, ranges=ranges_of(counted, method), method=method) for method in methods]


def _unblocked(model: onnx.ModelProto, layers: Sequence[Layer]) -> Draft:
    """Lay a model out without blocks of columns: the same ranges, and fewer products in float32."""
    return laid_out(model, keep_float=[layer.name for layer in layers])


def _check(model: onnx.ModelProto, images_nhwc: Pixels) -> None:
    if not len(images_nhwc):
        raise ExportError(
            "there is no picture to calibrate on",
            where=WHERE,
            remedy="give at least one; 500 are a good number",
        )
    opset = opset_of(model)
    if opset < LOWEST_OPSET:
        raise ExportError(
            f"opset {opset} can't hold one scale per channel",
            where=WHERE,
            remedy=f"export with --opset {LOWEST_OPSET} or above",
        )


def _proven(draft: Draft, trial_nhwc: Pixels, *, mirror: bool) -> onnx.ModelProto:
    """Check a finished draft, run it, and make it a model."""
    fault = broken(draft)
    if fault is not None:
        raise ExportError(
            f"the int8 graph is broken: {fault[:300]}",
            where=WHERE,
            remedy="report the model's layers with this message; --precision fp32 works",
        )
    model = assemble(apply(draft, [MIRROR] if mirror else []))
    if not np.isfinite(probabilities(model, trial_nhwc)).all():
        raise ExportError(
            "the int8 model gives answers that are not finite",
            where=WHERE,
            remedy="use --precision fp32, and report the model",
        )
    return model
