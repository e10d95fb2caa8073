"""PATH... -> a stream of inputs: pictures, folders, globs, lists, standard input.

The order is that of the arguments; inside a folder that of `sorted()` on the paths; inside a list its own.
A path that is named twice is two inputs. What can't be read is an input with a `failure`.
"""

# Path objects drop the "./" that was typed, and cost more than reading a small picture.
# ruff: noqa: PTH100, PTH116, PTH118, PTH119, PTH120, PTH207

import glob
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from toolkit.errors import InputError
from toolkit.images.lists import csv_entries, text_entries
from toolkit.images.read import reason
from toolkit.images.scan import PICTURE_SUFFIXES, Skipped, has_picture, is_picture_name, scan

__all__ = ["PICTURE_SUFFIXES", "Input", "Skipped", "count", "expand", "shown"]

STDIN = "-"
LIST_SUFFIXES = (".txt", ".csv")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".txz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst")
ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Input:
    r"""One thing to classify.

    Args:
        path: as shown to people: what was given, or the folder that was given and the path below it. Bytes
            that aren't UTF-8 are written as \xNN.
        file: the name to open, as the operating system gave it (such bytes as surrogates).
        label: name of the folder that holds it; None for what isn't there.
        failure: why it can't be read, where that is known already.
        path_bytes: the bytes of a path that isn't UTF-8; None for one that is.
    """

    path: str
    file: str
    label: str | None = None
    failure: str | None = None
    path_bytes: bytes | None = None


def shown(path: str) -> str:
    r"""Write a path for people: bytes that aren't UTF-8 as \\xNN."""
    if path.isascii():
        return path
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def expand(
    paths: Iterable[str | os.PathLike[str]],
    *,
    stdin: BinaryIO | None = None,
    skipped: Skipped | None = None,
) -> Iterator[Input]:
    """Turn PATH arguments into inputs, one after the other, as they are found.

    A file is an input whatever its suffix, but for lists (.txt, .csv); a folder gives the pictures below
    it; a pattern (only where nothing of that name exists) what matches it; `-` a list on standard input. A
    relative path in a list file means the list's own folder, or else the working folder; on standard input
    the working folder. Lists may name folders, but not patterns or other lists.

    Args:
        paths: as given.
        stdin: where `-` reads from; None means standard input.
        skipped: where what is left out is counted.

    Raises:
        InputError: a folder, list or pattern without a single picture (folders, patterns and list files
            are looked at before the first input is given), an archive, or an address.
    """
    arguments = [os.fspath(path) for path in paths]
    skipped = skipped if skipped is not None else Skipped()
    for argument in arguments:
        _refuse(argument)
    for argument in arguments:
        yield from _argument(argument, stdin, skipped)


def count(paths: Iterable[str | os.PathLike[str]]) -> int | None:
    """Count the inputs that `expand` would give; None where standard input is among them.

    Raises:
        InputError: see `expand`.
    """
    arguments = [os.fspath(path) for path in paths]
    return None if STDIN in arguments else sum(1 for _ in expand(arguments))


def _refuse(argument: str) -> None:
    """Say at once what can't be classified, before any work is done."""
    if argument == STDIN or _mode(argument) is not None:
        lower = argument.lower()
        if _is_folder(argument) and not has_picture(argument):
            raise _nothing_in("folder", argument)
        if _is_list(argument) and next(_list_entries(argument), None) is None:
            raise _nothing_in("list", argument)
        if lower.endswith(ARCHIVE_SUFFIXES) and not _is_folder(argument):
            raise InputError(
                "archives can't be read yet", where=shown(argument), remedy="unpack it and give the folder"
            )
    elif ADDRESS.match(argument):
        raise InputError(
            "addresses can't be read yet", where=shown(argument), remedy="copy the pictures to a folder"
        )
    elif glob.has_magic(argument) and next(_matches(argument), None) is None:
        raise _nothing_in("pattern", argument)


def _argument(argument: str, stdin: BinaryIO | None, skipped: Skipped) -> Iterator[Input]:
    if argument == STDIN:
        found = False
        for entry in text_entries(stdin or sys.stdin.buffer):
            found = True
            yield from _listed(entry, entry, skipped)
        if not found:
            raise _nothing_in("list", "standard input")
    elif _is_list(argument):
        folder = os.path.dirname(argument)
        for entry in _list_entries(argument):
            beside = os.path.join(folder, entry)
            yield from _listed(entry, beside if _mode(beside) is not None else entry, skipped)
    elif _mode(argument) is None and glob.has_magic(argument):
        for match in sorted(_matches(argument)):
            yield _file(match, match)
    else:
        yield from _listed(argument, argument, skipped)


def _listed(path: str, file: str, skipped: Skipped) -> Iterator[Input]:
    """Give one path that was named: a folder's pictures, or the file itself, there or not."""
    if not _is_folder(file):
        yield _file(path, file)
        return
    prefix, base = path.rstrip("/") or "/", file.rstrip("/") or "/"
    folder, label = "", ""
    for found in scan(base, skipped):
        if isinstance(found, OSError):
            where = os.fsdecode(found.filename)
            yield _input(prefix + where[len(base) :], where, None, f"folder: {reason(found, where)}")
            continue
        parent = os.path.dirname(found)
        if parent != folder:
            folder, label = parent, _folder_name(parent)
        yield _input(found if prefix == base else prefix + found[len(base) :], found, label)


def _file(path: str, file: str) -> Input:
    return _input(path, file, _folder_name(os.path.dirname(file)))


def _input(path: str, file: str, label: str | None, failure: str | None = None) -> Input:
    readable = shown(path)
    return Input(readable, file, label, failure, None if readable == path else os.fsencode(path))


def _folder_name(folder: str) -> str:
    name = os.path.basename(folder)
    return shown(os.path.basename(os.path.abspath(folder)) if name in ("", ".", "..") else name)


def _matches(pattern: str) -> Iterator[str]:
    """Give the files that match: pictures by name, or all where the pattern itself names the suffix."""
    names_suffix = bool(re.search(r"\.\w+$", pattern))
    for match in glob.iglob(pattern, recursive=True):
        if (names_suffix or is_picture_name(match)) and not _is_folder(match):
            yield match


def _list_entries(argument: str) -> Iterator[str]:
    try:
        with open(argument, "rb") as stream:  # noqa: PTH123 - the name may hold bytes that aren't UTF-8
            is_csv = argument.lower().endswith(".csv")
            yield from csv_entries(stream, shown(argument)) if is_csv else text_entries(stream)
    except OSError as error:
        raise InputError(
            f"the list can't be read: {reason(error, argument)}",
            where=shown(argument),
            remedy="check the file",
        ) from error


def _is_list(argument: str) -> bool:
    mode = _mode(argument) if argument.lower().endswith(LIST_SUFFIXES) else None
    return mode is not None and stat.S_ISREG(mode)


def _is_folder(file: str) -> bool:
    mode = _mode(file)
    return mode is not None and stat.S_ISDIR(mode)


def _mode(file: str) -> int | None:
    try:
        return os.stat(file).st_mode
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None


def _nothing_in(kind: str, argument: str) -> InputError:
    return InputError(
        f"no images: the {kind} holds not a single picture",
        where=shown(argument),
        remedy="give pictures, or a folder, list or pattern with some in it",
    )
