"""Pictures that int8 takes its ranges from, and those that judge the result."""

from dataclasses import dataclass

import numpy as np

from toolkit.data.resolve import load_split
from toolkit.errors import UsageError
from toolkit.export.options import CALIBRATION_SAMPLES, ExportOptions
from toolkit.export.source import Source
from toolkit.observer import Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.wording import count

ONE_HELD_OUT_OF = 4  # pictures; the others calibrate

FEW = 50
"""Pictures below which a calibration is told to be weak.

Source: measured by bench/calibration.py, 50 pictures calibrate as well as 1,000, 3 cost 0.4 % of agreement at worst;
and a third as many judge the result, of which one is a step of 6 % where there are 16."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Pictures of the data that a model is calibrated on.

    Args:
        images_nhwc: to take ranges from, uint8 [N, height, width, channels].
        held_out_nhwc: others, to judge the result by, uint8 [M, height, width, channels].
        data: where both are from, in words.
        skipped: (path, reason) of broken pictures that were left out.
    """

    images_nhwc: Pixels
    held_out_nhwc: Pixels
    data: str
    skipped: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """What ranges are from, in words."""
        return f"{count(len(self.images_nhwc), 'picture')} ({self.data})"


def load_calibration(source: Source, options: ExportOptions, observer: Observer) -> Calibration:
    """Load the pictures of --calibration.

    Args:
        source: the model.
        options: with the data, and how many pictures of it.
        observer: told the steps, and where there are few.

    Raises:
        UsageError: too few pictures.
        DataError: they can't be loaded.
    """
    data = options.calibration or ""
    wanted = options.calibration_samples or CALIBRATION_SAMPLES
    dataset, name = load_split(
        data,
        ("train", "test"),
        image_size=source.predictor.input_size,
        resize=source.resize,
        skip_broken=options.skip_broken,
        limit=wanted + wanted // (ONE_HELD_OUT_OF - 1),
        name=options.data_name,
        observer=observer,
    )
    images = dataset.split(name).images
    order = np.random.default_rng(0).permutation(len(images))  # classes stand together in a folder
    held = max(1, len(images) // ONE_HELD_OUT_OF)
    if len(images) < ONE_HELD_OUT_OF:
        raise UsageError(
            f"too few to calibrate on: {count(len(images), 'picture')}",
            where="--calibration",
            remedy=f"give {ONE_HELD_OUT_OF} or more, best some hundred",
        )
    if len(images) - held < FEW:
        observer.notice(
            f"{len(images) - held} pictures are few to calibrate on, and {held} to judge the agreement by: the ranges"
            " may not hold for others; some hundred are a good number"
        )
    return Calibration(
        images_nhwc=images[order[held:]],
        held_out_nhwc=images[order[:held]],
        data=f"{dataset.name}, {name} split",
        skipped=dataset.left_out(data),
    )
