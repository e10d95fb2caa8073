"""Temperature scaling: one number that makes a classifier's probabilities mean what they say."""

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = 0.05, 20.0
HALVINGS = 60  # of the interval; 40 would do for float64


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """Find the temperature at which softmax(logits / temperature) has the least cross-entropy.

    The cross-entropy is convex in 1 / temperature; its slope there is the mean of the expected logit less that of the
    true class, and is zero at the minimum. The most probable class stays the same.

    Args:
        logits: floating [N, classes], N >= 1, finite; logarithms of probabilities serve as well.
        truth: int64 [N], of pictures that the network was not trained on.

    Returns:
        From 0.05 to 20; above 1 where the model is too sure, 0.05 where every picture is right.

    Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599, section 4.2.
    """
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)  # against overflow
    true_logits = wide[np.arange(len(truth)), truth]
    low, high = 1 / HIGHEST, 1 / LOWEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        weights = np.exp(wide * middle)
        expected = (weights * wide).sum(axis=1) / weights.sum(axis=1)
        if np.mean(expected - true_logits) > 0:
            high = middle
        else:
            low = middle
    return 2 / (low + high)
