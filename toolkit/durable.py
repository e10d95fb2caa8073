"""What was written is on the disk, as far as its file system can tell."""

import contextlib
import errno
import os
from pathlib import Path

CAN_NOT_TELL = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What `fsync` fails with on a file system that has none. Source: POSIX.1-2017, fsync; Linux, vfs_fsync_range()."""


def sync(handle: int) -> None:
    """See to it that what was written through an open file is on the disk; where nobody can, it is left to the system.

    Raises:
        OSError: the disk is full, or something else is wrong with it.
    """
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in CAN_NOT_TELL:
            raise


def flush(path: Path) -> None:
    """See to it that what a file holds is on the disk.

    Raises:
        OSError: see `sync`.
    """
    with path.open("rb+") as file:  # Windows flushes only what could have been written to
        sync(file.fileno())


def replace_durably(source: Path, target: Path) -> None:
    """Give a file that is on the disk its final name, in the same folder, so that a power cut can't undo it.

    Raises:
        OSError: it can't be renamed.
    """
    source.replace(target)
    flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """See to it that a rename in a folder survives a power cut, where the system lets us."""
    if os.name == "nt":  # folders can't be opened there
        return
    # Some network file systems refuse, and a folder may be written to but not read; the file itself is safe.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
