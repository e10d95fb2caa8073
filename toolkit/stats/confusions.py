"""Which classes are taken for which."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Confusion:
    """A class that was taken for another one.

    Args:
        truth: class index.
        predicted: class index.
        count: how often.
        share: of the pictures of the true class, 0 to 1.
    """

    truth: int
    predicted: int
    count: int
    share: float


def most_confused(confusion: NDArray[np.int64], count: int) -> list[Confusion]:
    """Return the most frequent confusions, most frequent first; of equals the earlier classes first.

    Args:
        confusion: int64 [classes, classes]; rows are the truth, columns the prediction.
        count: how many at most.

    Source: Stehman, Selecting and interpreting measures of thematic classification accuracy (1997), for the matrix.
    """
    support = confusion.sum(axis=1)
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = zip(*(places.tolist() for places in np.unravel_index(order, wrong.shape)), strict=True)
    return [
        Confusion(
            truth, predicted, int(wrong[truth, predicted]), float(wrong[truth, predicted] / support[truth])
        )
        for truth, predicted in pairs
        if wrong[truth, predicted]
    ]
