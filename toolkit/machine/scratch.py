"""Temporary folders that don't outlive a crash: what a killed process left, the next one takes away."""

import contextlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from types import TracebackType

YOUNG_S = 60.0  # a folder is left alone so long: whoever made it may not have locked it yet


class ScratchFolder:
    """A temporary folder, locked for as long as it is needed.

    Args:
        kind: how its name begins, such as "toolkit-model-". Abandoned folders of this kind are removed.
        parent: the folder it lies in; None means that for temporary files.
    """

    def __init__(self, kind: str, parent: str | None = None) -> None:
        parent = tempfile.gettempdir() if parent is None else parent
        _remove_abandoned(kind, parent)
        self.path = Path(tempfile.mkdtemp(prefix=kind, dir=parent))
        self._lock = hold(self.path)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def hold(folder: Path) -> int | None:
    """Lock a folder as one that is in use; others may do so too.

    Returns:
        A handle; the lock ends when it is closed, or with the process, however that ends. None where folders
        can't be locked: nobody takes them for abandoned there.
    """
    return _locked(folder, exclusive=False)


def _remove_abandoned(kind: str, parent: str) -> None:
    with contextlib.suppress(OSError):
        for name in os.listdir(parent):  # noqa: PTH208 - names only; Path objects would cost more than the rest
            if name.startswith(kind):
                _remove_if_abandoned(Path(parent, name))


def _remove_if_abandoned(folder: Path) -> None:
    try:
        found = folder.lstat()
    except OSError:
        return
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == getattr(os, "getuid", lambda: -1)()
    if not is_own or time.time() - found.st_mtime < YOUNG_S:
        return
    lock = _locked(folder, exclusive=True)
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path, *, exclusive: bool) -> int | None:
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
