"""A picture file's bytes: regular files only, reasons in plain words."""

# Path objects cost more than reading a small picture does.
# ruff: noqa: PTH114, PTH116

import errno
import os
import stat
import time
from collections.abc import Callable

from toolkit.errors import ImageError

MAX_FILE_BYTES = 1 << 30  # 1 GiB: far above any photo, far below what fills a machine's memory

JPEG_END = b"\xff\xd9"
SMALL_BYTES = 1 << 16  # read at once, without asking for the size first

# What a file system over a network says when a server was busy, or has put another file in a file's place.
PASSING_ERRNO = frozenset({errno.ESTALE, errno.EIO})
# Before the second and the third try. They are short: a broken disk fails for each of a million pictures.
PAUSES_S = (0.1, 0.5)

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # should a file have become a pipe since it was looked at
)
_SPECIAL = (
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISFIFO, "a named pipe, not a regular file"),
    (stat.S_ISSOCK, "a socket, not a regular file"),
    (stat.S_ISCHR, "a device, not a regular file"),
    (stat.S_ISBLK, "a device, not a regular file"),
)


def read_file(file: str | os.PathLike[str]) -> bytes:
    """Read a whole regular file. Pipes, sockets and devices are refused without being opened.

    What may pass (a stale file handle, an input/output error) is tried again.

    Args:
        file: its name as the operating system gave it (bytes that aren't UTF-8 as surrogates).

    Raises:
        ImageError: it is missing, unreadable, too large, or no regular file.
    """
    try:
        return _patiently(_looked_at, file)
    except ValueError as error:  # a NUL in the name
        raise _error("no such file", file) from error


def read_seen(file: str) -> bytes:
    """Read a whole file that was seen to be a regular one when its folder was listed.

    It isn't looked at again, which takes as long as reading a small picture. Should it have become a pipe
    since, nothing blocks. What may pass is tried again, as in `read_file`.

    Raises:
        ImageError: it is missing, unreadable or too large.
    """
    return _patiently(_not_looked_at, file)


def _patiently(read: Callable[[str | os.PathLike[str]], bytes], file: str | os.PathLike[str]) -> bytes:
    tries = 0
    while True:
        try:
            return read(file)
        except OSError as error:
            may_pass = error.errno in PASSING_ERRNO
            if not may_pass or tries == len(PAUSES_S):
                times = f" (tried {tries + 1} times)" if may_pass else ""
                raise _error(reason(error, file) + times, file) from error
        time.sleep(PAUSES_S[tries])
        tries += 1


def _looked_at(file: str | os.PathLike[str]) -> bytes:
    _check(os.stat(file), file)
    handle = os.open(file, _FLAGS)
    try:
        return _read(handle, _check(os.fstat(handle), file))
    finally:
        os.close(handle)


def _not_looked_at(file: str | os.PathLike[str]) -> bytes:
    handle = os.open(file, _FLAGS)
    try:
        content = os.read(handle, SMALL_BYTES)
        # Few bytes mean the end, but on some network file systems; a JPEG file says itself that it ends.
        if len(content) < SMALL_BYTES and (content.endswith(JPEG_END) or not os.read(handle, 1)):
            return content
        os.lseek(handle, 0, os.SEEK_SET)
        return _read(handle, _check(os.fstat(handle), file))
    finally:
        os.close(handle)


def reason(error: OSError, file: str | os.PathLike[str]) -> str:
    """Say in plain words why the operating system wouldn't let a file or folder be read."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        dangling = os.path.islink(file)
        return "the link's target does not exist (broken symbolic link)" if dangling else "no such file"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "not allowed to read it (permission denied)"
    if error.errno == errno.ELOOP:
        return "a symbolic link that leads back to itself"
    if error.errno == errno.ENAMETOOLONG:
        return "no such file (the name is too long)"
    return f"can't be read: {error.strerror or error}"


def _check(status: os.stat_result, file: str | os.PathLike[str]) -> int:
    if not stat.S_ISREG(status.st_mode):
        words = next((w for test, w in _SPECIAL if test(status.st_mode)), "special, not a regular file")
        raise _error(words, file)
    if status.st_size > MAX_FILE_BYTES:
        raise _error(f"too large ({status.st_size:,} bytes; the limit is {MAX_FILE_BYTES:,})", file)
    return status.st_size


def _read(handle: int, size: int) -> bytes:
    content = os.read(handle, size + 1)
    if len(content) == size:
        return content
    parts = [content]  # the file is growing or shrinking, or the system gives less than asked for
    while parts[-1] and sum(map(len, parts)) <= MAX_FILE_BYTES:
        parts.append(os.read(handle, 1 << 20))
    return b"".join(parts)


def _error(words: str, file: str | os.PathLike[str]) -> ImageError:
    return ImageError(words, where=os.fsdecode(file), remedy="check the file, or leave it out")
