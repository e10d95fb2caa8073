"""Names of temporary files beside an output, and what killed runs left under such names.

A process that is killed at once can't remove its temporary file; the next run that writes the same output does.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
import time
from pathlib import Path

LONGEST_OF_TEMPORARY = 200
"""Bytes of a file's name in that of its temporary one, of the 255 that file systems take."""

LEAST_AGE = 24 * 3600
"""Seconds without a change after which a temporary file without a process here counts as left behind.

Processes of other machines and containers, which may share the folder, can't be seen from here; what they write is
never that old, however their clocks differ.
"""

FILE, FOLDER = "part", "parts"

MARK = secrets.token_hex(3)
"""Tells this process from one of the same number in another container, or before, that writes the same output."""


def temporary_of(path: Path, kind: str) -> Path:
    """Return the name under which this process writes an output.

    Args:
        path: the output.
        kind: `FILE` or `FOLDER`.
    """
    return path.with_name(f".{_short(path.name)}.{os.getpid()}-{MARK}.{kind}")


def remove_leftovers(path: Path) -> None:
    """Remove what runs that were killed left of an output: old, of a process that is gone, in our own form.

    What can't be looked at or removed stays; on Windows everything does, which can't be asked for a process without
    ending it.

    Args:
        path: the output.
    """
    if os.name == "nt":
        return
    form = re.compile(
        rf"\.{re.escape(_short(path.name))}\.([1-9]\d{{0,9}})(?:-[0-9a-f]{{6}})?\.({FILE}|{FOLDER})", re.ASCII
    )
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            found = form.fullmatch(entry.name)
            if found and _is_left(Path(entry.path), int(found[1]), is_folder=found[2] == FOLDER):
                _remove(Path(entry.path))


def _is_left(path: Path, process: int, *, is_folder: bool) -> bool:
    try:
        state = path.lstat()
        expected = stat.S_ISDIR if is_folder else stat.S_ISREG  # never a link, wherever it leads
        if not expected(state.st_mode):
            return False
        changed = [state.st_mtime]
        if is_folder:
            changed += [inside.lstat().st_mtime for inside in path.iterdir()]
    except OSError:
        return False
    return time.time() - max(changed) > LEAST_AGE and not _is_alive(process)


def _is_alive(process: int) -> bool:
    """Tell whether a process of this number runs here; in doubt it does."""
    if process == os.getpid():
        return False  # whoever it was before, it is us now, and we write nothing so old
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _short(name: str) -> str:
    return name.encode("utf-8", "replace")[:LONGEST_OF_TEMPORARY].decode("utf-8", "ignore")
