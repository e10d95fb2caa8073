"""Resize (stretch, crop, pad), normalise, change the layout."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import UsageError
from toolkit.preprocess.normalization import Normalization

Pixels = NDArray[np.uint8]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey. Source: ITU-R BT.601."""

PAD_VALUE = 255  # white, as behind a transparent picture
RESIZE_FILTER = "bilinear"
RESIZE_ANTIALIAS = True  # Pillow's: when a picture shrinks, the filter covers all pixels that become one


class Resize(StrEnum):
    """How a picture is brought to the model's size."""

    STRETCH = "stretch"
    CROP = "crop"
    PAD = "pad"


def parse_resize(text: str) -> Resize:
    """Read what `--resize` says.

    Raises:
        UsageError: it is none of the choices.
    """
    try:
        return Resize(text)
    except ValueError:
        raise UsageError(
            f"'{text}' is not a choice", where="--resize", remedy=f"use {', '.join(Resize)}"
        ) from None


Box = tuple[float, float, float, float]
"""(left, top, right, bottom) of what counts of a picture, in pixels that may be cut."""

Inside = tuple[int, int, int, int]
"""(top, bottom, left, right) of where a picture is within one that was padded, pixels."""


def resize(
    image_hwc: Pixels, height: int, width: int, how: Resize = Resize.STRETCH, box: Box | None = None
) -> Pixels:
    """Bring one picture to a size, antialiased bilinear.

    Args:
        image_hwc: uint8 [H, W, 3].
        height: wanted height, pixels.
        width: wanted width, pixels.
        how: stretch ignores the aspect ratio; crop fills the target and cuts the centre out; pad fits
            the picture inside and fills the rest with white.
        box: the part of the picture that counts; None means all of it.

    Returns:
        uint8 [height, width, 3]; the input itself where it has that size already.
    """
    if box is None:
        if image_hwc.shape[:2] == (height, width):
            return image_hwc
        box = (0, 0, image_hwc.shape[1], image_hwc.shape[0])
    left, top, right, bottom = box
    source_height, source_width = bottom - top, right - left
    picture = Image.fromarray(image_hwc)
    if how is Resize.STRETCH:
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box))
    if how is Resize.CROP:
        scale = min(source_width / width, source_height / height)
        # Rounding may put the box a trace outside the picture, which Pillow refuses.
        box_width, box_height = min(width * scale, source_width), min(height * scale, source_height)
        left, top = left + (source_width - box_width) / 2, top + (source_height - box_height) / 2
        inside = (left, top, min(left + box_width, right), min(top + box_height, bottom))
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=inside))
    above, below, before, behind = inside_padding(source_height, source_width, height, width)
    inner = (behind - before, below - above)
    padded = np.full((height, width, 3), PAD_VALUE, np.uint8)
    padded[above:below, before:behind] = np.asarray(picture.resize(inner, Image.Resampling.BILINEAR, box=box))
    return padded


def inside_padding(source_height: float, source_width: float, height: int, width: int) -> Inside:
    """Return where a picture is within the padded one that `resize` makes of it.

    Args:
        source_height: of the picture, pixels.
        source_width: of the picture, pixels.
        height: wanted height, pixels.
        width: wanted width, pixels.
    """
    scale = min(width / source_width, height / source_height)
    inner_height, inner_width = max(1, round(source_height * scale)), max(1, round(source_width * scale))
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    return top, top + inner_height, left, left + inner_width


def normalize(batch_nhwc: Pixels, how: Normalization) -> NDArray[np.float32]:
    """Scale and shift pixels to the range a model expects.

    Args:
        batch_nhwc: uint8 [N, H, W, 3], RGB.
        how: the range.

    Returns:
        float32 [N, H, W, 3]; the channels in the order that the model expects.
    """
    scale, shift = np.array(how.scale, np.float32), np.array(how.shift, np.float32)
    values = batch_nhwc.astype(np.float32) * scale + shift
    return np.ascontiguousarray(values[..., ::-1]) if how.bgr else values


def to_grey(batch_nhwc: NDArray[np.generic]) -> NDArray[np.float32]:
    """Turn RGB into grey.

    Args:
        batch_nhwc: any number type, [N, H, W, 3].

    Returns:
        float32 [N, H, W, 1].
    """
    return np.asarray(batch_nhwc.astype(np.float32) @ LUMA, np.float32)[..., None]


def to_nchw(batch_nhwc: NDArray[np.generic]) -> NDArray[np.generic]:
    """Turn [N, H, W, C] into a contiguous [N, C, H, W] of the same type."""
    return np.ascontiguousarray(batch_nhwc.transpose(0, 3, 1, 2))
