"""The tables of a benchmark's page."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.report.axes import significant
from toolkit.report.bench_lines import is_blind
from toolkit.report.bench_names import case_label, model_label
from toolkit.report.page import Cell, Column, Table
from toolkit.stats.latency import interval_key

Row = Mapping[str, Any]

PARTS = 10  # of a measurement: the most rows that a case has in the table over time

COLUMNS = (
    Column("model"),
    Column("device", holds="word"),
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
                model_label(row["model"], rows), str(row["device"]), _cell(row["batch_size"]), _cell(row["threads"]),
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
            [case_label(row, rows), *(_with_interval(row["latency_ms"], name) for name in names)]
            for row in rows
        ],
        caption="In parentheses the 95 % interval, by order statistics; a dash where too few queries support the "
        "percentile.",
    )


def median_ms(row: Row) -> float:
    """Return a case's median latency, milliseconds; the mean where too few queries support a median."""
    latency = row["latency_ms"]
    return float(latency["p50"] if latency.get("p50") is not None else latency["mean"])


def _cell(value: float | None) -> Cell | str:
    if value is None:
        return "–"
    return Cell(f"{value:,}" if isinstance(value, int) else significant(value), sort=float(value))


def _with_interval(latency: Row, name: str) -> Cell | str:
    value, interval = latency.get(name), latency.get(interval_key(name))
    if value is None or interval is None:
        return _cell(value)
    low, high = map(significant, interval)
    return Cell(f"{significant(value)} ({low}–{high})", sort=float(value))


def _interval(values: Any) -> Cell | str:
    if values is None:
        return "–"
    return Cell(f"{significant(values[0])}–{significant(values[1])}", sort=float(values[0]))


def comparison_table(rows: Sequence[Row], all_rows: Sequence[Row]) -> Table:
    """Return the table of the comparison with the baseline.

    Args:
        rows: results with a counterpart.
        all_rows: all results, which decide how a case is named.
    """
    titles = ("change, %", "from, %", "to, %", "smallest visible, %")
    cells: list[list[Cell | str]] = []
    for row in rows:
        found = row["comparison"]
        changes = [(value - 1) * 100 for value in (found["ratio"], *found["ratio_ci99"])]
        shown: list[Cell | str] = [Cell(f"{change:+.1f}", sort=change) for change in changes]
        shown.append(Cell(f"{found['smallest_visible_pct']:.1f}", sort=float(found["smallest_visible_pct"])))
        if is_blind(found):
            shown[1:] = ["–"] * 3
        cells.append([case_label(row, all_rows), str(found["verdict"]), *shown])
    return Table(
        columns=[
            Column("case"),
            Column("verdict", holds="word"),
            *(Column(title, numeric=True) for title in titles),
        ],
        rows=cells,
        caption="Change in time, its 99 % interval, and what these rounds could have shown; a dash where they are "
        "too few to tell.",
    )


def stages_table(rows: Sequence[Row], all_rows: Sequence[Row]) -> Table:
    """Return the table of the pipeline's stages.

    Args:
        rows: results with stages.
        all_rows: all results, which decide how a case is named.
    """
    return Table(
        columns=[
            Column("case"),
            Column("stage", holds="word"),
            *(Column(t, numeric=True) for t in ("p50, ms", "mean, ms", "share, %")),
        ],
        rows=[
            [
                case_label(row, all_rows), str(stage["stage"]), _cell(stage["p50_ms"]), _cell(stage["mean_ms"]),
                Cell(f"{100 * stage['share']:.1f}", sort=float(stage["share"])),
            ]
            for row in rows
            for stage in row["stages"]
        ],
        caption="Time per query of each stage.",
    )  # fmt: skip


def trials_table(rows: Sequence[Row], all_rows: Sequence[Row]) -> Table:
    """Return the table of the rates that were tried.

    Args:
        rows: results whose rate was looked for.
        all_rows: all results, which decide how a case is named.
    """
    titles = ("queries/s", "percentile, ms", "queries")
    return Table(
        columns=[Column("case"), *(Column(title, numeric=True) for title in titles), Column("held", holds="word")],
        rows=[
            [
                case_label(row, all_rows), _cell(trial["rate_qps"]), _cell(trial["percentile_ms"]),
                _cell(trial["queries"]), "overloaded" if trial["overloaded"] else "yes" if trial["held"] else "no",
            ]
            for row in rows
            for trial in row["rates_tried"]
        ],
        caption="The rate that was found was measured again for the whole duration.",
    )  # fmt: skip


def sweep_table(rows: Sequence[Row]) -> Table:
    """Return the table behind throughput and latency against batch size or threads.

    Args:
        rows: the results of the document.
    """
    titles = ("batch", "threads", "pictures/s", "p50, ms", "p50 a picture, ms")
    return Table(
        columns=[Column("model"), Column("device", holds="word"), *(Column(title, numeric=True) for title in titles)],
        rows=[
            [
                model_label(row["model"], rows), str(row["device"]), _cell(row["batch_size"]), _cell(row["threads"]),
                _cell(row["throughput"]), _cell(row["latency_ms"].get("p50")),
                _cell(row["latency_per_image_ms"].get("p50")),
            ]
            for row in rows
        ],
        caption="One row per case.",
    )  # fmt: skip


def histogram_table(edges_ms: Sequence[float], cases: Sequence[tuple[str, Sequence[int]]]) -> Table:
    """Return the table behind a histogram; bins without a query are left out.

    Args:
        edges_ms: of the bins, milliseconds, ascending.
        cases: (name, count in each bin) of each.
    """
    rows: list[list[Cell | str]] = [
        [name, _cell(low), _cell(high), _cell(int(count))]
        for name, counts in cases
        for low, high, count in zip(edges_ms[:-1], edges_ms[1:], counts, strict=True)
        if count
    ]
    titles = ("from, ms", "to, ms", "queries")
    return Table(
        columns=[Column("case"), *(Column(title, numeric=True) for title in titles)],
        rows=rows,
        caption="Every query is in one of the bins.",
    )


def slices_table(curves: Sequence[tuple[str, Mapping[str, Sequence[float]]]]) -> Table:
    """Return the table behind latency over time: a tenth of the slices each.

    Args:
        curves: (name, {"query", "p50_ms", "max_ms"}) of each case.
    """
    rows: list[list[Cell | str]] = []
    for name, curve in curves:
        size = -(-len(curve["query"]) // PARTS)
        for start in range(0, len(curve["query"]), size):
            medians = sorted(curve["p50_ms"][start : start + size])
            slowest = max(curve["max_ms"][start : start + size])
            middle = medians[len(medians) // 2]
            rows.append([name, _cell(int(curve["query"][start])), _cell(middle), _cell(slowest)])
    titles = ("from query", "p50, ms", "slowest, ms")
    return Table(
        columns=[Column("case"), *(Column(title, numeric=True) for title in titles)],
        rows=rows,
        caption="Parts of the measurement, in the order measured.",
    )
