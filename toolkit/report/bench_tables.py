"""The tables of a benchmark's page."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.report.axes import significant
from toolkit.report.bench import case_label, model_label
from toolkit.report.page import Cell, Column, Table

Row = Mapping[str, Any]

COLUMNS = (
    Column("model"),
    Column("device"),
    Column("batch", numeric=True),
    Column("threads", numeric=True),
    Column("p50, ms", numeric=True),
    Column("95 % interval", numeric=True),
    Column("p90, ms", numeric=True),
    Column("p99, ms", numeric=True),
    Column("pictures/s", numeric=True),
    Column("load, ms", numeric=True),
    Column("first run, ms", numeric=True),
    Column("memory, MB", numeric=True),
    Column("queries", numeric=True),
)


def timing_table(rows: Sequence[Row]) -> Table:
    """Return the table of all cases.

    Args:
        rows: the results of the document.
    """
    return Table(
        columns=COLUMNS,
        rows=[
            [
                model_label(row["model"]), str(row["device"]), _cell(row["batch_size"]), _cell(row["threads"]),
                _cell(median_ms(row)), _interval(row["latency_ms"].get("p50_ci95")),
                _cell(row["latency_ms"].get("p90")), _cell(row["latency_ms"].get("p99")),
                _cell(row["throughput"]), _cell(row.get("load_ms")), _cell(row.get("first_inference_ms")),
                _cell(row.get("peak_rss_mb")), _cell(row["queries"]),
            ]
            for row in rows
        ],
        caption="One row per case; a dash where too few queries support the figure.",
    )  # fmt: skip


def percentile_table(rows: Sequence[Row]) -> Table:
    """Return the table of latencies at each percentile.

    Args:
        rows: the results of the document.
    """
    names = ("min", "p50", "p90", "p95", "p99", "p99.9", "max")
    return Table(
        columns=[Column("case"), *(Column(f"{name}, ms", numeric=True) for name in names)],
        rows=[
            [case_label(row, rows), *(_cell(row["latency_ms"].get(name)) for name in names)] for row in rows
        ],
        caption="A dash where too few queries support the percentile.",
    )


def median_ms(row: Row) -> float:
    """Return a case's median latency, milliseconds; the mean where too few queries support a median."""
    latency = row["latency_ms"]
    return float(latency["p50"] if latency.get("p50") is not None else latency["mean"])


def _cell(value: float | None) -> Cell | str:
    if value is None:
        return "–"
    return Cell(f"{value:,}" if isinstance(value, int) else significant(value), sort=float(value))


def _interval(values: Any) -> Cell | str:
    if values is None:
        return "–"
    return Cell(f"{significant(values[0])}–{significant(values[1])}", sort=float(values[0]))
