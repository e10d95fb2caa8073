"""What can be asked of `toolkit export`."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.machine.features import ALL_BITS, SAFE_BITS, int8_sums_saturate
from toolkit.ranges import MOST_PICTURES, at_least, held_at_once, share


class Precision(StrEnum):
    """Number format of weights and arithmetic."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    AUTO = "auto"


CALIBRATION_SAMPLES = 512
LEAST_CALIBRATION_SAMPLES = 3  # with a third as many held out: one


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Options of an export.

    Args:
        model: KERAS_MODEL argument, or an .onnx file from elsewhere.
        output: the .onnx file.
        precision: of weights and arithmetic; auto measures candidates and keeps the fastest that agrees.
        calibration: DATA that int8 takes its ranges from.
        calibration_samples: pictures of it to use, None means 512; a third as many are held out to choose by, and to
            verify on where nothing else is given.
        weight_bits: of int8 weights: 7, which every processor computes exactly, or 8, which x86 without VNNI doesn't
            and so can't export either.
        opset: None means the one that opset.py chooses.
        batch: fixed batch size, or None for a dynamic one.
        labels_file: class names, for a model that carries none.
        normalize: range of values that the model expects, where it has no layer that scales pixels.
        resize: how pictures were brought to size in training.
        mirror: give the mean of each picture's answer and that of its mirror image.
        output_name: the output with the classes, for a model that has several.
        from_logits: the output is logits (True) or probabilities (False); None finds it out.
        custom_objects: module with the classes of the model's own.
        allow_code: run Python code that a Keras file carries.
        verify: DATA to verify on; None means generated pictures, for int8 some held out of the calibration.
        limit: pictures of it to use; None means all.
        tolerance: gate: largest difference of a probability; None means: no more than rounding
            explains, as a check.
        min_agreement: gate: least share of pictures with the same top-1 class; None means no gate, but an fp16 or
            int8 form that comes below 0.98 is a failure.
        skip_broken: leave broken pictures of --calibration and --verify out instead of stopping.
        data_name: what to call the data of --verify in records.
        force: replace an output that exists already.
    """

    model: str
    output: Path
    precision: Precision = Precision.FP32
    calibration: str | None = None
    calibration_samples: int | None = None
    weight_bits: int = SAFE_BITS
    opset: int | None = None
    batch: int | None = None
    labels_file: Path | None = None
    normalize: str | None = None
    resize: str | None = None
    mirror: bool = False
    output_name: str | None = None
    from_logits: bool | None = None
    custom_objects: str | None = None
    allow_code: bool = False
    verify: str | None = None
    limit: int | None = None
    tolerance: float | None = None
    min_agreement: float | None = None
    skip_broken: bool = False
    data_name: str | None = None
    force: bool = False

    def __post_init__(self) -> None:
        at_least(self.calibration_samples, LEAST_CALIBRATION_SAMPLES, "--calibration-samples")
        if self.calibration_samples is not None and self.calibration is None:
            raise UsageError(
                "it counts the pictures of --calibration, which isn't given",
                where="--calibration-samples",
                remedy="leave it out, or add --calibration DATA",
            )
        self._check_weight_bits()
        if self.calibration is None and self.precision in (Precision.INT8, Precision.AUTO):
            raise UsageError(
                f"--precision {self.precision} needs pictures to calibrate on",
                where="toolkit export",
                remedy="add --calibration DATA, pictures as the model will see them, best its training data",
            )
        if self.calibration is not None and self.precision is Precision.FP32:
            raise UsageError(
                "fp32 needs no calibration",
                where="--calibration",
                remedy="leave it out, or add --precision int8",
            )
        if self.output.suffix.lower() != ".onnx":
            raise UsageError(
                f"'{self.output.name}' does not end in .onnx",
                where="-o",
                remedy="give the output a name with .onnx",
            )
        held_at_once(self.batch, MOST_PICTURES, "--batch")
        if self.batch is not None and self.mirror:
            raise UsageError(
                "it runs two pictures for one, which a fixed batch size leaves no room for",
                where="--mirror",
                remedy="leave --batch out",
            )
        at_least(self.tolerance, 0, "--tolerance")
        share(self.min_agreement, "--min-agreement")
        at_least(self.limit, 1, "--limit")
        if self.limit is not None and not self.verify:
            raise UsageError(
                "it limits the pictures of --verify, which isn't given",
                where="--limit",
                remedy="leave it out, or add --verify DATA",
            )

    def _check_weight_bits(self) -> None:
        where = "--weight-bits"
        if self.weight_bits not in (SAFE_BITS, ALL_BITS):
            raise UsageError(
                f"{self.weight_bits} is out of range", where=where, remedy=f"use {SAFE_BITS} or {ALL_BITS}"
            )
        if self.weight_bits == SAFE_BITS:
            return
        if self.precision not in (Precision.INT8, Precision.AUTO):
            raise UsageError(
                f"--precision {self.precision} has no such weights",
                where=where,
                remedy="leave it out, or add --precision int8",
            )
        if int8_sums_saturate():
            raise UsageError(
                "this processor has no dot product of bytes (VNNI) and would cut off the sums by which the result is"
                " judged",
                where=where,
                remedy=f"export on one that has, or use {SAFE_BITS}, which is exact everywhere",
            )
