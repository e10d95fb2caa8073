"""What a format of predictions is, and the choice of one by a file's ending."""

import base64
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

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

    def named(self, inputs: Inputs) -> Iterator[tuple[str, Sequence[str]]]:
        """Give what names each input's row: its path, and the columns kept from its list."""
        empty = ("",) * len(self.columns)
        for position, path in enumerate(inputs.paths):
            yield path, inputs.extras.get(position, empty) if self.columns else ()

    def check(self, predictions: Sequence[Any]) -> None:
        """Refuse a row that was read back and has predictions, but not as many as this layout has.

        Raises:
            ValueError: it was made with another --top-k.
        """
        if len(predictions) != min(self.top_k, len(self.labels)):
            raise ValueError(f"{len(predictions)} predictions in a row")


def row_key(path: str, cells: Sequence[str]) -> str:
    """Return what names a row among all rows of a file; no path has the separator in it."""
    return "\0".join((path, *cells)) if cells else path


@dataclass(frozen=True, slots=True)
class Finished:
    """A row that is in a file already.

    Args:
        key: what names it, as `Format.keys` gives it: its path, and the columns kept from a list.
        error: why there is no prediction, or None.
        best: classes, most probable first.
        probabilities: theirs.
        raw: what `Format.again` writes.
        end: where the row ends, bytes behind where the reading began; 0 where the file can't be cut there.
    """

    key: str
    error: str | None
    best: tuple[int, ...]
    probabilities: tuple[float, ...]
    raw: Any
    end: int


class Format(Protocol):
    """One format of predictions."""

    header: bytes
    """What the file begins with while it grows."""

    final_header: bytes
    """What the finished file begins with."""

    def encode(self, rows: Rows) -> bytes:
        """Return rows as they stand in the file."""

    def keys(self, inputs: Inputs) -> list[str]:
        """Return what `Finished.key` of these inputs' rows would be."""

    def finished(self, file: BinaryIO) -> Iterator[Finished]:
        """Read rows back, from behind the header, or the end of a row, to the end of the file.

        Raises:
            LookupError: it holds other classes or columns than the layout.
            ValueError: it holds something else altogether, or another number of predictions.
        """

    def again(self, rows: Sequence[Finished]) -> bytes:
        """Return rows that were read back as they stand in the file."""

    @property
    def complete(self) -> Callable[[Path, Path], None] | None:
        """Make of all rows in a file that grew the finished one; None where it is that already."""

    def reopen(self, source: Path, part: Path) -> None:
        """Make of the finished file `source` again what it was while it grew: the file `part`, all rows in it."""


class TextLines:
    """What formats of a line a row have in common: the finished file is what it was while it grew."""

    complete = None

    def again(self, rows: Sequence[Finished]) -> bytes:
        """Return the lines."""
        return b"".join(row.raw for row in rows)

    def reopen(self, source: Path, part: Path) -> None:
        """Copy the file."""
        shutil.copyfile(source, part)


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
