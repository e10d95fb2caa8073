"""What Pillow's way of reading TIFF files needs: planes and palettes set right, cut files told, libtiff kept silent."""

import contextlib
import ctypes
import functools
import importlib
from typing import Any, Literal

from toolkit.errors import ImageError

SAMPLES_PER_PIXEL, BITS_PER_SAMPLE, PLANES, COLOUR_MAP = 277, 258, 284, 320  # tags
TOGETHER, APART = 1, 2  # values of PLANES: the samples of a pixel side by side, or a plane of each
BIG_TIFF = 43  # of the header; a usual file has 42
ENTRIES_OF_8_BITS = 1 << 8
BANDS_OF_16_BITS = frozenset("RGBA")  # that Pillow has a raw mode for, if the picture is RGB or RGBA


def set_right(image: Any) -> None:
    """Have planes of samples that aren't compressed, and palettes of 8 bits, read as what they are.

    Args:
        image: opened, not yet loaded.

    Raises:
        ImageError: nothing can read its planes.
    """
    _set_planes(image)
    _set_palette(image)


def _set_palette(image: Any) -> None:
    """Give a palette's entries 16 bits where a writer gave them 8: Pillow would make all of them black.

    Source: libtiff's TIFFReadRGBAImage: where no entry needs more than 8 bits, they have 8.
    """
    if image.mode in ("P", "PA") and max(entries := image.tag_v2[COLOUR_MAP]) < ENTRIES_OF_8_BITS:
        from PIL import ImagePalette

        image.palette = ImagePalette.raw("RGB;L", tuple(entries))


def _set_planes(image: Any) -> None:
    """Have planes of samples read as what they are.

    Of a raw mode such as "RGB;16L" Pillow takes one letter a plane, and so 16-bit samples for twice as many of
    8 bits; of a single plane ("L;I", "I;16B") the letter alone is another picture, without an error.
    """
    if image.tag_v2.get(PLANES) != APART or any(tile[0] != "raw" for tile in image.tile):
        return
    if image.tag_v2.get(SAMPLES_PER_PIXEL, 1) == 1:
        image.tag_v2[PLANES] = TOGETHER
        image._setup()
    elif max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))) > 8:
        bands = {tile.args[0] for tile in image.tile}
        if image.mode not in ("RGB", "RGBA") or not bands <= BANDS_OF_16_BITS:
            raise ImageError(
                f"TIFF picture of a kind that is not supported: planes of 16-bit samples ({image.mode})",
                where="the content",
                remedy="save it again without planes, or with 8 bits a sample",
            )
        order = "L" if image.tag_v2.prefix == b"II" else "B"
        image.tile = [
            tile._replace(args=(f"{tile.args[0]};16{order}", *tile.args[1:])) for tile in image.tile
        ]


def is_cut_short(content: bytes) -> bool:
    """Tell whether a file ends before its directory begins; most writers put that behind the pixels.

    Args:
        content: the whole file.

    Source: TIFF 6.0, section 2 (header), and the BigTIFF design for version 43.
    """
    order: Literal["little", "big"] = "little" if content.startswith(b"II") else "big"
    is_big = int.from_bytes(content[2:4], order) == BIG_TIFF
    start = content[8:16] if is_big else content[4:8]
    return len(content) <= int.from_bytes(start, order)


@functools.cache
def silence() -> None:
    """Keep libtiff from writing what is wrong with a file to standard error.

    Pillow silences its warnings only, and tells of its errors by exceptions too. Where libtiff is linked in
    such a way that it isn't found, its lines stay.
    """
    with contextlib.suppress(OSError, AttributeError):
        # The loader searches its own libraries as well.
        library = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__)
        library.TIFFSetErrorHandler.argtypes = [ctypes.c_void_p]
        library.TIFFSetErrorHandler.restype = ctypes.c_void_p
        library.TIFFSetErrorHandler(None)
