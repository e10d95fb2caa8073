"""What Pillow doesn't tell of a JPEG 2000 file: whether it has all of its picture, and its colour profile.

OpenJPEG gives black for what is missing, and no word about it.
"""

import struct
from collections.abc import Iterator

START = b"\xff\x4f\xff\x51"  # start of the codestream, and the size that always follows it
TILE_PART = b"\xff\x90"
END = b"\xff\xd9"
TO_LENGTH = 6  # bytes from a tile part's marker to its length, which counts from the marker
HEADER, COLOUR = b"jp2h", b"colr"  # boxes
# Methods of telling the colours. Source: ITU-T T.800, I.5.3.3, and T.801, M.11.7.3.
RESTRICTED_ICC, ANY_ICC = 2, 3
BEFORE_PROFILE = 3  # bytes of the box: method, precedence, approximation
LEAST_TILE_PART = 14  # bytes: its header and the mark of where its data begins


def is_cut_short(content: bytes) -> bool:
    """Tell whether a file ends before its codestream does.

    Args:
        content: the whole file, .jp2 or bare codestream.

    Source: ITU-T T.800, annexes A.2 (order of the parts), A.3 (markers) and A.4.2 (length of a tile part; 0 for one
        that reaches to the end).
    """
    position = content.find(START) + 2
    if position < 2:
        return True
    # Main header: a marker, then its length, until the first tile part.
    while (marker := content[position : position + 2]) != TILE_PART:
        if len(marker) < 2 or marker[0] != 0xFF:
            return True
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    while content[position : position + 2] == TILE_PART:
        length = int.from_bytes(content[position + TO_LENGTH : position + TO_LENGTH + 4], "big")
        if length == 0:
            return content.find(END, position) < 0
        if length < LEAST_TILE_PART:
            return True
        position += length
    return content[position : position + 2] != END


def profile_of(content: bytes) -> bytes | None:
    """Return the ICC profile; None where there is none.

    Args:
        content: the whole file, .jp2 or bare codestream.

    Source: ITU-T T.800, annexes I.4 (boxes) and I.5.3.3 (colour specification box).
    """
    if content.startswith(START):
        return None
    for kind, header in _boxes(content):
        if kind == HEADER:
            for inner, payload in _boxes(header):
                if inner == COLOUR and payload[:1] and payload[0] in (RESTRICTED_ICC, ANY_ICC):
                    return payload[BEFORE_PROFILE:]
            return None
    return None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(content):
        size, kind = struct.unpack_from(">L4s", content, position)
        head = 8
        if size == 1 and position + 16 <= len(content):
            (size,) = struct.unpack_from(">Q", content, position + 8)
            head = 16
        if size and size < head:
            return
        end = position + size if size else len(content)  # 0 means to the end of the file
        yield kind, content[position + head : end]
        position = end
