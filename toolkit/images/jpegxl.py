"""How large a JPEG XL picture is, by its header: its decoder makes all of the pixels before it tells."""

import struct
from collections.abc import Iterator

CODESTREAM = b"\xff\x0a"
WHOLE, PART = b"jxlc", b"jxlp"  # boxes that hold a codestream, and a part of one
PART_NUMBER_BYTES = 4
HEADER_BYTES = 12  # more than a size ever takes
BOX_HEAD, LONG_BOX_HEAD = 8, 16
LENGTHS = (9, 13, 18, 30)  # bits of a size that is no multiple of 8, by its selector
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height


class _Bits:
    """Reads numbers from bytes, lowest bits first; past the end there are zeros."""

    def __init__(self, content: bytes) -> None:
        self._rest = int.from_bytes(content, "little")

    def take(self, count: int) -> int:
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return value


def size_of(content: bytes) -> tuple[int, int] | None:
    """Read (width, height) as stored, pixels; None where the file has no codestream.

    Args:
        content: the whole file, .jxl container or bare codestream.

    Source: ISO/IEC 18181-1, annex D.2 (size header), and 18181-2, clause 9 (boxes).
    """
    start = 0 if content.startswith(CODESTREAM) else next(_codestreams(content), None)
    if start is None or content[start : start + 2] != CODESTREAM:
        return None
    bits = _Bits(content[start + 2 : start + 2 + HEADER_BYTES])
    by_eight = bool(bits.take(1))
    height = _length(bits, by_eight=by_eight)
    ratio = bits.take(3)
    if not ratio:
        return _length(bits, by_eight=by_eight), height
    across, down = RATIOS[ratio - 1]
    return height * across // down, height


def _length(bits: _Bits, *, by_eight: bool) -> int:
    return 8 * (1 + bits.take(5)) if by_eight else 1 + bits.take(LENGTHS[bits.take(2)])


def _codestreams(content: bytes) -> Iterator[int]:
    """Give where each box that holds (a part of) the codestream begins it."""
    position = 0
    while position + BOX_HEAD <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        head = BOX_HEAD
        if size == 1 and position + LONG_BOX_HEAD <= len(content):
            (size,) = struct.unpack_from(">Q", content, position + BOX_HEAD)
            head = LONG_BOX_HEAD
        if kind in (WHOLE, PART):
            yield position + head + (PART_NUMBER_BYTES if kind == PART else 0)
        if size < head:  # 0 means to the end of the file
            return
        position += size
