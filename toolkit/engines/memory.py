"""Memory that a process shares with those that it starts."""

import ctypes
import errno
import mmap
import os
from multiprocessing import reduction
from multiprocessing.sharedctypes import RawArray
from typing import Any

import psutil


class SharedMemory:
    """Memory that goes along, as it is, to a process that is being started.

    Where the system has files in memory that belong to no folder (Linux), it is one: `/dev/shm` is often 64 MB in a
    container, and whoever writes past its end is killed.

    Args:
        size: bytes.

    Raises:
        OSError: there isn't so much.
    """

    def __init__(self, size: int) -> None:
        self._file: int | None = None
        # The system would promise any amount, and end whoever writes to it.
        if size > psutil.virtual_memory().available:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create("toolkit")
            os.ftruncate(self._file, size)
            self._memory: Any = mmap.mmap(self._file, size)
        else:
            self._memory = RawArray(ctypes.c_ubyte, size)

    def __getstate__(self) -> tuple[Any, Any]:
        if self._file is None:
            return None, self._memory
        return reduction.DupFd(self._file), len(self._memory)

    def __setstate__(self, state: tuple[Any, Any]) -> None:
        file, memory = state
        self._file = None if file is None else file.detach()
        self._memory = memory if self._file is None else mmap.mmap(self._file, memory)

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def places(self, size: int) -> list[memoryview]:
        """Cut it into places of `size` bytes."""
        whole = memoryview(self._memory).cast("B")
        return [whole[start : start + size] for start in range(0, len(whole), size)]
