"""The boxes that JPEG 2000 and JPEG XL files are made of."""

import struct
from collections.abc import Iterator

HEAD, LONG_HEAD = 8, 16


def boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give each box's kind, and where its payload begins and ends; up to the first that can't be one.

    Args:
        content: a file, or the payload of a box that holds others; may be cut short, and a box end behind it.

    Source: ITU-T T.800, annex I.4; ISO/IEC 18181-2, clause 9.
    """
    position = 0
    while position + HEAD <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        head = HEAD
        if size == 1 and position + LONG_HEAD <= len(content):
            (size,) = struct.unpack_from(">Q", content, position + HEAD)
            head = LONG_HEAD
        if size and size < head:
            return
        end = position + size if size else len(content)  # 0 means to the end of the file
        yield kind, position + head, end
        position = end
