"""What `toolkit evaluate` found."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.stats.confusions import Confusion, most_confused

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """How good a model is.

    Args:
        accuracy: share of pictures whose most probable class is right, 0 to 1.
        accuracy_ci95: its 95 % Wilson interval.
        right: how many pictures that is.
        top_k: the k of `top_k_accuracy`.
        top_k_accuracy: share of pictures whose class is among the k most probable, 0 to 1.
        loss: mean cross-entropy, nats.
        calibration_error: expected calibration error in 15 bins, 0 to 1.
        bin_count: int64 [bins], pictures by confidence.
        bin_confidence: float64 [bins], mean confidence; NaN for an empty bin.
        bin_accuracy: float64 [bins], share that is right; NaN for an empty bin.
        confusion: int64 [classes, classes]; rows are the truth, columns the prediction, in model order.
        precision: float64 [classes]; NaN for a class that was never predicted.
        recall: float64 [classes]; NaN for a class without pictures.
        f1: float64 [classes]; NaN for a class that neither is there nor was predicted.
        support: int64 [classes], pictures of the class.
    """

    accuracy: float
    accuracy_ci95: tuple[float, float]
    right: int
    top_k: int
    top_k_accuracy: float
    loss: float
    calibration_error: float
    bin_count: Counts
    bin_confidence: Floats
    bin_accuracy: Floats
    confusion: Counts
    precision: Floats
    recall: Floats
    f1: Floats
    support: Counts


@dataclass(frozen=True, kw_only=True)
class Example:
    """A picture with what the model says about it.

    Args:
        path: of the picture, or `split[index]` where the data has no paths.
        image_hwc: uint8 [H, W, 3], RGB, as the model saw it.
        truth: class index.
        predicted: class index.
        probabilities: float32 [classes].
    """

    path: str
    image_hwc: NDArray[np.uint8]
    truth: int
    predicted: int
    probabilities: NDArray[np.float32]

    @property
    def right(self) -> bool:
        """Whether the prediction is the truth."""
        return self.truth == self.predicted


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """Accuracy on pictures that were damaged in one way.

    Args:
        kind: such as "JPEG quality".
        level: how much, as a number.
        unit: such as "%"; may be empty.
        severity: place of the level among those of its kind, 1 is the mildest.
        accuracy: share of the pictures that is still recognised, 0 to 1.
        accuracy_ci95: its 95 % Wilson interval.
    """

    kind: str
    level: float
    unit: str
    severity: int
    accuracy: float
    accuracy_ci95: tuple[float, float]

    @property
    def level_text(self) -> str:
        """The level with its unit."""
        return f"{self.level:g} {self.unit}".rstrip()

    def to_document(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {
            "kind": self.kind,
            "level": self.level,
            "unit": self.unit,
            "severity": self.severity,
            "accuracy": self.accuracy,
            "accuracy_ci95": list(self.accuracy_ci95),
        }


@dataclass(frozen=True, kw_only=True)
class EvaluateResult:
    """A model's figures on one split of a data set.

    Args:
        model: how the user called it.
        provider: what ran it: an execution provider, or "Keras".
        labels: class names in model order.
        data: the data set's name.
        data_argument: how the user called it.
        data_sha256: its digest; empty where there is none.
        split: train or test.
        pictures: how many were evaluated.
        skipped: (path, reason) of broken pictures that were left out.
        metrics: the figures.
        examples: right ones first, then wrong ones.
        min_accuracy: the gate; None where none was set.
        output: the folder written; None where none was asked for.
        damaged: accuracy on damaged pictures; None where it wasn't asked for.
        files: what the job wrote into it.
    """

    model: str
    provider: str
    labels: tuple[str, ...]
    data: str
    data_argument: str
    data_sha256: str
    split: str
    pictures: int
    skipped: tuple[tuple[str, str], ...]
    metrics: Metrics
    examples: tuple[Example, ...]
    min_accuracy: float | None = None
    output: Path | None = None
    damaged: tuple[Damaged, ...] | None = None
    files: tuple[Path, ...] = ()

    @property
    def missed_by(self) -> float | None:
        """By how much the accuracy is below the gate; None where it isn't, or where there is no gate."""
        if self.min_accuracy is None or self.metrics.accuracy >= self.min_accuracy:
            return None
        return self.min_accuracy - self.metrics.accuracy

    def most_confused(self, count: int) -> list[Confusion]:
        """Return so many confusions at most; see `stats.confusions`."""
        return most_confused(self.metrics.confusion, count)

    def to_document(self) -> dict[str, Any]:
        """Return the content of `metrics.json`, which is also what --json prints."""
        metrics = self.metrics
        return {
            "model": self.model,
            "provider": self.provider,
            "data": self.data,
            "data_sha256": self.data_sha256,
            "split": self.split,
            "pictures": self.pictures,
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "accuracy": metrics.accuracy,
            "accuracy_ci95": list(metrics.accuracy_ci95),
            "right": metrics.right,
            "top_k": metrics.top_k,
            "top_k_accuracy": metrics.top_k_accuracy,
            "loss": metrics.loss,
            "calibration_error": metrics.calibration_error,
            "calibration": [
                {"count": int(count), "confidence": _number(sure), "accuracy": _number(right)}
                for count, sure, right in zip(
                    metrics.bin_count, metrics.bin_confidence, metrics.bin_accuracy, strict=True
                )
            ],
            "classes": [
                {
                    "label": label,
                    "precision": _number(metrics.precision[i]),
                    "recall": _number(metrics.recall[i]),
                    "f1": _number(metrics.f1[i]),
                    "support": int(metrics.support[i]),
                }
                for i, label in enumerate(self.labels)
            ],
            "confusion": {"labels": list(self.labels), "matrix": metrics.confusion.tolist()},
            "robustness": None if self.damaged is None else [each.to_document() for each in self.damaged],
            "min_accuracy": self.min_accuracy,
            "missed_by": self.missed_by,
        }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
