"""JPEG by the short way: plain files, straight from libjpeg-turbo, scaled down while decoding where that pays.

A file is plain when nothing in it needs a decision: grey or three colours of 8 bits, no ICC profile, no Adobe
marker, and it ends where a JPEG ends. Whatever isn't plain, and whatever the decoder has a word to say
about, is left to the long way in `decode`, which is the reference; both use libjpeg-turbo with the same
settings, so unscaled pixels are the same to the bit.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.images.metadata import EXIF_PREFIX, orientation_of

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) of what counts of a picture, in pixels that may be cut."""

START_OF_SCAN = b"\xff\xda"
END_OF_IMAGE = b"\xff\xd9"
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # ITU-T T.81, table B.1
ADOBE, ICC_OR_MPF, EXIF_OR_XMP = 0xEE, 0xE2, 0xE1
MIRRORED_ROWS, MIRRORED_COLUMNS = (3, 4, 7, 8), (2, 3, 6, 7)  # EXIF orientations, once the axes are swapped
PREMATURE_END = "premature end of data segment"  # libjpeg's words for a scan that stops too early
SCALES = (8, 4, 2)
"""Divisors that libjpeg decodes at for less than the price of the whole picture."""

REDUCING_GAP = 3
"""A picture is decoded at no less than this many times the size it is brought to afterwards.

Source: Pillow's documentation of `Image.thumbnail`, `reducing_gap`: 3.0 is hardly told from a fair resampling.
Measured by bench/classify_photos.py on training pictures of CIFAR-10 (JPEG) enlarged to 512 x 512, the worst case for
32 x 32: with 3 one answer in 200 changes, where most probable classes are close."""

SMALLEST_GAIN = (SCALES[-1] * REDUCING_GAP) ** 2  # a picture of fewer times the pixels is never scaled down

_last: list[tuple[bytes, "Plain | None"]] = [(b"no file begins like this", None)]
"""The beginning of the last file whose header was read, through its start of scan, and what it says.

One pair, so that threads never see half of it."""


@dataclass(frozen=True, slots=True)
class Plain:
    """What the header of a plain JPEG file says.

    Args:
        height: as stored, pixels.
        width: as stored, pixels.
        orientation: EXIF orientation, 1 to 8.
    """

    height: int
    width: int
    orientation: int = 1


def plain(content: bytes) -> Plain | None:
    """Read the header of a JPEG file; None where it isn't plain.

    Args:
        content: the whole file.
    """
    if not content.endswith(END_OF_IMAGE):
        return None
    # The files of one encoder often begin alike, up to the scan: one comparison instead of reading it all.
    beginning, header = _last[0]
    if content.startswith(beginning):
        return header
    header, length = _parsed(content)
    if length > 0:
        _last[0] = content[: length + len(START_OF_SCAN)], header
    return header


def decode_plain(
    content: bytes,
    *,
    max_pixels: int,
    fitting: tuple[int, int] | None = None,
    into: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], Box | None] | None:
    """Decode a plain JPEG file; None where it has to go the long way.

    Args:
        content: the whole file.
        max_pixels: a larger picture goes the long way, which says why it is refused.
        fitting: (height, width) that the picture will be brought to; it is decoded at a half, a quarter or
            an eighth where that leaves at least three times this size. None decodes every pixel.
        into: where a picture of just this size, upright, is put; what is in it is lost either way. Saves
            setting memory aside, which takes a quarter of the time of a small picture.

    Returns:
        (uint8 [H, W, 3], RGB, the orientation applied; the part of it that counts, None for all of it).
    """
    header = plain(content)
    if header is None or header.height * header.width > max_pixels:
        return None
    decode, scale = _decoder(), 1
    try:
        if fitting is not None and header.height * header.width >= SMALLEST_GAIN * fitting[0] * fitting[1]:
            scale = divisor(header.height, header.width, header.orientation, fitting)
        if into is not None and (header.height, header.width) == into.shape[:2] and header.orientation == 1:
            decode(content, "RGB", buffer=into)
            return into, None
        if scale == 1:
            image: NDArray[np.uint8] = decode(content, "RGB")
        else:
            height, width = -(-header.height // scale), -(-header.width // scale)
            image = decode(content, "RGB", min_height=height, min_width=width)
    except (ValueError, MemoryError):  # a warning or an error of libjpeg's: the long way decides which
        return None
    box = covered(header.height, header.width, scale, header.orientation)
    return (image if header.orientation == 1 else turned(image, header.orientation)), box


def lacks_data(content: bytes) -> bool:
    """Tell whether a JPEG file that ends as it should has less in it than its picture needs.

    libjpeg fills what is missing with grey and a warning, which Pillow doesn't pass on. An eighth of the size will
    do: all of the scan is read for it.

    Args:
        content: the whole file.
    """
    for colours in ("RGB", "CMYK"):
        try:
            _decoder()(content, colours, min_height=1, min_width=1)
        except (ValueError, MemoryError) as error:
            if PREMATURE_END in str(error):
                return True
        else:
            return False
    return False


def covered(height: int, width: int, scale: int, orientation: int) -> Box | None:
    """Return the part of a scaled-down picture that its own pixels cover; None for all of it.

    The last row and column of a picture whose sides are no multiples of the divisor are only partly its own.

    Args:
        height: as stored, pixels.
        width: as stored, pixels.
        scale: the divisor.
        orientation: EXIF orientation that was applied to the scaled picture.
    """
    if height % scale == 0 and width % scale == 0:
        return None
    right, bottom = width / scale, height / scale
    beside, below = -(-width // scale) - right, -(-height // scale) - bottom
    if orientation >= 5:
        right, bottom, beside, below = bottom, right, below, beside
    left = beside if orientation in MIRRORED_COLUMNS else 0.0
    top = below if orientation in MIRRORED_ROWS else 0.0
    return left, top, left + right, top + bottom


def divisor(height: int, width: int, orientation: int, fitting: tuple[int, int]) -> int:
    """Return by how much a picture can be scaled down while it is decoded: 1, 2, 4 or 8.

    Args:
        height: as stored, pixels.
        width: as stored, pixels.
        orientation: EXIF orientation, 1 to 8; from 5 on the sides change places.
        fitting: (height, width) it is brought to afterwards, pixels.
    """
    if orientation >= 5:
        height, width = width, height
    for scale in SCALES:
        if height // scale >= REDUCING_GAP * fitting[0] and width // scale >= REDUCING_GAP * fitting[1]:
            return scale
    return 1


def turned(image_hwc: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation.

    Args:
        image_hwc: uint8 [H, W, 3].
        orientation: 1 to 8.

    Returns:
        uint8 [H, W, 3], or [W, H, 3] from orientation 5 on.

    Source: EXIF 2.32, tag 0x0112.
    """
    if orientation >= 5:
        image_hwc = image_hwc.transpose(1, 0, 2)
    rows, columns = (-1 if orientation in mirrored else 1 for mirrored in (MIRRORED_ROWS, MIRRORED_COLUMNS))
    image_hwc = image_hwc[::rows, ::columns]
    return np.ascontiguousarray(image_hwc)


@functools.cache
def _decoder() -> Callable[..., Any]:
    import simplejpeg

    decode: Callable[..., Any] = simplejpeg.decode_jpeg
    return decode


def _parsed(content: bytes) -> tuple[Plain | None, int]:
    """Return what the header says, and how many bytes of it there are before the scan."""
    position, size, exif, is_plain = 2, None, b"", True
    while content[position : position + 1] == b"\xff" and len(content) >= position + 4:
        marker = content[position + 1]
        if marker == START_OF_SCAN[1]:
            return (Plain(*size, orientation_of(exif)) if is_plain and size else None), position
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        payload = content[position + 4 : end]
        if marker in FRAMES:
            size = _size(marker, payload)
        elif marker == EXIF_OR_XMP and payload.startswith(EXIF_PREFIX):
            exif = exif or payload  # a second one goes on where a large first one was cut, or isn't looked at
        elif marker == ADOBE or (marker == ICC_OR_MPF and payload.startswith(b"ICC")):
            is_plain = False
        position = end
    return None, -1


def _size(marker: int, payload: bytes) -> tuple[int, int] | None:
    """Return (height, width) of a frame that is plain: 8 bits, one or three components."""
    if marker not in (BASELINE, EXTENDED, PROGRESSIVE) or len(payload) < 6:
        return None
    bits, components = payload[0], payload[5]
    height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    return (height, width) if bits == 8 and components in (1, 3) and height and width else None
