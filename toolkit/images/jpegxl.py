"""What the header of a JPEG XL picture says: its decoder makes all of the pixels before it tells anything."""

from dataclasses import dataclass

from toolkit.images.boxes import boxes

CODESTREAM = b"\xff\x0a"
WHOLE, PART = b"jxlc", b"jxlp"  # boxes that hold a codestream, and a part of one
PART_NUMBER_BYTES = 4
ENOUGH = 64  # bytes of a codestream: more than what is read here ever takes
LENGTHS = (9, 13, 18, 30)  # bits of a size that is no multiple of 8, by its selector
PREVIEW_EIGHTHS, PREVIEW_LENGTHS = (0, 0, 5, 9), (6, 8, 10, 12)  # the same of a preview, in eighths and else
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height


@dataclass(frozen=True)
class Header:
    """What is said before the first frame.

    Args:
        width: as stored, pixels.
        height: as stored, pixels.
        is_animated: whether there may be more than one frame to see.
    """

    width: int
    height: int
    is_animated: bool


class _Bits:
    """Reads numbers from bytes, lowest bits first."""

    def __init__(self, content: bytes) -> None:
        self._rest = int.from_bytes(content, "little")
        self._left = 8 * len(content)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise EOFError  # which `decode` calls a truncated picture
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return value


def read_header(content: bytes) -> Header:
    """Read the header.

    Args:
        content: the whole file, .jxl container or bare codestream.

    Raises:
        EOFError: it isn't all there.

    Source: ISO/IEC 18181-1, annexes D.2 (size) and D.3 (metadata).
    """
    start = content[:ENOUGH] if content.startswith(CODESTREAM) else _joined(content)
    if not start.startswith(CODESTREAM):
        raise EOFError
    bits = _Bits(start[len(CODESTREAM) :])
    width, height = _size(bits)
    return Header(width, height, _is_animated(bits))


def _size(bits: _Bits) -> tuple[int, int]:
    by_eight = bool(bits.take(1))

    def length() -> int:
        return 8 * (1 + bits.take(5)) if by_eight else 1 + bits.take(LENGTHS[bits.take(2)])

    height = length()
    ratio = bits.take(3)
    if not ratio:
        return length(), height
    across, down = RATIOS[ratio - 1]
    return height * across // down, height


def _is_animated(bits: _Bits) -> bool:
    is_all_default = bits.take(1)
    if is_all_default or not bits.take(1):  # nothing beyond the colours
        return False
    bits.take(3)  # orientation
    if bits.take(1):  # the size it is meant to be shown at
        _size(bits)
    if bits.take(1):
        _skip_preview(bits)
    return bool(bits.take(1))


def _skip_preview(bits: _Bits) -> None:
    lengths = PREVIEW_EIGHTHS if bits.take(1) else PREVIEW_LENGTHS
    bits.take(lengths[bits.take(2)])
    if not bits.take(3):
        bits.take(lengths[bits.take(2)])


def _joined(content: bytes) -> bytes:
    """Join the parts of the codestream, as far as the header may reach."""
    joined = b""
    for kind, begin, end in boxes(content):
        if kind in (WHOLE, PART):
            begin += PART_NUMBER_BYTES if kind == PART else 0
            joined += content[begin : min(end, begin + ENOUGH)]
        if len(joined) >= ENOUGH:
            break
    return joined
