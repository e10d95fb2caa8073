"""From the float32 graph to the precision that was asked for, with what it cost and what it brought."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from toolkit.errors import UsageError
from toolkit.export.calibration import Calibration, load_calibration
from toolkit.export.graph.interface import fixed_batch
from toolkit.export.graph.mirror import mirrored
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.pictures import VerificationPictures, generated_pictures, held_out_pictures
from toolkit.export.precision.auto import FP32, Choice, choose
from toolkit.export.precision.fp16 import check_range, convert_fp16
from toolkit.export.precision.running import as_file
from toolkit.export.precision.sensitivity import MIN_AGREEMENT, quantize_until
from toolkit.export.precision.stored import stored_precision
from toolkit.export.precision.ways import Way
from toolkit.export.source import Source
from toolkit.models.mirror import MIRROR_KEY
from toolkit.observer import Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.runtime.race import race


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """A model in the precision that was asked for.

    Args:
        model: the graph as it is to be written, mirrored where that was asked for.
        precision: what it is: fp32, fp16 or int8.
        kept_float: layers of an int8 model that stayed in float32.
        seconds: a run of one picture on one thread here; None where it wasn't measured.
        fp32_seconds: the same of the float32 graph, in the same run.
        calibrated_on: what the ranges are from, in words; empty where there are none.
        candidates: what `auto` tried, fastest first.
        ways: of finding ranges and scaling weights that were tried, all layers in int8.
        weight_bits: of the quantised weights, sign included; None where there are none.
        skipped: (path, reason) of broken pictures of the calibration that were left out.
        held_out: pictures of the calibration to verify on; None but for int8.
        others: what `auto` would keep instead, best first, where this one doesn't agree with the source after all.
    """

    model: onnx.ModelProto
    precision: str
    kept_float: tuple[str, ...] = ()
    seconds: float | None = None
    fp32_seconds: float | None = None
    calibrated_on: str = ""
    candidates: tuple[dict[str, Any], ...] = ()
    ways: tuple[Way, ...] = ()
    weight_bits: int | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    held_out: VerificationPictures | None = None
    others: "tuple[Reduced, ...]" = ()

    def to_document(self) -> dict[str, Any]:
        """Return what was found as JSON values."""
        return {
            "kept_float": list(self.kept_float),
            "seconds": self.seconds,
            "fp32_seconds": self.fp32_seconds,
            "calibrated_on": self.calibrated_on,
            "candidates": list(self.candidates),
            "ways": [way.to_document() for way in self.ways],
            "weight_bits": self.weight_bits,
        }

    def to_metadata(self) -> dict[str, str]:
        """Return what the file says about its numbers; nothing for one without int8."""
        if self.weight_bits is None:
            return {}
        way = next(way for way in self.ways if way.chosen)
        quantization = {
            "calibrated_on": self.calibrated_on,
            "ranges": way.method.value,
            "weights": way.weights,
            "kept_float": list(self.kept_float),
        }
        return {
            "quantization": json.dumps(quantization, ensure_ascii=False),
            "weight_bits": str(self.weight_bits),
        }


def reduce(model: onnx.ModelProto, source: Source, options: ExportOptions, observer: Observer) -> Reduced:
    """Bring a finished float32 graph to the precision that was asked for.

    Args:
        model: the float32 graph with its metadata; not changed.
        source: what it was made from.
        options: the precision, the calibration and the agreement.
        observer: told the steps.

    Raises:
        UsageError: too few pictures to calibrate on, or the model isn't in float32 any more.
        DataError: they can't be loaded.
        ExportError: values overflow half precision, or no layer can be quantised within the agreement.
        AgreementMissed: the same, where the user set the agreement.
    """
    _refuse_reduced(model, source, options)
    if options.precision is Precision.FP16:
        return _fp16(model, source, options, observer)
    pictures = load_calibration(source, options, observer)
    way = _int8 if options.precision is Precision.INT8 else _auto
    return way(model, pictures, options, observer)


def _refuse_reduced(model: onnx.ModelProto, source: Source, options: ExportOptions) -> None:
    """Refuse a model that can't be brought to another precision any more."""
    stored = stored_precision(model.graph)
    if stored not in (Precision.FP32, options.precision) or stored == Precision.INT8:
        raise UsageError(
            f"the model is in {stored} already, and its float32 numbers are gone",
            where=f"--precision {options.precision}",
            remedy="export the model that it was made from, or leave the option out to keep it as it is",
        )
    if MIRROR_KEY in source.kept:
        raise UsageError(
            "the file takes the mean of mirror images already, behind which its layers can't be brought to another"
            " precision",
            where=f"--precision {options.precision}",
            remedy="export the model that it was made from, with --mirror",
        )


def _int8(
    model: onnx.ModelProto, pictures: Calibration, options: ExportOptions, observer: Observer
) -> Reduced:
    reduced, report = quantize_until(
        model,
        pictures.images_nhwc,
        pictures.held_out_nhwc,
        options.min_agreement,
        observer,
        weight_bits=options.weight_bits,
        mirror=options.mirror,
    )
    found = Reduced(
        model=reduced,
        precision=Precision.INT8.value,
        kept_float=report.kept,
        calibrated_on=pictures.words,
        ways=report.ways,
        weight_bits=_bits(report.limit),
        skipped=pictures.skipped,
        held_out=held_out_pictures(pictures),
    )
    return _timed(found, model, pictures.images_nhwc[:1], options)


def _auto(
    model: onnx.ModelProto, pictures: Calibration, options: ExportOptions, observer: Observer
) -> Reduced:
    choice = choose(
        model,
        pictures.images_nhwc,
        pictures.held_out_nhwc,
        MIN_AGREEMENT if options.min_agreement is None else options.min_agreement,
        lambda models: _race(models, pictures.images_nhwc[:1]),
        observer,
        weight_bits=options.weight_bits,
        mirror=options.mirror,
    )
    held_out = held_out_pictures(pictures)
    first, *others = (_kept(choice, place, pictures, held_out) for place in range(len(choice.fitting)))
    return replace(first, others=tuple(others))


def _kept(choice: Choice, place: int, pictures: Calibration, held_out: VerificationPictures) -> Reduced:
    """Describe one of those that may be kept, where the better ones turned out not to agree."""
    tried = {candidate.name: candidate for candidate in choice.candidates}
    (*refused, name), model = [each for each, _ in choice.fitting[: place + 1]], choice.fitting[place][1]
    marked = (
        replace(each, chosen=each.name == name, agrees=each.agrees and each.name not in refused)
        for each in choice.candidates
    )
    is_fp32 = name == FP32
    return Reduced(
        model=model,
        precision=Precision.FP32.value if is_fp32 else Precision.INT8.value,
        kept_float=tried[name].kept,
        seconds=tried[name].seconds,
        fp32_seconds=tried[FP32].seconds,
        calibrated_on=pictures.words if choice.ways else "",
        candidates=tuple(each.to_document() for each in marked),
        ways=choice.ways,
        weight_bits=None if is_fp32 else _bits(choice.limit),
        skipped=pictures.skipped,
        held_out=None if is_fp32 else held_out,
    )


def _bits(limit: int) -> int:
    """Return how many bits a stored weight of at most `limit` takes, its sign included."""
    return limit.bit_length() + 1


def _fp16(model: onnx.ModelProto, source: Source, options: ExportOptions, observer: Observer) -> Reduced:
    skipped: tuple[tuple[str, str], ...] = ()
    if options.calibration is None:
        images = generated_pictures(*source.predictor.input_size)
    else:
        pictures = load_calibration(source, options, observer)
        images, skipped = pictures.images_nhwc, pictures.skipped
    check_range(model, images, observer)
    observer.notice(
        "fp16 halves the file; the CPU execution provider computes it in float32 and gains nothing"
    )
    reduced = mirrored(convert_fp16(model), options.mirror)
    found = Reduced(model=reduced, precision=Precision.FP16.value, skipped=skipped)
    return _timed(found, model, images[:1], options)


def _timed(found: Reduced, fp32: onnx.ModelProto, one: Pixels, options: ExportOptions) -> Reduced:
    before, after = _race([mirrored(fp32, options.mirror), found.model], one)
    return replace(found, seconds=after, fp32_seconds=before)


def _race(models: Sequence[onnx.ModelProto], one: Pixels) -> list[float]:
    batch = np.repeat(one, fixed_batch(models[0].graph.input[0]) or 1, axis=0)
    with ExitStack() as stack:
        return race([stack.enter_context(as_file(model)) for model in models], batch)
