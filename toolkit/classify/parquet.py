"""Predictions as Parquet.

While a run goes on its rows stand in an Arrow stream, batch after batch, since a Parquet file is nothing
without its end; the Parquet file is made of that when all rows are there. So it is the same however often
the run was interrupted.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from toolkit.classify.columns import PARQUET_COLUMNS, UNCERTAIN
from toolkit.classify.result import ERROR, OK
from toolkit.classify.rows import Rows, places_of
from toolkit.classify.writers import Finished, Layout, path_bytes_text, row_key
from toolkit.images.inputs import Inputs

CELLS_PER_ROW_GROUP = 8_192  # predictions held in memory before they become a row group
MAY_BE_EMPTY = frozenset({"error", "path_bytes"})

REPEATED: Any = ["status", "predictions.list.element.label"]
"""Columns whose values come again and again; a dictionary of paths would only cost memory."""


class ParquetFormat:
    """Predictions as Parquet: the keys of JSONL, typed.

    Args:
        layout: what the rows hold.
    """

    final_header = b"PAR1"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._labels = pa.array(list(layout.labels), pa.string())
        text = pa.string()
        kinds = (text, text, pa.list_(_prediction_type()), text, text)
        fields = [
            pa.field(name, kind, nullable=name in MAY_BE_EMPTY)
            for name, kind in zip(PARQUET_COLUMNS, kinds, strict=True)
        ]
        fields += [pa.field(name, pa.string()) for name in layout.columns]
        if layout.min_confidence is not None:
            fields.append(pa.field(UNCERTAIN, pa.bool_()))
        self.schema = pa.schema(fields)
        self.header: bytes = self.schema.serialize().to_pybytes()

    def encode(self, rows: Rows) -> bytes:
        """Return rows as a batch of an Arrow stream."""
        content: bytes = self._batch(rows).serialize().to_pybytes()
        return content

    def keys(self, inputs: Inputs) -> list[str]:
        """Return the paths and kept columns."""
        return [row_key(path, cells) for path, cells in self._layout.named(inputs)]

    def finished(self, file: BinaryIO) -> Iterator[Finished]:
        """Read rows back."""
        layout, start = self._layout, file.tell()
        classes = places_of(layout.labels)
        for batch in _batches(file, self.schema):
            end = file.tell() - start
            for place, row in enumerate(batch.to_pylist()):
                predictions = row["predictions"]
                if row["error"] is None:
                    layout.check(predictions)
                yield Finished(
                    row_key(row["path"], [row[name] or "" for name in layout.columns]),
                    row["error"],
                    tuple(classes[p["label"]] for p in predictions),
                    tuple(p["probability"] for p in predictions),
                    batch.slice(place, 1),
                    end if place == len(batch) - 1 else 0,
                )

    def again(self, rows: Sequence[Finished]) -> bytes:
        """Return the rows as one batch."""
        table = pa.Table.from_batches([row.raw for row in rows], self.schema).combine_chunks()
        return b"".join(batch.serialize().to_pybytes() for batch in table.to_batches())

    def complete(self, part: Path, target: Path) -> None:
        """Make a Parquet file of the Arrow stream, in row groups of a fixed number of rows."""
        rows_per_group = self._rows_per_group()
        with (
            part.open("rb") as file,
            parquet.ParquetWriter(
                str(target), self.schema, compression="zstd", use_dictionary=REPEATED
            ) as writer,
        ):
            file.seek(len(self.header))
            pending: list[Any] = []
            count = 0
            for batch in _batches(file, self.schema):
                pending.append(batch)
                count += len(batch)
                while count >= rows_per_group:
                    table = pa.Table.from_batches(pending, self.schema)
                    # In one piece: how the rows came in must not show in how they are encoded.
                    writer.write_table(table.slice(0, rows_per_group).combine_chunks())
                    pending = table.slice(rows_per_group).to_batches()
                    count -= rows_per_group
            if count:
                writer.write_table(pa.Table.from_batches(pending, self.schema).combine_chunks())

    def reopen(self, source: Path, part: Path) -> None:
        """Make an Arrow stream of the Parquet file, a batch at a time."""
        rows_at_once = self._rows_per_group()
        with parquet.ParquetFile(str(source)) as file, part.open("wb") as stream:
            if not file.schema_arrow.equals(self.schema):
                raise ValueError("other columns")
            stream.write(self.header)
            for batch in file.iter_batches(rows_at_once):
                stream.write(batch.serialize())

    def _rows_per_group(self) -> int:
        return max(1, CELLS_PER_ROW_GROUP // self._layout.top_k)

    def _batch(self, rows: Rows) -> Any:
        inputs, k = rows.inputs, self._layout.top_k
        count = len(inputs)
        best = rows.best[:, :k]
        good = np.ones(count, bool)
        good[list(rows.errors)] = False
        offsets = np.zeros(count + 1, np.int32)
        np.cumsum(good * best.shape[1], out=offsets[1:])
        structs = pa.StructArray.from_arrays(
            [
                self._labels.take(pa.array(best.ravel(), pa.int64())),
                pa.array(np.ascontiguousarray(rows.probabilities[:, :k], np.float32).ravel()),
            ],
            fields=list(_prediction_type()),
        )
        columns = [
            pa.array(inputs.paths, pa.string()),
            pa.array(np.where(good, OK, ERROR).tolist(), pa.string()),
            pa.ListArray.from_arrays(
                pa.array(offsets, pa.int32()), structs, type=self.schema.field("predictions").type
            ),
            _sparse(count, rows.errors),
            _sparse(count, {i: path_bytes_text(raw) for i, raw in inputs.path_bytes.items()}),
        ]
        for column, _ in enumerate(self._layout.columns):
            columns.append(_sparse(count, {i: cells[column] for i, cells in inputs.extras.items()}))
        if self._layout.min_confidence is not None:
            uncertain = iter((rows.probabilities[:, 0] < self._layout.min_confidence).tolist())
            columns.append(pa.array([next(uncertain) if ok else None for ok in good], pa.bool_()))
        return pa.record_batch(columns, schema=self.schema)


def _sparse(count: int, values: dict[int, str]) -> Any:
    if not values:
        return pa.nulls(count, pa.string())
    return pa.array([values.get(position) for position in range(count)], pa.string())


def _batches(file: BinaryIO, schema: Any) -> Iterator[Any]:
    """Read the batches of an Arrow stream whose beginning was read already and that has no end mark."""
    stream: Any = file
    reader = pa.ipc.MessageReader.open_stream(stream)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        yield pa.ipc.read_record_batch(message, schema)


def _prediction_type() -> Any:
    return pa.struct(
        [
            pa.field("label", pa.string(), nullable=False),
            pa.field("probability", pa.float32(), nullable=False),
        ]
    )
