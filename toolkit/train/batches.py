"""Shuffled, augmented batches: the same for the same seed and epoch, whatever ran before."""

import numpy as np
from numpy.typing import NDArray

from toolkit.preprocess.transforms import Pixels

SHIFT_SHARE = 1 / 8
"""Largest shift, as a share of the side: 4 pixels of 32. Source: He et al., arXiv:1512.03385, section 4.2."""


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order in which `count` pictures are seen in an epoch: int64 [count]."""
    return np.random.default_rng([seed, epoch]).permutation(count).astype(np.int64)


def augment(batch_nhwc: Pixels, generator: np.random.Generator) -> Pixels:
    """Flip each picture left to right at random, and shift it by up to an eighth, mirrored at the border.

    Args:
        batch_nhwc: uint8 [N, H, W, 3].
        generator: source of randomness.

    Returns:
        uint8 [N, H, W, 3], a new array.
    """
    count, height, width, _ = batch_nhwc.shape
    rise, run = max(1, round(height * SHIFT_SHARE)), max(1, round(width * SHIFT_SHARE))
    mirrored = generator.integers(0, 2, count).astype(bool)
    flipped = np.where(mirrored[:, None, None, None], batch_nhwc[:, :, ::-1], batch_nhwc)
    padded = np.pad(flipped, ((0, 0), (rise, rise), (run, run), (0, 0)), mode="reflect")
    tops = generator.integers(0, 2 * rise + 1, count)
    lefts = generator.integers(0, 2 * run + 1, count)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    shifted = windows[np.arange(count), tops, lefts]
    return np.ascontiguousarray(shifted.transpose(0, 2, 3, 1))
