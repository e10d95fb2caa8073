"""Classes of very unequal size: weights by which all count alike."""

import numpy as np
from numpy.typing import NDArray

UNEQUAL = 3.0
"""Ratio of the largest class to the smallest above which classes are weighed unless the user says otherwise.

Our choice: below it a class is seen often enough, and weights only add noise to the small ones."""


def imbalance(labels: NDArray[np.int64]) -> float:
    """Return the ratio of the largest class to the smallest of those that occur.

    Args:
        labels: int64 [N].
    """
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    return float(counts.max() / counts.min())


def class_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Weigh classes by the inverse of how often they occur, so that the mean over the pictures is 1.

    Args:
        labels: int64 [N].
        classes: how many there are; one that doesn't occur gets 0.

    Returns:
        float32 [classes].

    Source: King and Zeng, Logistic regression in rare events data (2001), section 4.1; scikit-learn's "balanced".
    """
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    present = counts > 0
    weights = np.zeros(classes)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights.astype(np.float32)
