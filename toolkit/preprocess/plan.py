"""What a model wants at its input, as one value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.preprocess import transforms
from toolkit.preprocess.normalization import NONE, Normalization
from toolkit.preprocess.transforms import Box, Pixels, Resize


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The way from a decoded picture to a model's input.

    Args:
        height: of the model's input, pixels.
        width: of the model's input, pixels.
        channels: 3 (RGB) or 1 (grey).
        layout: "NHWC" or "NCHW".
        dtype: numpy name of the input's type: uint8, float32, float16, float64.
        normalization: the range the model expects.
        resize: how a picture is brought to size.
    """

    height: int
    width: int
    channels: int = 3
    layout: str = "NHWC"
    dtype: str = "uint8"
    normalization: Normalization = NONE
    resize: Resize = Resize.STRETCH

    def fit(self, image_hwc: Pixels, box: Box | None = None) -> Pixels:
        """Bring one picture, uint8 [H, W, 3], to the model's size: uint8 [height, width, 3].

        Args:
            image_hwc: uint8 [H, W, 3].
            box: the part of it that counts; None means all of it.
        """
        return transforms.resize(image_hwc, self.height, self.width, self.resize, box)

    def stack(self, images_hwc: Sequence[Pixels]) -> Pixels:
        """Fit pictures, each uint8 [H, W, 3], and stack them: uint8 [N, height, width, 3]."""
        batch = np.empty((len(images_hwc), self.height, self.width, 3), np.uint8)
        for row, image in zip(batch, images_hwc, strict=True):
            row[...] = self.fit(image)
        return batch

    def model_input(self, batch_nhwc: Pixels) -> NDArray[np.generic]:
        """Turn fitted pictures into what the model takes.

        Args:
            batch_nhwc: uint8 [N, height, width, 3], RGB.

        Returns:
            [N, height, width, channels] or [N, channels, height, width], of `dtype`.
        """
        if self.dtype == "uint8" and self.channels == 3 and self.layout == "NHWC":
            return batch_nhwc
        values: NDArray[np.generic] = batch_nhwc
        if self.normalization != NONE:
            values = transforms.normalize(batch_nhwc, self.normalization)
        if self.channels == 1:
            values = transforms.to_grey(values)
            if self.dtype == "uint8":
                values = np.rint(values)
        values = values.astype(self.dtype, copy=False)
        return transforms.to_nchw(values) if self.layout == "NCHW" else np.ascontiguousarray(values)
