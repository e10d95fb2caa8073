"""Copy or link pictures into a folder for each class.

A picture keeps its path below the class folder, so equal names from different folders never meet. Nothing is
ever overwritten, and a picture that is there already is left alone: sorting again is doing what is missing.
"""

import contextlib
import filecmp
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from toolkit.classify.rows import Rows
from toolkit.errors import ImageError, OutputError
from toolkit.files import make_folder, output_error
from toolkit.images.held import Held
from toolkit.images.inputs import Input
from toolkit.images.remote import is_address, read_remote

UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
UP = "_up"  # for ".." in a path
DIGEST_DIGITS = 8


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
        self._folder = folder
        self._classes = [folder / folder_name(label) for label in labels]
        self._link = link

    def add(self, rows: Rows) -> None:
        """Sort the pictures of some rows; error rows stay where they are.

        Raises:
            OutputError: the disk is full, or a link can't be made.
        """
        for position, best in zip(rows.good(), rows.best[:, 0].tolist(), strict=True):
            self._sort(rows.inputs[position], self._classes[best])

    def _sort(self, item: Input, folder: Path) -> None:
        target = folder.joinpath(*parts_of(item.path))
        try:
            make_folder(target.parent)
            if _is_there(target):
                if self._is_same(item, target):
                    return
                # Another file of the same path: one was given from the root, the other from here.
                target = target.with_name(f"{target.stem}~{_digest(item)}{target.suffix}")
                if _is_there(target):
                    return
            self._put(item, target)
        except OSError as error:
            raise output_error(error, target) from error

    def _put(self, item: Input, target: Path) -> None:
        file = item.file
        if self._link and isinstance(file, str) and not is_address(file):
            _linked(file, target)
            return
        temporary = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
        try:
            if isinstance(file, str) and not is_address(file):
                shutil.copy2(file, temporary)
            else:
                temporary.write_bytes(_content(file))
            temporary.rename(target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _is_same(self, item: Input, target: Path) -> bool:
        if isinstance(item.file, str) and not is_address(item.file):
            same = os.path.samefile(item.file, target)  # noqa: PTH121 - the name may not be UTF-8
            return same or filecmp.cmp(item.file, target, shallow=False)
        return target.read_bytes() == _content(item.file)


def folder_name(label: str) -> str:
    """Return a class name as the name of a folder: what no file system takes becomes an underscore."""
    name = UNSAFE_IN_NAMES.sub("_", label).strip(" ")
    return name if name.strip(".") else f"_{name}"


def parts_of(path: str) -> list[str]:
    """Return the folders and the name under which a picture is put below its class."""
    plain = path.replace("://", "/").replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    return [UP if part == ".." else part.replace(":", "_") for part in parts]


def _is_there(target: Path) -> bool:
    return os.path.lexists(target)


def _linked(file: str, target: Path) -> None:
    try:
        os.link(os.path.realpath(file), target)
    except OSError as error:
        if isinstance(error, FileNotFoundError | FileExistsError):
            raise
        raise OutputError(
            f"can't be linked: {error.strerror}", where=target, remedy="leave --link out, to copy"
        ) from error


def _content(file: str | Held) -> bytes:
    if isinstance(file, Held):
        return file.read()
    (content,) = read_remote([file])
    if isinstance(content, ImageError):
        raise OutputError(
            f"can't be fetched again: {content.what}", where=file, remedy="run again with --resume"
        )
    return content


def _digest(item: Input) -> str:
    file = item.file if isinstance(item.file, str) else item.path
    where = file if is_address(file) else os.path.abspath(file)  # noqa: PTH100 - the name may not be UTF-8
    return hashlib.sha256(os.fsencode(where)).hexdigest()[:DIGEST_DIGITS]
