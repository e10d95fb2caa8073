"""Predictions on disk, written batch by batch: CSV and JSONL, and the choice of a writer."""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from toolkit.classify.result import PROBABILITY_DECIMALS, Record, record_document

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell. Source: OWASP, "CSV Injection"."""

LINE_BREAKS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that JSON may hold as they are, but that many readers take for the end of a line."""


class Writer(Protocol):
    """Takes records in order; `close` makes the file complete."""

    def write(self, records: Sequence[Record]) -> None:
        """Write a batch, in order. Raises OSError where the disk is full."""

    def close(self) -> None:
        """Complete the file with the batches written so far, leaving out one that was cut off."""


class CommittedFile:
    """A file that grows by whole batches: what an interruption left half written is taken off at the end.

    Args:
        path: made or emptied.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666
        )
        self._size = 0

    def append(self, text: str) -> None:
        """Write text as UTF-8; it counts only once all of it is written."""
        content = memoryview(text.encode("utf-8", errors="backslashreplace"))
        size = self._size + len(content)
        while content:
            content = content[os.write(self._handle, content) :]
        self._size = size

    def close(self) -> None:
        """Take off what didn't become a whole batch, and close."""
        os.ftruncate(self._handle, self._size)
        os.close(self._handle)


class CsvWriter:
    """Predictions as CSV, with the columns of the command-line contract.

    Args:
        path: to write.
        top_k: predictions a row; columns stay empty where the model has fewer classes.
        uncertain: whether there is a column `uncertain` at the end.
    """

    def __init__(self, path: Path, *, top_k: int, uncertain: bool) -> None:
        self._file = CommittedFile(path)
        self._top_k = top_k
        self._uncertain = uncertain
        self._lines: list[str] = []
        self._csv = csv.writer(_UnixLines(self._lines))
        self._csv.writerow(csv_header(top_k, uncertain=uncertain))

    def write(self, records: Sequence[Record]) -> None:
        """Write a batch of rows."""
        for record in records:
            self._csv.writerow(self._row(record))
        self._file.append("".join(self._lines))
        self._lines.clear()

    def close(self) -> None:
        """Complete the file."""
        self._file.close()

    def _row(self, record: Record) -> list[str]:
        row = [safe_cell(record.path), record.status]
        for prediction in record.predictions:
            row += [safe_cell(prediction.label), f"{prediction.probability:.{PROBABILITY_DECIMALS}f}"]
        row += [""] * (2 + 2 * self._top_k - len(row))
        row.append(safe_cell(record.error or ""))
        if self._uncertain:
            row.append("" if record.uncertain is None else str(record.uncertain).lower())
        return row


class JsonLinesWriter:
    """Predictions as JSON, one record a line.

    Args:
        path: to write.
    """

    def __init__(self, path: Path) -> None:
        self._file = CommittedFile(path)

    def write(self, records: Sequence[Record]) -> None:
        """Write a batch of lines."""
        self._file.append("".join(json_line(record) + "\n" for record in records))

    def close(self) -> None:
        """Complete the file."""
        self._file.close()


def csv_header(top_k: int, *, uncertain: bool) -> list[str]:
    """Return the column names of the predictions CSV, in order."""
    names = ["path", "status", "label", "probability"]
    for place in range(2, top_k + 1):
        names += [f"label_{place}", f"probability_{place}"]
    return [*names, "error", *(["uncertain"] if uncertain else [])]


def safe_cell(text: str) -> str:
    """Return a text cell that no spreadsheet runs as a formula: a dangerous start gets an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def json_line(record: Record) -> str:
    """Return a record as one line of JSON, without a line break of any kind in it."""
    line = json.dumps(record_document(record), ensure_ascii=False, allow_nan=False)
    for character, escaped in LINE_BREAKS.items():
        line = line.replace(character, escaped)
    return line


def open_writer(path: Path, suffix: str, *, top_k: int, uncertain: bool) -> Writer:
    """Open the writer for an ending: .csv, .jsonl or .parquet."""
    if suffix == ".csv":
        return CsvWriter(path, top_k=top_k, uncertain=uncertain)
    if suffix == ".jsonl":
        return JsonLinesWriter(path)
    if suffix == ".parquet":
        from toolkit.classify.parquet import ParquetWriter  # pyarrow takes long to load

        return ParquetWriter(path, top_k=top_k, uncertain=uncertain)
    raise ValueError(f"no writer for {suffix!r}")


class _UnixLines:
    """Ends rows in a line feed.

    The csv module itself is left at carriage return and line feed: only then does it quote a name that
    holds a lone carriage return.
    """

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, row: str) -> int:
        self._lines.append(row.removesuffix("\r\n") + "\n")
        return len(row)
