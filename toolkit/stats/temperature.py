"""Temperature scaling: one number that makes a classifier's probabilities mean what they say."""

import numpy as np
from numpy.typing import NDArray

SMALLEST, LARGEST = 0.05, 20.0
STEPS = 200
GOLDEN = (5**0.5 - 1) / 2
CLOSE = 1e-6  # of the logarithm of the temperature


def loss_at(logits: NDArray[np.floating], truth: NDArray[np.int64], temperature: float) -> float:
    """Compute the mean cross-entropy of softmax(logits / temperature), nats.

    Args:
        logits: [N, classes]; logarithms of probabilities serve as well.
        truth: int64 [N].
        temperature: above 0; more than 1 makes the probabilities more alike.

    Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599, section 4.2.
    """
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    picked = scaled[np.arange(len(truth)), truth]
    return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - picked))


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """Find the temperature with the least cross-entropy; the most probable class stays the same.

    The loss has one minimum, since it is convex in 1 / temperature; a golden-section search over the logarithm
    of the temperature finds it.

    Args:
        logits: [N, classes], N >= 1, finite; logarithms of probabilities serve as well.
        truth: int64 [N], of pictures that the network was not trained on.

    Returns:
        From 0.05 to 20; very small where every picture is right.

    Source: Guo et al., arXiv:1706.04599, section 4.2 (temperature scaling); Kiefer, "Sequential minimax search for a
    maximum", 1953 (golden section).
    """
    low, high = float(np.log(SMALLEST)), float(np.log(LARGEST))

    def loss(place: float) -> float:
        return loss_at(logits, truth, float(np.exp(place)))

    inner, outer = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_inner, at_outer = loss(inner), loss(outer)
    for _ in range(STEPS):
        if high - low < CLOSE:
            break
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - GOLDEN * (high - low)
            at_inner = loss(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + GOLDEN * (high - low)
            at_outer = loss(outer)
    return float(np.exp((low + high) / 2))
