"""From the float32 graph to the precision that was asked for, with what it cost and what it brought."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from toolkit.data.resolve import load_split
from toolkit.errors import UsageError
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.pictures import generated_pictures
from toolkit.export.precision.auto import FP32, choose
from toolkit.export.precision.fp16 import check_range, convert_fp16
from toolkit.export.precision.sensitivity import MIN_AGREEMENT, quantize_until
from toolkit.export.source import Source
from toolkit.observer import Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.runtime.race import race

HELD_OUT_SHARE = 4  # a quarter of the pictures is held out of the calibration


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """A model in the precision that was asked for.

    Args:
        model: the graph.
        precision: what it is: fp32, fp16 or int8.
        kept_float: layers of an int8 model that stayed in float32.
        seconds: a run of one picture on one thread here; None where it wasn't measured.
        fp32_seconds: the same of the float32 graph, in the same run.
        calibrated_on: what the ranges are from, in words; empty where there are none.
        candidates: what `auto` tried, fastest first.
    """

    model: onnx.ModelProto
    precision: str
    kept_float: tuple[str, ...] = ()
    seconds: float | None = None
    fp32_seconds: float | None = None
    calibrated_on: str = ""
    candidates: tuple[dict[str, Any], ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return what was found as JSON values."""
        return {
            "kept_float": list(self.kept_float),
            "seconds": self.seconds,
            "fp32_seconds": self.fp32_seconds,
            "calibrated_on": self.calibrated_on,
            "candidates": list(self.candidates),
        }


def least_agreement(options: ExportOptions) -> float:
    """Return the share of pictures on which the result must name the class that the source names."""
    return MIN_AGREEMENT if options.min_agreement is None else options.min_agreement


def reduce(model: onnx.ModelProto, source: Source, options: ExportOptions, observer: Observer) -> Reduced:
    """Bring a finished float32 graph to the precision that was asked for.

    Args:
        model: the float32 graph with its metadata; not changed.
        source: what it was made from.
        options: the precision, the calibration and the agreement.
        observer: told the steps.

    Raises:
        UsageError: int8 or auto without pictures to calibrate on.
        DataError: they can't be loaded.
        ExportError: values overflow half precision, or no layer can be quantised within the agreement.
    """
    if options.precision is Precision.FP16:
        return _fp16(model, source, options, observer)
    calibration, held_out, words = _pictures(source, options, options.calibration or "", observer)
    if options.precision is Precision.INT8:
        reduced, report = quantize_until(model, calibration, held_out, least_agreement(options), observer)
        found = Reduced(
            model=reduced, precision=Precision.INT8.value, kept_float=report.kept, calibrated_on=words
        )
        return _timed(found, model, calibration[:1])
    kept, table = choose(
        model,
        calibration,
        held_out,
        least_agreement(options),
        lambda models: _race(models, calibration[:1]),
        observer,
    )
    (chosen,) = (candidate for candidate in table if candidate.chosen)
    (reference,) = (candidate for candidate in table if candidate.name == FP32)
    return Reduced(
        model=kept,
        precision=Precision.FP32.value if chosen.name == FP32 else Precision.INT8.value,
        kept_float=chosen.kept,
        seconds=chosen.seconds,
        fp32_seconds=reference.seconds,
        calibrated_on=words,
        candidates=tuple(candidate.to_document() for candidate in table),
    )


def _fp16(model: onnx.ModelProto, source: Source, options: ExportOptions, observer: Observer) -> Reduced:
    if options.calibration is None:
        pictures = generated_pictures(*source.predictor.input_size)
    else:
        pictures, _, _ = _pictures(source, options, options.calibration, observer)
    check_range(model, pictures, observer)
    observer.notice(
        "fp16 halves the file; the CPU execution provider computes it in float32 and gains nothing"
    )
    found = Reduced(model=convert_fp16(model), precision=Precision.FP16.value)
    return _timed(found, model, pictures[:1])


def _pictures(
    source: Source, options: ExportOptions, data: str, observer: Observer
) -> tuple[Pixels, Pixels, str]:
    """Load the pictures of the calibration: (to calibrate on, held out, in words)."""
    wanted = options.calibration_samples
    dataset, name = load_split(
        data,
        ("train", "test"),
        image_size=source.predictor.input_size,
        resize=source.resize,
        limit=wanted + wanted // (HELD_OUT_SHARE - 1),
        name=options.data_name,
        observer=observer,
    )
    images = dataset.split(name).images
    order = np.random.default_rng(0).permutation(len(images))  # classes stand together in a folder
    held = max(1, len(images) // HELD_OUT_SHARE)
    if len(images) < HELD_OUT_SHARE:
        raise UsageError(
            f"{len(images)} pictures are too few to calibrate on",
            where="--calibration",
            remedy=f"give {HELD_OUT_SHARE} or more, best some hundred",
        )
    words = f"{len(images) - held:,} pictures ({dataset.name}, {name} split)"
    return images[order[held:]], images[order[:held]], words


def _timed(found: Reduced, fp32: onnx.ModelProto, one: Pixels) -> Reduced:
    before, after = _race([fp32, found.model], one)
    return replace(found, seconds=after, fp32_seconds=before)


def _race(models: Sequence[onnx.ModelProto], one: Pixels) -> list[float]:
    fixed = models[0].graph.input[0].type.tensor_type.shape.dim[0].dim_value
    batch = np.repeat(one, fixed or 1, axis=0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.onnx" for number in range(len(models))]
        for path, model in zip(paths, models, strict=True):
            onnx.save(model, path)
        return race(paths, batch)
