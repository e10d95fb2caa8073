"""Bytes -> uint8 [H, W, 3] RGB: the one way in which every command reads a picture."""

import importlib
import io
import logging
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ImageError
from toolkit.images import jpegxl, signatures, tiff
from toolkit.images.failures import is_truncated, translated
from toolkit.images.jpeg import Box, covered, decode_plain, divisor, lacks_data
from toolkit.images.jpeg2000 import is_cut_short, profile_of
from toolkit.images.metadata import exif_of, orientation_of, without_metadata
from toolkit.images.pixels import to_rgb
from toolkit.images.read import read_file
from toolkit.images.signatures import Format, identify
from toolkit.images.silence import SILENCE

# Without a handler, Python would print what Pillow logs about damaged files.
logging.getLogger("PIL").addHandler(logging.NullHandler())

DEFAULT_MAX_PIXELS = 200_000_000  # the largest phone cameras make 200 megapixels; 600 MB decoded

TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation. Source: EXIF 2.32, tag 0x0112, as in PIL.ImageOps.exif_transpose."""

Scaled = tuple[int, int, int]  # height and width as stored, and the divisor

JPEG_START = b"\xff\xd8\xff"
RIFF_HEAD_BYTES = 8  # a name, and the number of bytes after it
PNG_SAMPLE_BITS_AT = 24  # byte of the header that holds the bits a sample


def decode(content: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode a picture file.

    The content decides the format. EXIF orientation is applied; transparency goes over white; 16-bit
    samples are scaled to 8; Adobe CMYK and YCCK come out in their true colours; a valid ICC profile is
    converted to sRGB and a broken one ignored; of several frames or pages the first counts. Broken
    metadata never costs the picture, missing pixel data always does.

    Args:
        content: the whole file.
        max_pixels: width times height that is still decoded.

    Returns:
        uint8 [H, W, 3], RGB; may be read-only.

    Raises:
        ImageError: it can't be decoded; `what` is the reason in plain words.
    """
    return decode_near(content, fitting=None, max_pixels=max_pixels)[0]


def decode_near(
    content: bytes,
    *,
    fitting: tuple[int, int] | None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    into: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], Box | None]:
    """Decode a picture file that will be brought to a certain size.

    A JPEG picture is decoded at a half, a quarter or an eighth of its size where that leaves at least three times
    what is wanted: many times faster, and after resizing within the tolerance that tests/images/test_jpeg.py
    states. Everything else is as in `decode`.

    Args:
        content: the whole file.
        fitting: (height, width) that the picture will be brought to, pixels; None decodes every pixel.
        max_pixels: width times height, unscaled, that is still decoded.
        into: uint8 [height, width, 3], contiguous; the picture may be put there, and is then what is returned.

    Returns:
        (uint8 [H, W, 3], RGB, may be read-only; the part of it that counts, None for all of it).

    Raises:
        ImageError: it can't be decoded; `what` is the reason in plain words.
    """
    if content.startswith(JPEG_START):
        near = decode_plain(content, max_pixels=max_pixels, fitting=fitting, into=into)
        if near is not None:
            return near
    form = identify(content)
    with SILENCE.kept():
        image, exif, scaled = _loaded(form, content, max_pixels, fitting)
        try:
            bits = content[PNG_SAMPLE_BITS_AT] if form is signatures.PNG else 8
            rgb = to_rgb(image, sample_bits=bits)
            orientation = 1 if _is_turned(form, image) else orientation_of(exif)
            turn = TURN.get(orientation)
            box = None if scaled is None else covered(*scaled, orientation)
            return np.asarray(rgb if turn is None else rgb.transpose(turn)), box
        except ImageError:
            raise
        except Exception as error:
            raise translated(error, form) from error


def decode_file(file: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read and decode a picture file; see `decode` and `read_file`.

    Returns:
        uint8 [H, W, 3], RGB; may be read-only.

    Raises:
        ImageError: it can't be read or decoded; `where` is the file.
    """
    try:
        return decode(read_file(file))
    except ImageError as error:
        raise ImageError(error.what, where=os.fsdecode(file), remedy=error.remedy) from error


def _loaded(
    form: Format, content: bytes, max_pixels: int, fitting: tuple[int, int] | None
) -> tuple[Image.Image, bytes, Scaled | None]:
    """Return the picture, all its pixels decoded, its EXIF block, and how it was scaled."""
    try:
        image, scaled = _load(form, content, max_pixels, fitting)
        if form is signatures.JPEG and lacks_data(content):
            raise EOFError  # translated below like any other
        if form is signatures.JPEG2000:
            if is_cut_short(content):
                raise EOFError
            image.info.setdefault("icc_profile", profile_of(content))
        return image, exif_of(image.info), scaled
    except ImageError:
        raise
    except Exception as error:
        # The decoders raise anything at all: ValueError, ZeroDivisionError, SyntaxError, struct.error ...
        failure = translated(EOFError() if _is_cut_short(form, content) else error, form)
        if form not in (signatures.JPEG, signatures.PNG, signatures.AVIF) or is_truncated(error):
            raise failure from error
        pixels_alone, exif = without_metadata(content)
        if pixels_alone == content:
            raise failure from error
        try:
            image, _ = _load(form, pixels_alone, max_pixels, None)
            return image, exif or exif_of(image.info), None
        except ImageError:
            raise
        except Exception:  # noqa: BLE001 - so it wasn't the metadata; the first reason stands
            raise failure from error


def _load(
    form: Format, content: bytes, max_pixels: int, fitting: tuple[int, int] | None
) -> tuple[Image.Image, Scaled | None]:
    decoder = _decoder(form)
    if form is signatures.JPEG_XL:
        # The decoder would make the pixels first, and of an animation it would give the last of them.
        header = jpegxl.read_header(content)
        _refuse_large((header.width, header.height), max_pixels)
        if header.is_animated:
            raise ImageError(
                "animated JPEG XL picture: its decoder can't give the first frame",
                where="the content",
                remedy="save its first frame as a picture of its own",
            )
    # The decoder's own class, not Image.open: no format but this one is tried, and its reason isn't lost.
    image: Image.Image = decoder(io.BytesIO(content), "")
    _refuse_large(image.size, max_pixels)
    if form is signatures.TIFF:
        tiff.set_right(image)
    scaled = None
    if fitting is not None and form is signatures.JPEG:
        width, height = image.size
        scale = divisor(height, width, orientation_of(exif_of(image.info)), fitting)
        if scale > 1 and image.draft(None, (width // scale, height // scale)) is not None:
            scaled = (height, width, scale)
    image.load()
    return image, scaled


def _is_cut_short(form: Format, content: bytes) -> bool:
    """Tell whether a file that can't be decoded says itself that there should be more of it."""
    if form is signatures.WEBP:
        return len(content) < RIFF_HEAD_BYTES + int.from_bytes(content[4:8], "little")
    if form is signatures.TIFF:
        return tiff.is_cut_short(content)
    return form is signatures.JPEG2000 and is_cut_short(content)


def _is_turned(form: Format, image: Any) -> bool:
    """Tell whether a picture's decoder has turned it upright already."""
    # Pillow turns a TIFF while loading it. A JPEG XL picture has its orientation in the codestream, which libjxl obeys,
    # and what EXIF says beside it doesn't count; but a JPEG file that is packed in one is as it was.
    return form is signatures.TIFF or (form is signatures.JPEG_XL and not image.jpeg)


def _refuse_large(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"too large: {width:,} x {height:,} pixels exceed the limit of {max_pixels:,}",
            where="the content",
            remedy="raise --max-pixels, or make the picture smaller",
        )


def _decoder(form: Format) -> Any:
    if form is signatures.TIFF:
        tiff.silence()
    try:
        module: Any = importlib.import_module(form.module)
        # Threads of their own would fight with our processes for the cores; on 64 cores AVIF alone would start 4,096.
        if form is signatures.JPEG_XL:
            module.DECODE_THREADS = 0
        elif form is signatures.AVIF:
            module.DEFAULT_MAX_THREADS = 1
        elif form is signatures.HEIC:
            module.options.DECODE_THREADS = 1
        return getattr(module, form.decoder)
    except ImportError as error:
        remedy = f"install it with: {form.install}"
        raise ImageError(
            f"{form.name} picture: its decoder is not installed; {remedy}", where="the content", remedy=remedy
        ) from error
