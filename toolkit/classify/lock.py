"""One run at a time works on an output: its journal is locked."""

import contextlib
import os
from pathlib import Path

from toolkit.errors import OutputError

TRIES = 10  # as often as runs may end between opening and locking


def open_locked(journal: Path, output: Path) -> int:
    """Open a journal for reading and appending, made where it is missing, and lock it.

    Args:
        journal: of the output.
        output: for errors.

    Returns:
        The handle; the lock goes with it, also when the process is killed.

    Raises:
        OutputError: another run is at it.
        OSError: it can't be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    for left in reversed(range(TRIES)):
        handle = os.open(journal, flags, 0o666)
        try:
            _lock(handle, output)
            # Else a run that has just ended took the file away: what was locked has no name any more. A file system
            # that gives one file two numbers would say so each time.
            if _is_at(handle, journal) or not left:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    raise AssertionError


def _is_at(handle: int, path: Path) -> bool:
    """Tell whether an open file is the one of this name."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _lock(handle: int, output: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has none, and doesn't let two processes rename one file
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            "another run is writing this output", where=output, remedy="wait for it, or choose another name"
        ) from error
    except OSError:  # some network file systems know no locks
        return
