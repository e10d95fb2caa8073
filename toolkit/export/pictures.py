"""What an export is verified on: real pictures where given, else generated ones."""

import numpy as np

from toolkit.preprocess.transforms import Pixels

MOST = 96
LEAST = 40
PIXELS = 2**20
"""Pixels of all generated pictures together, within the two numbers: a large network takes minutes over 96 pictures
of 224x224, and a graph that is wrong is wrong on nearly every one. Forty hold each size of blotch six times."""

BLOCKS = (1, 2, 4, 8, 16)  # sizes of the blotches, pixels: fine noise up to large areas


def generated_pictures(height: int, width: int, *, count: int | None = None, seed: int = 0) -> Pixels:
    """Make pictures that drive a network through different ranges.

    Black, white and one-colour pictures, slopes, and noise with blotches of several sizes.

    Args:
        height: pixels.
        width: pixels.
        count: how many, 8 or more; None means 96, fewer of large ones.
        seed: of everything random.

    Returns:
        uint8 [count, height, width, 3].
    """
    count = count or min(MOST, max(LEAST, PIXELS // (height * width)))
    generator = np.random.default_rng(seed)
    pictures = np.empty((count, height, width, 3), np.uint8)
    pictures[0], pictures[1] = 0, 255
    for index, colour in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255)), start=2):
        pictures[index] = colour
    pictures[5] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
    pictures[6] = np.linspace(0, 255, height).astype(np.uint8)[:, None, None]
    for index in range(7, count):
        block = BLOCKS[index % len(BLOCKS)]
        small = generator.integers(0, 256, (-(-height // block), -(-width // block), 3), np.uint8)
        pictures[index] = small.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]
    return pictures
