"""Orientation from EXIF, and pictures saved from their own broken metadata."""

import re
import struct
from collections.abc import Iterator

ORIENTATION_TAG = 0x0112
EXIF_PREFIX = b"Exif\0\0"
INTEGER_TYPES = {1: "B", 3: "H", 4: "L"}  # BYTE, SHORT, LONG; the type should be SHORT, but cameras differ

_JPEG_KEPT = frozenset({0xE0, 0xEE})  # JFIF and Adobe: they tell the colour space
_JPEG_START_OF_SCAN = 0xDA
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_SIGNATURE_BYTES = 8
# An item's entry of version 2 or 3: flags, number (2 or 4 bytes), protection, type. Source: ISO/IEC 14496-12, 8.11.6.
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)
_UNKNOWN_ITEM = rb"\1skip"


def orientation_of(exif: bytes) -> int:
    """Read the orientation from an EXIF block and from nothing else in it.

    Other tags may be broken in any way: their values and what follows them are never looked at.

    Args:
        exif: a TIFF structure, with or without (even repeated) "Exif" prefixes.

    Returns:
        1 to 8; 1 where there is none, or none that can be read.

    Source: TIFF 6.0, section 2 (image file directory) and "Orientation".
    """
    while exif.startswith(EXIF_PREFIX):
        exif = exif[len(EXIF_PREFIX) :]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}L", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for position in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _ = struct.unpack_from(f"{order}HHL", exif, position)
            if tag == ORIENTATION_TAG and kind in INTEGER_TYPES:
                (value,) = struct.unpack_from(f"{order}{INTEGER_TYPES[kind]}", exif, position + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:  # the directory ends early
        return 1
    return 1


def exif_of(info: dict[str | tuple[int, int], object]) -> bytes:
    """Return the EXIF block among what Pillow found beside the pixels; empty where there is none."""
    exif = info.get("exif")
    if isinstance(exif, bytes):
        return exif
    raw = info.get("Raw profile type exif")  # ImageMagick's older way of putting EXIF into a PNG
    if not isinstance(raw, str):
        return b""
    try:
        return bytes.fromhex("".join(raw.split("\n")[3:]))
    except ValueError:
        return b""


def without_metadata(content: bytes) -> tuple[bytes, bytes]:
    """Leave out of a JPEG or PNG file whatever isn't needed for its pixels, and hide the EXIF block of an AVIF file.

    For a picture that can't be opened because of its metadata: a huge comment, a huge profile, a broken EXIF block.

    Returns:
        (the file with its pixels alone, its EXIF block or nothing). The file is as it was where it is
        neither, or not well-formed.
    """
    if content[4:8] == b"ftyp":  # nothing moves, since other items are found by where they are
        return _EXIF_ITEM.sub(_UNKNOWN_ITEM, content), b""
    pieces = _png_pieces if content.startswith(b"\x89PNG") else _jpeg_pieces
    kept, exif = [], b""
    for piece, is_needed, payload in pieces(content):
        if is_needed:
            kept.append(piece)
        elif payload and not exif:
            exif = payload
    return b"".join(kept), exif


def _jpeg_pieces(content: bytes) -> Iterator[tuple[bytes, bool, bytes]]:
    yield content[:2], True, b""
    position = 2
    while content[position : position + 1] == b"\xff" and len(content) >= position + 4:
        marker = content[position + 1]
        if marker == _JPEG_START_OF_SCAN:
            break
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        is_metadata = (0xE0 <= marker <= 0xEF or marker == 0xFE) and marker not in _JPEG_KEPT
        payload = content[position + 4 : end]
        yield content[position:end], not is_metadata, payload if payload.startswith(EXIF_PREFIX) else b""
        position = end
    yield content[position:], True, b""


def _png_pieces(content: bytes) -> Iterator[tuple[bytes, bool, bytes]]:
    yield content[:_PNG_SIGNATURE_BYTES], True, b""
    position = _PNG_SIGNATURE_BYTES
    while position < len(content):
        kind = content[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(content[position : position + 4], "big")
        payload = content[position + 8 : end - 4] if kind == b"eXIf" else b""
        yield content[position:end], kind in _PNG_KEPT, payload
        position = end
