"""Softmax, top-k, accuracy, per-class figures, confusion matrix, calibration error."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Figures = NDArray[np.float64]

SMALLEST_PROBABILITY = 1e-7  # Keras' epsilon: the loss of training; one hopeless answer costs 16.1 nats
CALIBRATION_BINS = 15  # Guo et al. (2017), section 2


@dataclass(frozen=True)
class Proportion:
    """A share with its confidence interval.

    Args:
        value: the share itself, 0 to 1.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassFigures:
    """How well each class is recognised; NaN where a figure isn't defined.

    Args:
        precision: float64 [classes], NaN for a class that was never predicted.
        recall: float64 [classes], NaN for a class without pictures.
        f1: float64 [classes], NaN for a class that is neither in the data nor among the predictions.
        support: int64 [classes], pictures of the class.
    """

    precision: Figures
    recall: Figures
    f1: Figures
    support: Labels


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy, in bins of equal width.

    Args:
        error: the expected calibration error, 0 to 1.
        count: int64 [bins], pictures whose confidence falls into the bin.
        confidence: float64 [bins], their mean confidence; NaN for an empty bin.
        accuracy: float64 [bins], the share of them that is right; NaN for an empty bin.
    """

    error: float
    count: Labels
    confidence: Figures
    accuracy: Figures


def softmax(logits: Floats) -> Floats:
    """Turn logits into probabilities.

    Args:
        logits: float32 [N, classes].

    Returns:
        float32 [N, classes]; each row sums to 1.

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 4.1, with the row's maximum
    taken off first against overflow.
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)


def top_k(probabilities: Floats, k: int) -> tuple[Labels, Floats]:
    """Find the k most probable classes, best first; of equals the lower index comes first.

    Args:
        probabilities: float32 [N, classes].
        k: 1 or more; more than there are classes means all of them.

    Returns:
        (indices int64 [N, k], probabilities float32 [N, k]).

    Source: a stable sort of the negated scores; the tie rule is that of numpy.argmax.
    """
    k = min(k, probabilities.shape[1])
    if k == 1:
        best = probabilities.argmax(axis=1).astype(np.int64)[:, None]
    else:
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k].astype(np.int64)
    return best, np.take_along_axis(probabilities, best, axis=1)


def wilson_interval(successes: int, trials: int, *, level: float = 0.95) -> Proportion:
    """Estimate a share and its confidence interval; it stays inside 0 to 1 and is honest near both ends.

    Args:
        successes: how many went well, 0 to `trials`.
        trials: how many there were, 1 or more.
        level: coverage wanted, between 0 and 1.

    Raises:
        ValueError: no trials, or more successes than trials.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927);
    recommended by Brown, Cai & DasGupta, Interval Estimation for a Binomial Proportion (2001).
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes in {trials} trials")
    share = successes / trials
    z = NormalDist().inv_cdf((1 + level) / 2)
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z * float(np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))) / scale
    # At 0 and at 1 the interval touches the share exactly; rounding must not put the share outside.
    return Proportion(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def top_k_accuracy(probabilities: Floats, truth: Labels, k: int) -> float:
    """Compute the share of pictures whose class is among the k most probable.

    Args:
        probabilities: float32 [N, classes], N >= 1.
        truth: int64 [N], class indices.
        k: 1 or more; more than there are classes means all of them.

    Returns:
        0 to 1.

    Source: Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge (2015), section 4.1 (as the
    complement of the top-5 error); ties are broken as in `top_k`.
    """
    best, _ = top_k(probabilities, k)
    return float((best == truth[:, None]).any(axis=1).mean())


def cross_entropy(probabilities: Floats, truth: Labels) -> float:
    """Compute the mean cross-entropy loss in nats.

    A probability below 1e-7 counts as 1e-7 (Keras' epsilon), so that one answer of zero doesn't make the mean
    infinite.

    Args:
        probabilities: float32 [N, classes], N >= 1.
        truth: int64 [N], class indices.

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.2.2.2.
    """
    of_truth = np.take_along_axis(probabilities, truth[:, None], axis=1).astype(np.float64)
    # Subtracted from zero: the negative of a mean of zero would be written as -0.
    return float(0.0 - np.log(np.clip(of_truth, SMALLEST_PROBABILITY, 1.0)).mean())


def confusion_matrix(truth: Labels, predicted: Labels, classes: int) -> Labels:
    """Count how often each class was taken for which.

    Args:
        truth: int64 [N], class indices.
        predicted: int64 [N], class indices.
        classes: how many there are.

    Returns:
        int64 [classes, classes]; rows are the truth, columns the prediction.

    Source: Stehman, Selecting and interpreting measures of thematic classification accuracy (1997).
    """
    pairs = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)


def class_figures(confusion: Labels) -> ClassFigures:
    """Compute precision, recall, F1 and support of each class.

    Args:
        confusion: int64 [classes, classes]; rows are the truth, columns the prediction.

    Source: van Rijsbergen, Information Retrieval (1979), chapter 7; F1 = 2 TP / (2 TP + FP + FN).
    """
    right = np.diagonal(confusion).astype(np.float64)
    support = confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    return ClassFigures(
        precision=_ratio(right, predicted),
        recall=_ratio(right, support),
        f1=_ratio(2 * right, support + predicted),
        support=np.asarray(support, np.int64),
    )


def calibration(probabilities: Floats, truth: Labels, *, bins: int = CALIBRATION_BINS) -> Calibration:
    """Compare confidence with accuracy: the expected calibration error and the bins it is made of.

    The confidence is the probability of the predicted class. Bin m of M holds confidences above (m - 1)/M up
    to and including m/M; the error is the mean distance between a bin's confidence and its accuracy, each bin
    weighted by its share of the pictures.

    Args:
        probabilities: float32 [N, classes], N >= 1.
        truth: int64 [N], class indices.
        bins: of equal width, 1 or more.

    Source: Guo, Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks (2017), equation 3.
    """
    best, confidence = top_k(probabilities, 1)
    right = (best[:, 0] == truth).astype(np.float64)
    sure = confidence[:, 0].astype(np.float64)
    edges = np.arange(1, bins) / bins
    place = np.searchsorted(edges, sure, side="left")
    count = np.bincount(place, minlength=bins)
    confidence_sum = np.bincount(place, weights=sure, minlength=bins)
    right_sum = np.bincount(place, weights=right, minlength=bins)
    return Calibration(
        error=float(np.abs(confidence_sum - right_sum).sum() / len(truth)),
        count=count.astype(np.int64),
        confidence=_ratio(confidence_sum, count),
        accuracy=_ratio(right_sum, count),
    )


def _ratio(part: NDArray[np.number], whole: NDArray[np.int64]) -> Figures:
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
