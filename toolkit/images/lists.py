"""Lists of paths: text with one path a line, NUL-separated, CSV with a `path` column."""

import codecs
import csv
import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from toolkit.errors import InputError

CHUNK_BYTES = 1 << 16
PATH_COLUMN = "path"
DELIMITERS = ",;\t"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_entries(stream: BinaryIO) -> Iterator[str]:
    """Read paths, one a line or separated by NUL bytes, as they come in.

    A NUL before the end of the first piece read decides for NULs, so that `find -print0` works too. Blank
    lines are left out; nothing else is: spaces and "#" are part of names. UTF-8 with or without a byte-order
    mark, UTF-16 with one; bytes that are neither are kept as they are.

    Args:
        stream: open for reading bytes.
    """
    rest = _first_piece(stream)
    if rest.startswith(UTF16_MARKS):
        text = (rest + stream.read()).decode("utf-16", errors="replace")
        yield from (line for line in text.splitlines() if line)
        return
    rest = rest.removeprefix(codecs.BOM_UTF8)
    separator = b"\0" if b"\0" in rest else b"\n"
    while rest:
        *entries, rest = rest.split(separator)
        for entry in entries:
            yield from _entry(entry, separator)
        piece = _read(stream)
        if not piece:
            yield from _entry(rest, separator)
            return
        rest += piece


def csv_entries(stream: BinaryIO, where: str) -> Iterator[str]:
    """Read the `path` column of a CSV file with a header; comma, semicolon or tab separate its columns.

    Args:
        stream: open for reading bytes, UTF-8 with or without a byte-order mark; closed at the end.
        where: the file's name, for errors.

    Raises:
        InputError: it has no such column, or isn't CSV.
    """
    with io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        header = text.readline()
        delimiter = next((d for d in DELIMITERS if PATH_COLUMN in _cells(header, d)), None)
        if delimiter is None:
            raise InputError(
                f"the list has no column '{PATH_COLUMN}'",
                where=where,
                remedy=f"write '{PATH_COLUMN}' above the column with the paths, or give a .txt list",
            )
        column = _cells(header, delimiter).index(PATH_COLUMN)
        rows = csv.reader(text, delimiter=delimiter)
        try:
            for row in rows:
                if len(row) > column and row[column]:
                    yield row[column]
        except csv.Error as error:
            raise InputError(
                f"line {rows.line_num + 1} of the list isn't CSV: {error}",
                where=where,
                remedy="correct the line",
            ) from error


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


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
    # read1 gives what is there: a slow writer on the other side of a pipe isn't waited for.
    read1 = getattr(stream, "read1", stream.read)
    piece: bytes = read1(CHUNK_BYTES)
    return piece


def _entry(entry: bytes, separator: bytes) -> Iterator[str]:
    if separator == b"\n":
        entry = entry.removesuffix(b"\r")
    if entry:
        yield os.fsdecode(entry)
