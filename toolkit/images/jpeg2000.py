"""What Pillow doesn't tell of a JPEG 2000 file: whether it has all of its picture, and its colour profile.

OpenJPEG gives black for what is missing, and no word about it.
"""

from toolkit.images.boxes import boxes

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

    Source: ITU-T T.800, annex I.5.3.3 (colour specification box).
    """
    if content.startswith(START):
        return None
    for kind, begin, end in boxes(content):
        if kind == HEADER:
            header = content[begin:end]
            for inner, inner_begin, inner_end in boxes(header):
                payload = header[inner_begin:inner_end]
                if inner == COLOUR and payload[:1] and payload[0] in (RESTRICTED_ICC, ANY_ICC):
                    return payload[BEFORE_PROFILE:]
            return None
    return None
