"""Probabilities and truth -> every figure of an evaluation."""

import numpy as np
from numpy.typing import NDArray

from toolkit.evaluate.result import Metrics
from toolkit.stats.classification import (
    calibration,
    class_figures,
    confusion_matrix,
    cross_entropy,
    top_k_accuracy,
    wilson_interval,
)


def measure(probabilities: NDArray[np.float32], truth: NDArray[np.int64], *, top_k: int) -> Metrics:
    """Compute every figure of an evaluation.

    Args:
        probabilities: float32 [N, classes], N >= 1, finite.
        truth: int64 [N], class indices in model order.
        top_k: 1 or more; more than there are classes means all of them.
    """
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    right = int((predicted == truth).sum())
    share = wilson_interval(right, len(truth))
    confusion = confusion_matrix(truth, predicted, classes)
    figures = class_figures(confusion)
    calibrated = calibration(probabilities, truth)
    k = min(top_k, classes)
    return Metrics(
        accuracy=share.value,
        accuracy_ci95=(share.low, share.high),
        right=right,
        top_k=k,
        top_k_accuracy=top_k_accuracy(probabilities, truth, k),
        loss=cross_entropy(probabilities, truth),
        calibration_error=calibrated.error,
        bin_count=calibrated.count,
        bin_confidence=calibrated.confidence,
        bin_accuracy=calibrated.accuracy,
        confusion=confusion,
        precision=figures.precision,
        recall=figures.recall,
        f1=figures.f1,
        support=figures.support,
    )
