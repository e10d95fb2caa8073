"""Softmax, top-k, accuracy, per-class figures, confusion matrix, calibration error."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


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
