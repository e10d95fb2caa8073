"""The logistic function: from a logit to the probability of one label by itself."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def sigmoid(logits: Floats) -> Floats:
    """Compute 1 / (1 + exp(-logit)), each by itself.

    Args:
        logits: float32, any shape [...]; of any size, since only exponentials of numbers below zero are taken.

    Returns:
        float32 of the same shape, 0 to 1.

    Source: the definition of the logistic function.
    """
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small), np.float32)
