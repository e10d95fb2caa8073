"""What an export is verified on: real pictures where given, else generated ones."""

import numpy as np

from toolkit.preprocess.transforms import Pixels

GENERATED = 96
BLOCKS = (1, 2, 4, 8, 16)  # sizes of the blotches, pixels: fine noise up to large areas


def generated_pictures(height: int, width: int, *, count: int = GENERATED, seed: int = 0) -> Pixels:
    """Make pictures that drive a network through different ranges.

    Black, white and one-colour pictures, slopes, and noise with blotches of several sizes.

    Args:
        height: pixels.
        width: pixels.
        count: how many, 8 or more.
        seed: of everything random.

    Returns:
        uint8 [count, height, width, 3].
    """
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
