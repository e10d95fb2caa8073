"""What a .tar archive is compressed with (gz, bz2, xz, zst), taken off as it is read."""

import io
import os
import re
import tarfile
from collections.abc import Iterator
from typing import Any, cast

from toolkit.errors import MissingDependency

TAR_BUFFER = 10_240  # bytes of a compressed .tar that are read at once
LARGEST_REST = 1 << 20  # bytes after an archive's end: tar pads to 10 KiB, and nobody need read more
LARGEST_PADDING = 16 << 20  # bytes after the end of one that isn't compressed; tapes have blocks of some MiB
GZIP, BZIP2, XZ, ZSTD = "gzip", "bzip2", "xz", "Zstandard"
STARTS = {
    GZIP: re.compile(rb"\x1f\x8b\x08"),
    BZIP2: re.compile(rb"BZh.1AY&SY", re.DOTALL),
    XZ: re.compile(rb"\xfd7zXZ|\]\0\0\x80"),
    ZSTD: re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # RFC 8878, sections 3.1.1 and 3.1.2
}
NOT_MORE_OF_IT = ("Not a gzipped file", "Unknown frame descriptor")  # in the errors of gzip and zstandard


def unpacked(raw: io.BufferedReader, where: str) -> Any:
    """Return what reads a .tar out of its compression, which is found out from the content.

    Args:
        raw: the archive, at its beginning.
        where: its name, for errors.

    Raises:
        MissingDependency: it is compressed with Zstandard, and no library for that is installed.
    """
    kind, pieces = packing(raw.peek()), cast("Any", _InSmallPieces(raw))
    if kind == ZSTD:
        return _Zstd(pieces, where)
    if kind == GZIP:
        import gzip

        return gzip.GzipFile(fileobj=pieces)
    if kind == BZIP2:
        import bz2

        return bz2.BZ2File(pieces)
    if kind == XZ:
        import lzma

        return lzma.LZMAFile(pieces)
    return raw


def packing(start: bytes) -> str | None:
    """Return what a file that begins so is compressed with, of what is taken off; None for anything else."""
    return next((kind for kind, beginning in STARTS.items() if beginning.match(start)), None)


def rest_of(stream: Any) -> Iterator[bytes]:
    """Give what follows the end of an archive, block by block; at its end the checksum of its compression is looked at.

    What was added behind the compressed data does no harm.

    Args:
        stream: the archive, unpacked.

    Raises:
        TarError, OSError, LZMAError: the content isn't what was compressed.
    """
    rest = 0
    try:
        while rest < LARGEST_REST and (block := stream.read(tarfile.BLOCKSIZE)):
            rest += len(block)
            yield block
    except EOFError:  # the padding of .xz, or the checksum itself is cut off
        pass
    except (OSError, tarfile.ReadError) as error:
        if not any(words in str(error) for words in NOT_MORE_OF_IT):
            raise


def refuse_unwritten(raw: io.BufferedReader, stream: Any) -> None:
    """Refuse a .tar file that goes on far behind its end.

    A download that takes its space first and is broken off leaves zero bytes, and those are the mark of the end.

    Args:
        raw: the archive, read to its end.
        stream: from `unpacked`; zero bytes in what is compressed are an error by themselves.

    Raises:
        ReadError: it does.
    """
    left = os.fstat(raw.fileno()).st_size - raw.tell()
    if stream is raw and left > LARGEST_PADDING:
        raise tarfile.ReadError(
            f"{left:,} bytes stand behind the mark of its end, as where a download was broken off"
        )


class _InSmallPieces:
    """A file of which nobody reads more at once than `TAR_BUFFER`, so that its position tells what was needed."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self._raw = raw

    def read(self, size: int = -1) -> bytes:
        return self._raw.read(TAR_BUFFER if size < 0 else min(size, TAR_BUFFER))


class _Zstd:
    """Zstandard, with errors that tarfile's users know: those of its libraries have no kind in common."""

    def __init__(self, raw: Any, where: str) -> None:
        self._reader, self._error = _zstd(raw, where)

    def read(self, size: int = -1) -> bytes:
        try:
            piece: bytes = self._reader.read(size)
        except self._error as error:
            raise tarfile.ReadError(str(error)) from error
        return piece


def _zstd(raw: Any, where: str) -> tuple[Any, type[Exception]]:
    """Return what reads it, and what that raises."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
    except ImportError:
        try:
            import zstandard
        except ImportError as error:
            raise MissingDependency("zstandard", extra="formats", where=where) from error
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return reader, zstandard.ZstdError
    return zstd.ZstdFile(raw), zstd.ZstdError
