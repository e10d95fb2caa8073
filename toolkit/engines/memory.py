"""Memory that a process shares with those that it starts."""

import ctypes
import errno
import mmap
import os
from collections.abc import Callable
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
        self._size = size
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

    def __reduce__(self) -> tuple[Callable[..., "SharedMemory"], tuple[Any, ...]]:
        if self._file is None:
            return _attached, (self._memory,)
        return _mapped, (reduction.DupFd(self._file), self._size)

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def places(self, size: int) -> list[memoryview]:
        """Cut it into places of `size` bytes."""
        whole = memoryview(self._memory).cast("B")
        return [whole[start : start + size] for start in range(0, len(whole), size)]


def _mapped(file: Any, size: int) -> SharedMemory:
    shared = SharedMemory.__new__(SharedMemory)
    shared._file = file.detach()
    shared._memory, shared._size = mmap.mmap(shared._file, size), size
    return shared


def _attached(memory: Any) -> SharedMemory:
    shared = SharedMemory.__new__(SharedMemory)
    shared._file, shared._memory, shared._size = None, memory, len(memory)
    return shared
