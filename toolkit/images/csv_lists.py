"""Lists with columns: CSV files with a column `path`."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from toolkit.errors import InputError
from toolkit.images.inputs import shown

ROWS_PER_BLOCK = 512
PATH_COLUMN = "path"
DELIMITERS = ",;\t"

Entry = tuple[str, tuple[str, ...], int]
"""A path, the other cells of its row, and the number of its line in the file."""


def csv_columns(file: str) -> tuple[str, ...]:
    """Read the names of a CSV list's other columns.

    Args:
        file: its name.

    Raises:
        InputError: it has no column `path`.
        OSError: it can't be read.
    """
    with open(file, "rb") as stream, _text(stream) as text:  # noqa: PTH123 - the name may hold any bytes
        _, names, column = _header(text, file)
    return tuple(map(shown, names[:column] + names[column + 1 :]))


def csv_entries(stream: BinaryIO, where: str) -> Iterator[list[Entry]]:
    """Read a CSV file with a header; comma, semicolon or tab separate its columns.

    Args:
        stream: open for reading bytes, UTF-8 with or without a byte-order mark; closed at the end.
        where: the file's name, for errors.

    Yields:
        Rows with anything in them, a few hundred at a time: the cell under `path`, empty or not, and the others.

    Raises:
        InputError: it has no such column, or isn't CSV.
    """
    with _text(stream) as text:
        delimiter, names, column = _header(text, where)
        rows = csv.reader(text, delimiter=delimiter)
        while True:
            block: list[Entry] = []
            is_end = True
            try:
                for row in islice(rows, ROWS_PER_BLOCK):
                    is_end = False
                    if any(row):
                        row += [""] * (len(names) - len(row))
                        others = row[:column] + row[column + 1 : len(names)]
                        block.append((row[column], tuple(map(shown, others)), rows.line_num + 1))
            except csv.Error as error:
                yield block
                raise InputError(
                    f"line {rows.line_num + 1} of the list isn't CSV: {error}",
                    where=where,
                    remedy="correct the line",
                ) from error
            if is_end:
                return
            yield block


def _text(stream: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _header(text: io.TextIOWrapper, where: str) -> tuple[str, list[str], int]:
    """Return the delimiter, the columns' names, and which of them is `path`."""
    header = text.readline()
    for delimiter in DELIMITERS:
        names = [cell.strip() for cell in next(csv.reader([header], delimiter=delimiter), [])]
        if PATH_COLUMN in names:
            return delimiter, names, names.index(PATH_COLUMN)
    raise InputError(
        f"the list has no column '{PATH_COLUMN}'",
        where=where,
        remedy=f"write '{PATH_COLUMN}' above the column with the paths, or give a .txt list",
    )
