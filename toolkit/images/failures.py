"""What a decoder raises -> why a picture can't be had, in plain words."""

import struct

from PIL import Image

from toolkit.errors import ImageError, one_line
from toolkit.images.signatures import Format

# What decoders say without a reason.
NOTHING_TOLD = ("not identified by this driver", "Please build `libjxl`")
# Of a whole file, but with samples that they can't read.
NOT_SUPPORTED = ("unknown pixel mode", "unknown raw mode")
TRUNCATED_WORDS = ("truncat", "unexpected end", "not enough data", "incomplete", "eof", "buffer is not large")


def translated(error: Exception, form: Format) -> ImageError:
    """Return the error to raise for what the decoder of a format raised."""
    if isinstance(error, MemoryError):
        what = f"not enough memory to decode this {form.name} picture"
    elif isinstance(error, Image.DecompressionBombError):
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        what = f"too large: its decoder takes no {form.name} picture of more than {most:,} pixels"
    elif any(words in str(error) for words in NOT_SUPPORTED):
        return ImageError(
            f"{form.name} picture of a kind that is not supported: the number, type or order of its samples",
            where="the content",
            remedy="save it again with 8 or 16 bits a sample, as grey or RGB",
        )
    elif is_truncated(error):
        what = f"truncated {form.name} picture: a part of its data is missing"
    else:
        is_told = not any(words in str(error) for words in NOTHING_TOLD)
        detail = one_line(error).rstrip(".") if is_told else ""
        what = f"damaged {form.name} picture" + (f": {detail[:200]}" if detail else "")
    return ImageError(what, where="the content", remedy="replace the file, or leave it out")


def is_truncated(error: Exception) -> bool:
    """Tell whether a decoder missed the end of a picture."""
    text = str(error).lower()
    return isinstance(error, (EOFError, struct.error)) or any(word in text for word in TRUNCATED_WORDS)
