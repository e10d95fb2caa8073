"""Copy or link pictures into a folder for each class.

A picture keeps its path below the class folder, so equal names from different folders never meet. Nothing is
ever overwritten, and a picture that is there already is left alone: sorting again is doing what is missing.

A picture is copied under a name that tells only where it came from, and then gets its own. So what a killed run
left is used up by the next one that sorts the same picture.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.classify.rows import Rows
from toolkit.errors import ImageError, OutputError
from toolkit.files import make_folder, output_error
from toolkit.images.addresses import LINK, is_address, links
from toolkit.images.held import Held
from toolkit.images.inputs import Input
from toolkit.images.read import reason
from toolkit.images.remote import read_remote

UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
UP = "_up"  # for ".." in a path
DIGEST_DIGITS = 8  # of the source, in the name of a second picture of one name
TEMPORARY_DIGITS = 16
LONGEST_NAME = 255  # bytes; what file systems take
LONGEST_SUFFIX = 16  # bytes; above any picture's: what is longer is the query of an address
REFUSED_NAMES = (errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG)
"""What exFAT and network shares say to "?" or ":" in a name, and to bytes that aren't UTF-8; the last, a long path."""
PIECE_BYTES = 1 << 20


class SortInto:
    """Sorts pictures by their most probable class.

    Args:
        folder: that holds the class folders; made where it is missing.
        labels: class names in output order.
        link: link instead of copying: the disk then holds each picture once.

    Raises:
        OutputError: the folder can't be made.
    """

    def __init__(self, folder: Path, labels: Sequence[str], *, link: bool) -> None:
        make_folder(folder)
        self.missed = 0
        """Pictures that could not be sorted: they can't be read any more, or the disk doesn't take their names."""
        self.first_missed = ""
        """The first of them, and why."""
        self.not_linked = 0
        """Pictures that are copied although links were asked for: no file of their own holds them."""
        self._classes = [folder / folder_name(label) for label in labels]
        self._link = link

    def add(self, rows: Rows) -> None:
        """Sort the pictures of some rows; error rows stay where they are.

        Raises:
            OutputError: the disk is full, or a link can't be made.
        """
        for position, best in zip(rows.good(), rows.best[:, 0].tolist(), strict=True):
            item = rows.inputs[position]
            try:
                self._sort(item, self._classes[best])
            except ImageError as error:
                self.missed += 1
                self.first_missed = self.first_missed or f"{item.path}: {error.what}"
            else:
                self.not_linked += self._link and _own_file(item) is None

    def _sort(self, item: Input, folder: Path) -> None:
        target = folder.joinpath(*parts_of(item.path))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if self._is_put(item, target) or _is_same(item, target):
                return
            # Another file of the same path: one was given from the root, the other from here.
            self._is_put(item, _other_name(target, _digest(item)[:DIGEST_DIGITS]))
        except OSError as error:
            if error.errno in REFUSED_NAMES:
                raise _refused(error, item) from error
            raise output_error(error, target) from error

    def _is_put(self, item: Input, target: Path) -> bool:
        """Put a picture where nothing is yet; tell whether nothing was, also while it was copied."""
        with contextlib.suppress(FileExistsError):
            if not os.path.lexists(target):
                self._put(item, target)
                return True
        return False

    def _put(self, item: Input, target: Path) -> None:
        file, here = item.file, _own_file(item)
        if self._link and here is not None:
            _linked(here, target)
            return
        temporary = target.with_name(f".{_digest(item)[:TEMPORARY_DIGITS]}.part")
        pieces = _content(file)
        first = next(pieces, b"")  # nothing is made where there is nothing to read
        try:
            temporary.unlink(missing_ok=True)
            with temporary.open("xb") as copy:
                copy.write(first)
                copy.writelines(pieces)
            if here is not None:
                # It may be gone by now, and some disks let nobody set times and permissions; its content is copied.
                with contextlib.suppress(OSError):
                    shutil.copystat(here, temporary)
            _give_name(temporary, target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def folder_name(label: str) -> str:
    """Return a class name as the name of a folder: what no file system takes becomes an underscore."""
    name = UNSAFE_IN_NAMES.sub("_", label).strip(" ")
    return name if name.strip(".") else f"_{name}"


def parts_of(path: str) -> list[str]:
    """Return the folders and the name under which a picture is put below its class.

    Of a picture in an archive at an address the archive comes first: its own name stays the last.
    """
    if is_address(path):
        before, head, after = links(path)
        path = "/".join((*reversed(after), LINK.join((*before, head))))
    plain = path.replace("://", "/").replace(os.sep, "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    return [UP if part == ".." else _short_enough(re.sub(r"[:\\]", "_", part)) for part in parts]


def _own_file(item: Input) -> str | None:
    """Return the file that holds a picture and nothing else; None in an archive and at an address."""
    return item.file if isinstance(item.file, str) and not is_address(item.file) else None


def _is_same(item: Input, target: Path) -> bool:
    with contextlib.suppress(OSError):
        if isinstance(item.file, str) and os.path.samefile(item.file, target):  # noqa: PTH121 - may not be UTF-8
            return True
    if not target.is_file():
        return False
    with target.open("rb") as there:
        return all(there.read(len(piece)) == piece for piece in _content(item.file)) and not there.read(1)


def _linked(file: str, target: Path) -> None:
    try:
        os.link(os.path.realpath(file), target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in REFUSED_NAMES:
            raise
        if not os.path.exists(file):  # noqa: PTH110 - the name may not be UTF-8
            raise _unreadable(error, file) from error
        raise OutputError(
            f"can't be linked: {error.strerror}", where=target, remedy="leave --link out, to copy"
        ) from error


def _give_name(temporary: Path, target: Path) -> None:
    """Give a file its name, unless there is one of that name by now.

    Raises:
        FileExistsError: there is.
    """
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without links: the name is taken first, with an empty file
        os.close(os.open(target, os.O_CREAT | os.O_EXCL))
        temporary.replace(target)


def _content(file: str | Held) -> Iterator[bytes]:
    """Read a picture piece by piece.

    Raises:
        ImageError: it can't be read any more.
    """
    if isinstance(file, Held):
        yield file.read()
    elif is_address(file):
        (content,) = read_remote([file])
        if isinstance(content, ImageError):
            raise content
        yield content
    else:
        try:
            with open(file, "rb") as stream:  # noqa: PTH123 - the name may not be UTF-8
                while piece := stream.read(PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise _unreadable(error, file) from error


def _refused(error: OSError, item: Input) -> ImageError:
    what = f"the disk takes no such name ({error.strerror})"
    return ImageError(what, where=item.path, remedy="rename it, or sort it onto another disk")


def _unreadable(error: OSError, file: str) -> ImageError:
    return ImageError(reason(error, file), where=file, remedy="put it back, and run again with --resume")


def _short_enough(name: str) -> str:
    """Return a name as file systems take it: the query of an address may be longer, and then a digest stands for it."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return _other_name(Path(name), hashlib.sha256(name.encode()).hexdigest()[:DIGEST_DIGITS]).name


def _other_name(target: Path, digest: str) -> Path:
    """Return the name for a second picture of one name, no longer than a name may be."""
    suffix = target.suffix if len(target.suffix.encode()) <= LONGEST_SUFFIX else ""
    end = f"~{digest}{suffix}"
    stem = target.stem.encode()[: LONGEST_NAME - len(end.encode())]
    return target.with_name(stem.decode(errors="ignore") + end)


def _digest(item: Input) -> str:
    file = item.file if isinstance(item.file, str) else item.path
    where = file if is_address(file) else os.path.abspath(file)  # noqa: PTH100 - the name may not be UTF-8
    return hashlib.sha256(os.fsencode(where)).hexdigest()
