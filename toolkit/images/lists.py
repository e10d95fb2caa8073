"""Lists of paths: text with one path a line, NUL-separated, CSV with a `path` column."""

# Path objects change names, and these may hold bytes that are not UTF-8.
# ruff: noqa: PTH113, PTH118

import codecs
import os
import select
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from toolkit.errors import InputError
from toolkit.images.addresses import is_address
from toolkit.images.csv_lists import UTF16_MARKS, csv_columns, csv_entries
from toolkit.images.inputs import shown
from toolkit.images.read import reason

LIST_SUFFIXES = (".txt", ".csv")
CHUNK_BYTES = 1 << 16
LOOK_EVERY_MS = 250


def is_list(argument: str) -> bool:
    """Tell whether a PATH argument is a list: a regular file with the ending of one."""
    return argument.lower().endswith(LIST_SUFFIXES) and os.path.isfile(argument)


def list_entries(argument: str) -> Iterator[Sequence[tuple[str, tuple[str, ...] | None, int]]]:
    """Read the entries of a list, a few hundred at a time: each a path, the other cells of its row, and its line.

    The path of a CSV row that has something in other cells only is empty; the line is 0 where it doesn't matter.

    Raises:
        InputError: it can't be read, or is a CSV file without a column `path`.
    """
    try:
        with open(argument, "rb") as stream:  # noqa: PTH123 - the name may hold bytes that aren't UTF-8
            if argument.lower().endswith(".csv"):
                yield from csv_entries(stream, shown(argument))
            else:
                for entries in text_entries(stream):
                    yield [(entry, None, 0) for entry in entries]
    except OSError as error:
        raise _unreadable(error, argument) from error


def as_meant(entry: str, folder: str = "") -> tuple[str, str]:
    """Return the path that an entry stands for, and the file to open.

    An entry is a path as it is written. Only where nothing of that name is there, and something is under the
    name without the white space around it, that is meant: no file can get lost by it.

    Args:
        entry: of a list.
        folder: of the list's file, in which relative paths are looked for first; "" for standard input.
    """
    plain = entry.strip()
    if is_address(plain):
        return plain, plain
    if plain == entry and not folder:  # nearly always, and nobody has to look
        return entry, entry
    for path in (entry, plain) if plain else (entry,):
        for file in (os.path.join(folder, path), path):
            if os.path.lexists(file):
                return path, file
    return entry, entry


def list_columns(paths: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Return the names of the columns that the .csv lists among PATH have besides `path`.

    Raises:
        InputError: there is no such list, two have different columns, or one has two of the same name.
    """
    found: tuple[str, ...] | None = None
    for argument in [os.fspath(path) for path in paths]:
        if not (is_list(argument) and argument.lower().endswith(".csv")):
            continue
        try:
            columns = csv_columns(argument)
        except OSError as error:
            raise _unreadable(error, argument) from error
        if found is not None and columns != found:
            raise InputError(
                "the lists have different columns",
                where=shown(argument),
                remedy="classify them one by one, or leave --keep-columns out",
            )
        twice = next((name for name in columns if columns.count(name) > 1), None)
        if twice is not None:
            raise InputError(
                f"the list has two columns called '{twice}'",
                where=shown(argument),
                remedy="rename one of them, or leave --keep-columns out",
            )
        found = columns
    if found is None:
        raise InputError(
            "there is no .csv list whose columns could be kept",
            where="--keep-columns",
            remedy="give a .csv list, or leave the option out",
        )
    return found


def text_entries(stream: BinaryIO) -> Iterator[list[str]]:
    """Read paths, one a line or separated by NUL bytes, as they come in.

    A NUL before the end of the first piece read decides for NULs, so that `find -print0` works too. Empty
    lines are left out, and nothing else is: there are no comments, since a name may begin with "#", and spaces
    are part of names (but see `as_meant`). UTF-8 with or without a byte-order mark, UTF-16 with one; bytes that
    are neither are kept as they are.

    Args:
        stream: open for reading bytes.

    Yields:
        What one reading brought, one or more.
    """
    rest = _first_piece(stream)
    if rest.startswith(UTF16_MARKS):
        text = (rest + stream.read()).decode("utf-16", errors="replace")
        lines = [line for each in text.split("\n") if (line := each.removesuffix("\r"))]
        if lines:
            yield lines
        return
    rest = rest.removeprefix(codecs.BOM_UTF8)
    separator = b"\0" if b"\0" in rest else b"\n"
    while rest:
        *entries, rest = rest.split(separator)
        found = _decoded(entries, separator)
        if found:
            yield found
        piece = _read(stream)
        if not piece:
            last = _decoded([rest], separator)
            if last:
                yield last
            return
        rest += piece


def _unreadable(error: OSError, argument: str) -> InputError:
    return InputError(
        f"the list can't be read: {reason(error, argument)}", where=shown(argument), remedy="check the file"
    )


def _first_piece(stream: BinaryIO) -> bytes:
    """Read until the first separator, so that it can be told which one it is."""
    piece = b""
    while b"\n" not in piece and b"\0" not in piece:
        more = _read(stream)
        if not more:
            break
        piece += more
    return piece


def _read(stream: BinaryIO) -> bytes:
    _wait(stream)
    # read1 gives what is there: a slow writer on the other side of a pipe isn't waited for.
    read1 = getattr(stream, "read1", stream.read)
    piece: bytes = read1(CHUNK_BYTES)
    return piece


def _wait(stream: BinaryIO) -> None:
    """Wait until something can be read, and let Python look for signals meanwhile.

    A Ctrl-C that comes between its last look and the system call would wait for the next line of the list, for ever
    on a terminal or an idle pipe. Where another thread is about to run, that gap lasts milliseconds.
    """
    if os.name != "posix":
        return
    try:
        descriptor = stream.fileno()
    except OSError:  # bytes in memory
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not poll.poll(LOOK_EVERY_MS):
        pass


def _decoded(entries: list[bytes], separator: bytes) -> list[str]:
    if separator == b"\n":
        entries = [entry.removesuffix(b"\r") for entry in entries]
    return [os.fsdecode(entry) for entry in entries if entry]
