"""Predictions as Parquet, in row groups."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from toolkit.classify.result import Prediction, Record

CELLS_PER_ROW_GROUP = 16_384  # predictions held in memory before they become a row group


class ParquetWriter:
    """Predictions as Parquet: the keys of JSONL, typed, in row groups.

    Args:
        path: to write.
        top_k: predictions a row.
        uncertain: whether there is a column `uncertain` at the end.
    """

    def __init__(self, path: Path, *, top_k: int, uncertain: bool) -> None:
        fields = [
            pa.field("path", pa.string(), nullable=False),
            pa.field("status", pa.string(), nullable=False),
            pa.field("predictions", pa.list_(_prediction_type()), nullable=False),
            pa.field("error", pa.string()),
            pa.field("path_bytes", pa.string()),
        ]
        if uncertain:
            fields.append(pa.field("uncertain", pa.bool_()))
        self._schema = pa.schema(fields)
        self._rows_per_group = max(1, CELLS_PER_ROW_GROUP // top_k)
        self._pending: list[Record] = []
        self._writer = parquet.ParquetWriter(str(path), self._schema, compression="zstd")

    def write(self, records: Sequence[Record]) -> None:
        """Take a batch; it becomes a row group together with others."""
        self._pending.extend(records)
        if len(self._pending) >= self._rows_per_group:
            self._flush()

    def close(self) -> None:
        """Write the last row group and the footer."""
        if self._pending:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(_table(self._pending, self._schema))
        self._pending = []


def _prediction_type() -> Any:
    return pa.struct(
        [
            pa.field("label", pa.string(), nullable=False),
            pa.field("probability", pa.float32(), nullable=False),
        ]
    )


def _table(records: Sequence[Record], schema: Any) -> Any:
    flat: list[Prediction] = []
    offsets = [0]
    for record in records:
        flat.extend(record.predictions)
        offsets.append(len(flat))
    structs = pa.StructArray.from_arrays(
        [
            pa.array([p.label for p in flat], pa.string()),
            pa.array([p.probability for p in flat], pa.float32()),
        ],
        fields=list(_prediction_type()),
    )
    columns = {
        "path": [r.path for r in records],
        "status": [r.status for r in records],
        "predictions": pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), structs, type=schema.field("predictions").type
        ),
        "error": [r.error for r in records],
        "path_bytes": [r.path_bytes and base64.b64encode(r.path_bytes).decode("ascii") for r in records],
        "uncertain": [r.uncertain for r in records],
    }
    return pa.table(
        [
            c if isinstance(c, pa.Array) else pa.array(c, schema.field(name).type)
            for name, c in columns.items()
            if name in schema.names
        ],
        schema=schema,
    )
