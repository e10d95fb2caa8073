"""The content of an archive's member, held on disk until it has been classified."""

import contextlib
import os
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ImageError, no_temporary_file

SEGMENT_BYTES = 32 << 20  # a file of held contents is closed at this size, and deleted when nobody needs it


@dataclass(frozen=True, slots=True)
class Held:
    """A slice of a file of held contents.

    Args:
        file: its name.
        offset: where the content begins, bytes.
        size: of the content, bytes.
        keeper: whoever keeps the file from being deleted; not sent to other processes.
    """

    file: str
    offset: int
    size: int
    keeper: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker reads it; the process that made it says when it may go.
        return Held, (self.file, self.offset, self.size)

    def read(self) -> bytes:
        """Return the content.

        Raises:
            ImageError: the file can't be read.
        """
        try:
            handle = os.open(self.file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            try:
                os.lseek(handle, self.offset, os.SEEK_SET)
                return os.read(handle, self.size)
            finally:
                os.close(handle)
        except OSError as error:
            raise ImageError(
                f"its content can't be read: {error.strerror}", where=self.file, remedy="check the disk"
            ) from error

    def carried(self) -> "Carried":
        """Return the content in a form that needs no disk.

        Raises:
            ImageError: the file can't be read.
        """
        return Carried(self.file, self.offset, self.size, None, self.read())


@dataclass(frozen=True, slots=True)
class Carried(Held):
    """The same for a machine that doesn't see the file: the content itself.

    Args:
        content: of the slice.
    """

    content: bytes = b""

    def __reduce__(self) -> tuple[Any, ...]:
        return Carried, (self.file, self.offset, self.size, None, self.content)

    def read(self) -> bytes:
        """Return the content."""
        return self.content


class _Segment:
    """A file of held contents, deleted when the last of them is let go."""

    def __init__(self) -> None:
        handle, self.file = tempfile.mkstemp(prefix="toolkit-", suffix=".held")
        self.handle = handle
        self.size = 0
        weakref.finalize(self, _remove, handle, self.file)


class Holder:
    """Takes contents in and gives them out as slices."""

    def __init__(self) -> None:
        self._segment: _Segment | None = None

    def hold(self, content: bytes) -> Held:
        """Write a content to disk.

        Raises:
            ToolkitError: the disk for temporary files is full, or there is no folder for them.
        """
        segment = self._segment
        try:
            if segment is None or segment.size >= SEGMENT_BYTES:
                segment = self._segment = _Segment()
            offset, rest = segment.size, memoryview(content)
            while rest:
                rest = rest[os.write(segment.handle, rest) :]
        except OSError as error:  # it would be taken for the archive's, or the member's
            raise no_temporary_file(error) from error
        segment.size += len(content)
        return Held(segment.file, offset, len(content), segment)


def _remove(handle: int, file: str) -> None:
    with contextlib.suppress(OSError):
        os.close(handle)
    with contextlib.suppress(OSError):
        Path(file).unlink()
