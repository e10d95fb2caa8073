"""Whether a JPEG 2000 file has all of its picture: OpenJPEG gives black for what is missing, and no word about it."""

START = b"\xff\x4f\xff\x51"  # start of the codestream, and the size that always follows it
TILE_PART = b"\xff\x90"
END = b"\xff\xd9"
TO_LENGTH = 6  # bytes from a tile part's marker to its length, which counts from the marker
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
