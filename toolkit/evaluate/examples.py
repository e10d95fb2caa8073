"""Which right and wrong examples the gallery shows."""

import numpy as np
from numpy.typing import NDArray


def choose_examples(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], count: int, *, seed: int
) -> NDArray[np.int64]:
    """Draw examples at random: half of them right and half wrong, where there are enough of each.

    Where one kind is short, the other fills up. The same seed on the same answers draws the same ones.

    Args:
        truth: int64 [N], class indices.
        predicted: int64 [N], class indices.
        count: how many at most.
        seed: of the draw, 0 or more.

    Returns:
        int64 [min(count, N)], picture indices: the right ones in the data's order, then the wrong ones.
    """
    right = np.flatnonzero(truth == predicted)
    wrong = np.flatnonzero(truth != predicted)
    wrong_count = min(len(wrong), max(count // 2, count - len(right)))
    right_count = min(len(right), count - wrong_count)
    generator = np.random.default_rng(seed)
    return np.concatenate(
        [
            np.sort(generator.choice(right, right_count, replace=False)),
            np.sort(generator.choice(wrong, wrong_count, replace=False)),
        ]
    ).astype(np.int64)
