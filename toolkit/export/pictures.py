"""What an export is verified on: real pictures where given, some of the calibration, else generated ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.data.resolve import load_split
from toolkit.export.calibration import Calibration
from toolkit.export.options import ExportOptions
from toolkit.export.source import Source
from toolkit.models.matching import match_classes, tell_order
from toolkit.observer import Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.wording import count

MOST = 96
LEAST = 40
PIXELS = 2**20
"""Pixels of all generated pictures together, within the two numbers: a large network takes minutes over 96 pictures
of 224x224, and a graph that is wrong is wrong on nearly every one. Forty hold each size of blotch six times."""

BLOCKS = (1, 2, 4, 8, 16)  # sizes of the blotches, pixels: fine noise up to large areas


@dataclass(frozen=True, kw_only=True)
class VerificationPictures:
    """What an export is verified on.

    Args:
        images_nhwc: uint8 [N, height, width, 3], at the model's size.
        data: where they are from, in words.
        truth: int64 [N], their classes in the model's order; None where they aren't known, or not to be told.
        skipped: (path, reason) of broken pictures that were left out.
    """

    images_nhwc: Pixels
    data: str
    truth: NDArray[np.int64] | None = None
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        """How many there are, and where they are from."""
        return f"{count(len(self.images_nhwc), 'picture')} ({self.data})"


def verification_pictures(options: ExportOptions, source: Source, observer: Observer) -> VerificationPictures:
    """Load the pictures of --verify, or generate some.

    Args:
        options: with the data, and how many pictures of it.
        source: the model.
        observer: told the steps.

    Raises:
        DataError: they can't be loaded, or the model doesn't know one of their classes.
    """
    size = source.predictor.input_size
    if options.verify is None:
        return VerificationPictures(
            images_nhwc=generated_pictures(*size), data="generated; give --verify DATA for real ones"
        )
    dataset, name = load_split(
        options.verify,
        ("test", "train"),
        image_size=size,
        resize=source.resize,
        skip_broken=options.skip_broken,
        limit=options.limit,
        name=options.data_name,
        observer=observer,
    )
    split = dataset.split(name)
    truth = match_classes(dataset.classes, source.predictor.labels, where=options.verify)[split.labels]
    tell_order(dataset.classes, source.predictor.labels, observer)
    return VerificationPictures(
        images_nhwc=split.images,
        data=f"{dataset.name}, {name} split",
        truth=truth,
        skipped=dataset.left_out(options.verify),
    )


def held_out_pictures(calibration: Calibration) -> VerificationPictures:
    """Return the pictures of a calibration that ranges aren't from.

    Generated ones lie outside the ranges of real pictures, and in none of the classes: that int8 answers them
    otherwise than float32 says little. By these the ranges were chosen, so others, of --verify, prove more. Their
    classes aren't told: an accuracy on training pictures would be taken for one on test pictures.
    """
    return VerificationPictures(
        images_nhwc=calibration.held_out_nhwc, data=f"{calibration.data}, held out of the calibration"
    )


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
