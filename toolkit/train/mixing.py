"""Pictures of a batch mixed in pairs: all over (mixup), or a box of one put into the other (cutmix)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.train.recipe import Settings

BOXED = 0.5
"""Share of the batches that get a box. Source: Yun et al., arXiv:1905.04899, as released for CIFAR."""

NO_BOX = (0, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Mixes:
    """How each batch of an epoch is mixed with itself in reverse order.

    Args:
        shares: float64 [steps], share of the picture itself, and so of its label; 1 mixes nothing.
        boxes: int32 [steps, 4], first row, row behind the last, first column, column behind the last of the box that is
            the other picture's, pixels; all 0 for none.
    """

    shares: NDArray[np.float64]
    boxes: NDArray[np.int32]


def draw_mixes(settings: Settings, steps: int, size: tuple[int, int], seed: int, epoch: int) -> Mixes:
    """Draw how each batch of an epoch is mixed.

    Args:
        settings: what is mixed.
        steps: batches.
        size: (height, width) of the pictures, pixels.
        seed: of the run.
        epoch: from 0.

    Source: Zhang et al., arXiv:1710.09412, one draw a batch as in its appendix; Yun et al., arXiv:1905.04899,
        section 3.1 (the box's middle anywhere, its sides the root of its share; what sticks out is cut off).
    """
    generator = np.random.default_rng([seed, epoch, 3])
    shares, boxes = np.ones(steps), np.zeros((steps, 4), np.int32)
    if settings.mixup:
        shares = generator.beta(settings.mixup, settings.mixup, steps)
    if settings.cutmix:
        kept = generator.beta(settings.cutmix, settings.cutmix, steps)
        ends = []
        for length in size:
            middle, half = generator.uniform(0, length, steps), np.sqrt(1 - kept) * length / 2
            ends += [np.clip(np.rint(middle + side * half), 0, length).astype(np.int32) for side in (-1, 1)]
        boxed = generator.uniform(size=steps) < BOXED
        boxes[boxed] = np.stack(ends, axis=1)[boxed]
        top, bottom, left, right = boxes[boxed].T
        shares[boxed] = 1 - (bottom - top) * (right - left) / (size[0] * size[1])
    return Mixes(shares=shares, boxes=boxes)


def blended(values: Any, share: Any) -> Any:
    """Blend each of a batch with the one that it is paired with: pictures, labels, weights.

    Args:
        values: tensor [B, ...].
        share: of its own, float32.
    """
    return share * values + (1 - share) * values[::-1]


def mixed(tf: Any, images: Any, share: Any, box: Any, settings: Settings) -> Any:
    """Mix a batch with itself in reverse order.

    Args:
        tf: the imported library.
        images: float32 [B, H, W, 3].
        share: float32, see `Mixes`.
        box: int32 [4], see `Mixes`.
        settings: what is mixed.
    """
    if settings.cutmix:
        rows, columns = tf.range(tf.shape(images)[1]), tf.range(tf.shape(images)[2])
        down, across = (rows >= box[0]) & (rows < box[1]), (columns >= box[2]) & (columns < box[3])
        images = tf.where((down[:, None] & across)[None, :, :, None], images[::-1], images)
        share = tf.where(box[1] > box[0], 1.0, share)  # a batch with a box isn't blended as well
    return blended(images, share) if settings.mixup else images
