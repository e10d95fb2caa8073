"""One folder and what is below it, in sorted order, as a stream."""

# Path objects cost more than reading a small picture does.
# ruff: noqa: PTH116, PTH118, PTH122, PTH206

import os
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.images.ordering import in_order

PICTURE_SUFFIXES: frozenset[str] = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
        *(".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".j2c", ".jpc", ".jpx", ".jpf"),
        *(".heic", ".heif", ".hif", ".avif", ".avifs", ".jxl"),
    }
)
"""What a file in a folder must end in to count as a picture, lower case; the test ignores case."""

USUAL_ENDS = frozenset({".jpg", ".JPG", ".png", ".PNG"})
NOT_MEANT = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})  # left by other systems, hidden there
PARTIAL_SUFFIX = ".part"  # of our own output while it is being written

FOLDER = "/"
UNSEEN = "\0"
"""Marks at the end of a listed name, where no name can hold them: a folder; no regular file, or a link."""


@dataclass
class Skipped:
    """What a scan leaves out, counted as it goes.

    Args:
        hidden: files and folders whose names start with a dot, and what other systems hide.
        others: files of folders and archives that aren't pictures by their names.
        folder_links: symbolic links to folders; none are where they are followed.
        follow_links: whether they are.
        left_out: real path of a folder that isn't gone into, wherever it is met; empty where there is none.
    """

    hidden: int = 0
    others: int = 0
    folder_links: int = 0
    follow_links: bool = False
    left_out: str = ""

    def anew(self) -> "Skipped":
        """Return one of the same rules that has counted nothing yet."""
        return Skipped(follow_links=self.follow_links, left_out=self.left_out)


@dataclass(frozen=True, slots=True)
class Files:
    """Pictures of one folder.

    Args:
        folder: that holds them.
        names: theirs, in sorted order.
        unseen: positions of what isn't a regular file itself: links, pipes, devices.
    """

    folder: str
    names: list[str]
    unseen: set[int]


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is hidden, here or on other systems, by its name."""
    return name.startswith(".") or name in NOT_MEANT


def is_picture_name(name: str) -> bool:
    """Tell whether a file's name ends in one of `PICTURE_SUFFIXES`, in upper or lower case."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def scan(folder: str, skipped: Skipped) -> Iterator[Files | OSError]:
    """List the pictures below a folder, in sorted order of their paths.

    The order is that of `sorted()` on the paths as written with "/": a folder's name is compared with its
    slash. Only the names of the folders on the way to the current file are held, and of a very large folder
    only a part. Hidden names are left out, links to files count as files. Where links to folders are followed,
    each real folder is listed once: under its own name if it lies below `folder`, else at the first link to it.

    Args:
        folder: its name as the operating system gave it.
        skipped: where what is left out is counted, and whether links to folders are followed.

    Yields:
        Pictures, a few hundred at a time; for a folder that can't be read, or not to its end, its error (`filename` is
        the folder) after what it did give.

    Raises:
        ToolkitError: there is no space for the temporary file in which a very large folder is sorted.
    """
    return _scan(folder, skipped, _Once(folder) if skipped.follow_links else None)


def has_picture(folder: str, *, follow_links: bool = False) -> bool:
    """Tell whether `scan` would yield anything, looking no further than the first find."""
    pending, nothing, once = [folder], Skipped(), _Once(folder) if follow_links else None
    failures: list[OSError] = []
    while pending:
        current = pending.pop()
        for name in _names(current, nothing, once, failures):
            if not name.endswith(FOLDER):
                return True
            pending.append(os.path.join(current, name[:-1]))
        if failures:
            return True  # a folder that can't be read is something to report
    return False


def folders(start: str, skipped: Skipped, failures: list[str]) -> Iterator[str]:
    """Give a folder and those below it, links to folders followed, each real folder once.

    Args:
        start: its name as the operating system gave it; empty for the working folder.
        skipped: which folder is left out; nothing is counted.
        failures: where folders go that can't be listed.
    """
    rules = Skipped(follow_links=True, left_out=skipped.left_out)
    here = start or os.curdir
    listed, given = _Once(here), _Once(here)
    pending = [start]
    while pending:
        current = pending.pop()
        place = current or os.curdir
        errors: list[OSError] = []
        if rules.left_out and os.path.realpath(place) == rules.left_out:
            continue
        below = [name[:-1] for name in _names(place, rules, listed, errors) if name.endswith(FOLDER)]
        if errors:
            failures.append(current)
        elif not given.is_first(place):
            continue
        yield current
        pending += (os.path.join(current, name) for name in sorted(below, reverse=True))


class _Once:
    """Sees to it that a scan which follows links comes by every real folder once, so that a loop ends.

    Args:
        folder: where the scan begins.
    """

    def __init__(self, folder: str) -> None:
        self._start = os.path.join(os.path.realpath(folder), "")
        self._seen: set[tuple[int, int]] = set()

    def is_first(self, folder: str) -> bool:
        """Tell whether a folder is listed now for the first time."""
        status = os.stat(folder)
        key = status.st_dev, status.st_ino
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def leads_away(self, link: str) -> bool:
        """Tell whether a link leads to where the scan doesn't come without it."""
        real = os.path.join(os.path.realpath(link), "")
        is_below = real.startswith(self._start)
        return not is_below or any(map(is_hidden, real[len(self._start) :].split(os.sep)))


def _scan(folder: str, skipped: Skipped, once: _Once | None) -> Iterator[Files | OSError]:
    if skipped.left_out and os.path.realpath(folder) == skipped.left_out:
        return
    failures: list[OSError] = []
    for block in in_order(_names(folder, skipped, once, failures)):
        yield from _files(folder, block, skipped, once)
    for error in failures:
        error.filename = folder
        yield error


def _files(folder: str, block: list[str], skipped: Skipped, once: _Once | None) -> Iterator[Files | OSError]:
    text = "".join(block)
    if FOLDER not in text and UNSEEN not in text:
        yield Files(folder, block, set())
        return
    names: list[str] = []
    unseen: set[int] = set()
    for name in block:
        if name.endswith(FOLDER):
            if names:
                yield Files(folder, names, unseen)
                names, unseen = [], set()
            yield from _scan(os.path.join(folder, name[:-1]), skipped, once)
        elif name.endswith(UNSEEN):
            unseen.add(len(names))
            names.append(name[:-1])
        else:
            names.append(name)
    if names:
        yield Files(folder, names, unseen)


def _names(folder: str, skipped: Skipped, once: _Once | None, failures: list[OSError]) -> Iterator[str]:
    """List a folder's pictures and folders, marked; what ends the list before its end goes to `failures`."""
    usual = USUAL_ENDS
    try:
        if once is not None and not once.is_first(folder):
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                try:
                    if name[-4:] in usual and name[0] != "." and entry.is_file(follow_symlinks=False):
                        yield name  # nearly all names of a folder of pictures, so this comes first
                    elif marked := _marked(entry, skipped, once):
                        yield marked
                except OSError:
                    # Some network file systems list names without kinds, so each is asked for, which may fail for
                    # one of a million. Whoever reads it learns why; without a picture's name it may be a folder.
                    yield name + (UNSEEN if is_picture_name(name) else FOLDER)
    except NotADirectoryError:  # its kind couldn't be asked for before
        skipped.others += 1
    except OSError as error:
        failures.append(error)


def _marked(entry: os.DirEntry[str], skipped: Skipped, once: _Once | None) -> str:
    """Return an entry's name, marked; nothing for one that is left out, which is counted."""
    name = entry.name
    if is_hidden(name):
        skipped.hidden += not name.endswith(PARTIAL_SUFFIX)
    elif entry.is_dir(follow_symlinks=False):
        return name + FOLDER
    elif entry.is_symlink() and _leads_to_folder(entry):
        if once is None:
            skipped.folder_links += 1
        elif once.leads_away(entry.path):
            return name + FOLDER
    elif is_picture_name(name):
        return name if entry.is_file(follow_symlinks=False) else name + UNSEEN
    else:
        skipped.others += 1
    return ""


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: an input like any other, and an error row
        return False
