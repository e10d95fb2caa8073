"""One folder and what is below it, in sorted order, as a stream."""

# Path objects cost more than reading a small picture does.
# ruff: noqa: PTH118, PTH122

import os
from collections.abc import Iterator
from dataclasses import dataclass

PICTURE_SUFFIXES: frozenset[str] = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
        *(".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".j2c", ".jpc", ".jpx", ".jpf"),
        *(".heic", ".heif", ".hif", ".avif", ".avifs", ".jxl"),
    }
)
"""What a file in a folder must end in to count as a picture, lower case; the test ignores case."""

NOT_MEANT = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})  # left by other systems, hidden there
PARTIAL_SUFFIX = ".part"  # of our own output while it is being written


@dataclass
class Skipped:
    """What a scan leaves out, counted as it goes.

    Args:
        hidden: files and folders whose names start with a dot, and what other systems hide.
        folder_links: symbolic links to folders.
    """

    hidden: int = 0
    folder_links: int = 0


def is_picture_name(name: str) -> bool:
    """Tell whether a file's name ends in one of `PICTURE_SUFFIXES`, in upper or lower case."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def scan(folder: str, skipped: Skipped) -> Iterator[str | OSError]:
    """List the pictures below a folder, in sorted order of their paths.

    The order is that of `sorted()` on the paths as written with "/": a folder's name is compared with its
    slash. Only the names of the folders on the way to the current file are held in memory. Hidden names are
    left out, links to files count as files, links to folders aren't followed.

    Args:
        folder: its name as the operating system gave it.
        skipped: where what is left out is counted.

    Yields:
        Paths below `folder`, beginning with it; for a folder that can't be read its error (`filename` is
        the folder).
    """
    try:
        names = _names(folder, skipped)
    except OSError as error:
        error.filename = folder
        yield error
        return
    names.sort(reverse=True)
    while names:  # from the end, so that what was passed on is freed
        path = os.path.join(folder, names.pop())
        if path.endswith("/"):
            yield from scan(path[:-1], skipped)
        else:
            yield path


def has_picture(folder: str) -> bool:
    """Tell whether `scan` would yield anything, looking no further than the first find."""
    pending, nothing = [folder], Skipped()
    while pending:
        current = pending.pop()
        try:
            names = _names(current, nothing)
        except OSError:
            return True  # a folder that can't be read is something to report
        if not all(name.endswith("/") for name in names):
            return True
        pending += [os.path.join(current, name[:-1]) for name in names]
    return False


def _names(folder: str, skipped: Skipped) -> list[str]:
    """List a folder's pictures and folders, the latter with a slash at the end."""
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name in NOT_MEANT:
                skipped.hidden += not name.endswith(PARTIAL_SUFFIX)
            elif entry.is_dir(follow_symlinks=False):
                names.append(name + "/")
            elif entry.is_symlink() and _leads_to_folder(entry):
                skipped.folder_links += 1
            elif is_picture_name(name):
                names.append(name)
    return names


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: an input like any other, and an error row
        return False
