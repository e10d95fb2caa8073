"""Any of Pillow's modes -> RGB: depth, transparency, CMYK, ICC profiles."""

import functools
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ImageError

WHITE = 255
TOP_16 = 65535
BITS_PER_SAMPLE, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # TIFF tags, and the value that turns grey round
CACHED_PROFILES = 8  # a folder is usually the work of few cameras


def to_rgb(image: Image.Image, *, sample_bits: int = 8) -> Image.Image:
    """Bring a loaded picture to 8-bit RGB, opaque, in sRGB.

    Transparency goes over white; 16-bit samples are scaled, never clipped; a valid ICC profile is
    converted to sRGB and a broken one ignored.

    Args:
        image: a picture of any mode, loaded.
        sample_bits: bits a sample in the file; a PNG's colour key is given in them.

    Raises:
        ImageError: its samples have no agreed range (floating point, 32-bit integers).
    """
    key = image.info.get("transparency")
    profile = image.info.get("icc_profile")
    if _is_deep(image):
        grey = _sixteen_bits(image)
        rgb = _colours(Image.fromarray(_to_eight_bits(grey, image)), profile)
        return _white_where(grey == key, rgb) if isinstance(key, int) else rgb
    if image.mode in ("I", "F"):
        kind = "32-bit integer" if image.mode == "I" else "floating-point"
        raise ImageError(
            f"{kind} samples, which have no agreed range, are not supported",
            where="the content",
            remedy="convert the picture to 8 or 16 bits a sample",
        )
    if image.mode in ("1", "L", "RGB") and key is not None:
        rgb = _colours(image.convert("L") if image.mode == "1" else image, profile)
        return _white_where(_matches(image, key, sample_bits), rgb)
    if image.mode == "PA" or (
        image.mode == "P" and (key is not None or image.palette is None or image.palette.mode != "RGB")
    ):
        image = image.convert("RGBA")
    if image.mode in ("RGBa", "La"):  # colours already multiplied with their opacity
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.mode in ("LA", "RGBA"):
        return _over_white(_colours(image.convert(image.mode[:-1]), profile), image.getchannel("A"))
    return _colours(image, profile)


def _is_deep(image: Image.Image) -> bool:
    # The PNM decoder scales its 16-bit samples to 0..65535 and calls them 32-bit integers.
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def _sixteen_bits(image: Image.Image) -> NDArray[np.uint16]:
    return np.asarray(image).astype(np.uint16, copy=False)


def _to_eight_bits(grey: NDArray[np.uint16], image: Image.Image) -> NDArray[np.uint8]:
    tags: Any = getattr(image, "tag_v2", {})
    bits = tags.get(BITS_PER_SAMPLE, (16,))[0]
    top = TOP_16 if bits == 16 else (1 << bits) - 1
    scaled = (np.minimum(np.arange(TOP_16 + 1), top) * 255 + top // 2) // top
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        scaled = 255 - scaled
    return np.asarray(scaled.astype(np.uint8)[grey])


def _matches(image: Image.Image, key: Any, sample_bits: int) -> NDArray[np.bool_]:
    """Find the pixels of the colour key, which is written in the file's own sample depth."""
    top = (1 << sample_bits) - 1
    if image.mode == "RGB":
        # Pillow keeps the high byte of 16-bit colours, so the key is compared at that depth.
        shift = max(0, sample_bits - 8)
        wanted = np.array([value >> shift for value in key], np.uint8)
        return np.asarray((np.asarray(image) == wanted).all(axis=2))
    if image.mode == "1":
        return np.asarray(np.asarray(image) == bool(key))
    return np.asarray(np.asarray(image) == (int(key) * 255 // top if sample_bits < 8 else int(key)))


def _white_where(mask: NDArray[np.bool_], rgb: Image.Image) -> Image.Image:
    pixels = np.array(rgb)
    pixels[mask] = WHITE
    return Image.fromarray(pixels)


def _over_white(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    white = Image.new("RGB", rgb.size, "white")
    white.paste(rgb, mask=alpha)
    return white


def _colours(image: Image.Image, profile: object) -> Image.Image:
    if isinstance(profile, bytes) and profile:
        source = image if image.mode in ("L", "RGB", "CMYK", "LAB") else image.convert("RGB")
        transform = _transform(profile, source.mode)
        if transform is not None:
            from PIL import ImageCms

            converted = ImageCms.applyTransform(source, transform)
            if converted is not None:
                return converted
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.lru_cache(maxsize=CACHED_PROFILES)
def _transform(profile: bytes, mode: str) -> Any:
    """Make the way from a profile to sRGB; None for sRGB itself and for a profile that can't be used."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode == "RGB" and ImageCms.getProfileDescription(source).lower().startswith("srgb"):
            return None
        # Without NOCACHE a transform may not be used from two threads at once.
        return ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), mode, "RGB", flags=ImageCms.Flags.NOCACHE
        )
    except Exception:  # noqa: BLE001 - whatever a broken profile makes the library raise, the picture counts
        return None


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # only an in-place conversion returns nothing
    return converted
