"""One member of a .zip archive, unpacked in small pieces, and never further than the archive says it goes."""

import copy
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

PIECE_BYTES = 1 << 16  # unpacked at once
# Library's version (unread), size of the next two: filter, dictionary size.
LZMA_HEAD = struct.Struct("<xxHBL")
LZMA_FILTER_BYTES = 5
LZMA_ENDS = 0x2  # of the flags: the stream ends with a mark; source: PKWARE APPNOTE 6.3.10, section 4.4.4
SMALLEST_DICTIONARY = 4096  # bytes; source: liblzma, LZMA_DICT_SIZE_MIN


def unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpack a member.

    `ZipFile.read` unpacks all that a few bytes hold, up to 1 GiB, before it looks at the size it was told.

    Args:
        archive: that holds it.
        member: not encrypted.

    Raises:
        BadZipFile: it is larger than its archive says, or damaged.
        NotImplementedError: it is compressed in an unknown way.
        ImportError: in a way whose library Python was built without.
        zlib.error, OSError, LZMAError, EOFError: it is damaged, as the library for its compression says it.
    """
    packed = copy.copy(member)  # its bytes as they are stored: nothing to unpack, no checksum that would fit
    packed.compress_type, packed.file_size, packed.CRC = zipfile.ZIP_STORED, member.compress_size, None  # type: ignore[assignment]
    content = bytearray()
    with archive.open(packed) as stream:
        for piece in _unpacked(stream, member):  # type: ignore[arg-type]
            content += piece
            if len(content) > member.file_size:
                raise zipfile.BadZipFile(f"larger than its archive says ({member.file_size:,} bytes)")
    if zlib.crc32(content) != member.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {member.filename!r}")
    return bytes(content)


def _unpacked(stream: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Give the content in pieces of `PIECE_BYTES` at most."""
    if member.compress_type == zipfile.ZIP_STORED:
        while piece := stream.read(PIECE_BYTES):
            yield piece
        return
    method: Any = {zipfile.ZIP_DEFLATED: _Inflate, zipfile.ZIP_BZIP2: _bzip2, zipfile.ZIP_LZMA: _lzma}.get(
        member.compress_type
    )
    if method is None:
        raise NotImplementedError(f"its compression (method {member.compress_type}) is not supported")
    decompressor = method(stream, member)
    while not decompressor.eof:
        is_hungry = decompressor.needs_input
        given = stream.read(PIECE_BYTES) if is_hungry else b""
        piece = decompressor.decompress(given, PIECE_BYTES)
        if is_hungry and not given and not piece:
            return  # the stream ends before its content does: the checksum tells
        yield piece


class _Inflate:
    """Deflate, with the interface of Python's other decompressors."""

    def __init__(self, *_: object) -> None:
        self._inside = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inside.eof

    @property
    def needs_input(self) -> bool:
        return not self._inside.unconsumed_tail

    def decompress(self, given: bytes, most: int) -> bytes:
        return self._inside.decompress(self._inside.unconsumed_tail + given, most)


def _bzip2(*_: object) -> Any:
    import bz2

    return bz2.BZ2Decompressor()


def _lzma(stream: BinaryIO, member: zipfile.ZipInfo) -> Any:
    """Begin an LZMA stream; source: PKWARE APPNOTE 6.3.10, section 5.8."""
    import lzma

    size, kind, dictionary = LZMA_HEAD.unpack(stream.read(LZMA_HEAD.size))
    if size != LZMA_FILTER_BYTES:
        raise zipfile.BadZipFile("its LZMA header is damaged")
    # As the header of a .lzma file; no dictionary need be larger than all that is unpacked.
    dictionary = min(dictionary, max(member.file_size, SMALLEST_DICTIONARY))
    length = -1 if member.flag_bits & LZMA_ENDS else member.file_size
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    decompressor.decompress(struct.pack("<BLq", kind, dictionary, length), 0)
    return decompressor
