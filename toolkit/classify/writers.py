"""What a format of predictions is, and the choice of one by a file's ending."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from toolkit.classify.rows import Rows
from toolkit.images.inputs import Inputs


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the rows of a file hold.

    Args:
        labels: class names in output order.
        top_k: predictions a row.
        min_confidence: below it a row is uncertain; None means there is no such column.
        columns: names of the columns kept from a list.
    """

    labels: Sequence[str]
    top_k: int
    min_confidence: float | None = None
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """A row that is in a file already.

    Args:
        key: its path, as `Format.keys` gives it.
        error: why there is no prediction, or None.
        best: classes, most probable first.
        probabilities: theirs.
        raw: the row's own bytes.
        end: where the row ends, bytes behind the header; 0 where the file can't be cut there.
    """

    key: str
    error: str | None
    best: tuple[int, ...]
    probabilities: tuple[float, ...]
    raw: bytes
    end: int


class Format(Protocol):
    """One format of predictions."""

    header: bytes
    """What the file begins with while it grows."""

    final_header: bytes
    """What the finished file begins with."""

    grows: bool
    """Whether the finished file is what it was while it grew; else `complete` makes it."""

    def encode(self, rows: Rows) -> bytes:
        """Return rows as they stand in the file."""

    def keys(self, inputs: Inputs) -> list[str]:
        """Return what `Finished.key` of these inputs' rows would be."""

    def finished(self, file: BinaryIO) -> Iterator[Finished]:
        """Read rows back, from behind the header to the end of the file."""

    def complete(self, part: Path, target: Path) -> None:
        """Make the finished file `target` of all rows in `part`."""

    def reopen(self, source: Path, part: Path) -> None:
        """Make of the finished file `source` again what it was while it grew: the file `part`, all rows in it."""


def open_format(suffix: str, layout: Layout) -> Format:
    """Return the format for an ending: .csv, .jsonl or .parquet."""
    # Each where it is needed: pyarrow takes long to load.
    if suffix == ".csv":
        from toolkit.classify.csv_format import CsvFormat

        return CsvFormat(layout)
    if suffix == ".jsonl":
        from toolkit.classify.json_format import JsonLinesFormat

        return JsonLinesFormat(layout)
    if suffix == ".parquet":
        from toolkit.classify.parquet import ParquetFormat

        return ParquetFormat(layout)
    raise ValueError(f"no format for {suffix!r}")


def path_bytes_text(raw: bytes) -> str:
    """Return the bytes of a path that isn't UTF-8 as they stand in JSON and Parquet: base64."""
    return base64.b64encode(raw).decode("ascii")
