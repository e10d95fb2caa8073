"""Lists with columns: CSV files with a column `path`."""

import codecs
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
SEPARATOR_LINE = "sep="  # what Excel wants above the header where the separator isn't the one of its language
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Python's words for what a quotation mark that is never closed leads to, at the end of a file or far before it.
NOT_CLOSED, TOO_LONG = "unexpected end of data", "field larger than field limit"
MAYBE = "is a quotation mark not closed?"

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
        _, names, column, _ = _header(text, file)
    return tuple(map(shown, names[:column] + names[column + 1 :]))


def csv_entries(stream: BinaryIO, where: str) -> Iterator[list[Entry]]:
    """Read a CSV file with a header; comma, semicolon or tab separate its columns.

    Args:
        stream: a file open for reading bytes, UTF-8 with or without a byte-order mark or UTF-16 with one; closed at
            the end.
        where: the file's name, for errors.

    Yields:
        Rows with anything in them, a few hundred at a time: the cell under `path`, empty or not, and the others.

    Raises:
        InputError: it has no such column, or isn't CSV.
    """
    with _text(stream) as text:
        delimiter, names, column, above = _header(text, where)
        # Strict: a quotation mark that is never closed would else swallow the rows after it in silence.
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        began = 0
        while True:
            block: list[Entry] = []
            is_end = True
            try:
                for row in islice(rows, ROWS_PER_BLOCK):
                    is_end, began = False, rows.line_num
                    if any(row):
                        # With one column a comma is in a name, which nobody put in quotes.
                        if len(names) == 1 and "".join(row[1:]).strip():
                            row = [delimiter.join(row)]
                        row += [""] * (len(names) - len(row))
                        others = row[:column] + row[column + 1 : len(names)]
                        block.append((row[column], tuple(map(shown, others)), rows.line_num + above))
            except csv.Error as error:
                yield block
                line, detail = rows.line_num + above, str(error)
                if NOT_CLOSED in detail or TOO_LONG in detail:
                    line = began + above + 1  # where the row begins
                    detail = (
                        "a quotation mark is not closed" if NOT_CLOSED in detail else f"{detail}; {MAYBE}"
                    )
                raise InputError(
                    f"line {line} of the list isn't CSV: {detail}",
                    where=where,
                    remedy="correct the line",
                ) from error
            if is_end:
                return
            yield block


def _text(stream: BinaryIO) -> io.TextIOWrapper:
    start = stream.read(len(codecs.BOM_UTF16_LE))
    stream.seek(0)
    if start in UTF16_MARKS:  # "Unicode text" of a spreadsheet
        return io.TextIOWrapper(stream, encoding="utf-16", errors="replace", newline="")
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _names(text: io.TextIOWrapper, delimiter: str) -> tuple[list[str], int]:
    """Return the cells of the row that comes next, and how many lines it took: a cell in quotes may hold some."""
    start = text.tell()
    # Not the text itself, which would be read ahead of the row.
    rows = csv.reader(iter(text.readline, ""), delimiter=delimiter, strict=True)
    try:
        names, lines = next(rows, []), rows.line_num
    except csv.Error:  # of a quotation mark that is never closed, the line alone
        text.seek(start)
        names, lines = next(csv.reader([text.readline()], delimiter=delimiter), []), 1
    return [name.strip() for name in names], lines


def _header(text: io.TextIOWrapper, where: str) -> tuple[str, list[str], int, int]:
    """Return the delimiter, the columns' names, which of them is `path`, and how many lines all that took."""
    above = 1 if text.readline().lower().startswith(SEPARATOR_LINE) else 0
    if not above:
        text.seek(0)
    start = text.tell()
    for delimiter in DELIMITERS:
        text.seek(start)
        names, lines = _names(text, delimiter)
        if PATH_COLUMN in names:
            return delimiter, names, names.index(PATH_COLUMN), above + lines
    raise InputError(
        f"the list has no column '{PATH_COLUMN}'",
        where=where,
        remedy=f"write '{PATH_COLUMN}' above the column with the paths, or give a .txt list",
    )
