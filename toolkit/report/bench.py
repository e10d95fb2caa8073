"""What a benchmark looks like on a terminal, drawn from the record alone."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.report.axes import significant
from toolkit.report.bench_lines import (
    bottleneck,
    comparison_lines,
    first_lines,
    placement_text,
)
from toolkit.report.bench_names import Document, model_label, varies
from toolkit.report.tables import Column, render
from toolkit.stats.latency import percentile_key
from toolkit.wording import count

BYTES_PER_GB = 1_000_000_000
WIDEST_SHOWN_PCT = 999  # an interval of two rounds that differ is wider than any column


def render_result(document: Document) -> str:
    """Render a record for a terminal: the machine, cold starts, and last the figures that were asked for."""
    results = document["results"]
    parts = [machine_line(document["machine"])]
    if not results:
        return "\n".join([*parts, "", "nothing was measured before the interruption"])
    parts += [
        "",
        _cold_table(results),
        "",
        conditions_line(document),
        "",
        _main_table(results, document["settings"]["percentile"]),
    ]
    piped = [bottleneck(result, results) for result in results if result.get("stages")]
    parts += ["", *map(_wrapped, piped)] if piped else []
    comparisons = [*first_lines(results), *comparison_lines(results)]
    if comparisons:
        parts += ["", *map(_wrapped, comparisons)]
    parts += [f"gate met: {g['subject']}: {g['message']}" for g in document["gates"] if g["met"]]
    if document["interrupted"]:
        parts += ["", "interrupted: the figures stand on what was measured until then"]
    return "\n".join(parts)


def machine_line(machine: Mapping[str, Any]) -> str:
    """Name the machine in lines of at most 80 columns."""
    cores = f"{machine['cores_usable']} of {machine['cores_physical'] or '?'} cores"
    memory = f"{machine['memory_bytes'] / BYTES_PER_GB:.3g} GB"
    gpus = [gpu["name"] for gpu in machine["gpu"] or ()]
    software = [f"Python {machine['python']}", str(machine["onnxruntime"]), str(machine["os"])]
    text = ", ".join([str(machine["cpu"]), cores, memory, *gpus, *software])
    return textwrap.fill(text, 80, break_long_words=False, break_on_hyphens=False)


def conditions_line(document: Document) -> str:
    """Say what was measured, with what all rows share and what measuring itself costs."""
    results, settings = document["results"], document["settings"]
    first = results[0]
    shared = [settings["scenario"]]
    if first["rate_qps"] is not None:
        shared.append(f"{first['rate_qps']:,.10g} queries/s ({first['arrivals']})")
    if settings["scenario"] == "multi-stream":
        shared.append(f"{first['images_per_query']} images a query")
    if not varies(results, "device"):
        shared.append(placement_text(first))
    if first.get("transfer", "host-arrays") != "host-arrays":
        shared.append(first["transfer"])
    if not varies(results, "threads"):
        shared.append(count(first["threads"], "thread"))
    queries = sum(r["queries"] for r in results)
    shared += [count(len(first["rounds"]), "round"), count(queries, "query")]
    harness_ns = document.get("conditions", {}).get("harness_ns")
    shared += [] if harness_ns is None else [f"harness {harness_ns:,} ns a query"]
    return _wrapped(", ".join(shared))


def next_command(document: Document, *, output: Path | None, again: Callable[..., str]) -> str | None:
    """Return the command that is worth typing next, with what it does; None where there is none.

    Args:
        document: the record.
        output: where it was written; None: nowhere.
        again: writes the command as it was typed with options added, `without` some flags: `toolkit.cli.retyped`.
    """
    settings = document["settings"]
    if document["interrupted"]:
        return None
    if output is None:
        return f"{again(['-o', 'bench.json'])}   keeps every query"
    # A rate that is found, and one round, can't be compared.
    if settings["baseline"] is None and not settings.get("find_rate") and settings.get("runs", 2) > 1:
        return f"{again(['--baseline', str(output)], without=['--json'])}   compares with this run"
    return None


def relative_speeds(results: Sequence[Document]) -> list[float | None]:
    """Compare each case with the first model's under the same conditions: 2 is twice as fast.

    Returns:
        One per result; None where the first model has no such case.
    """
    keys = ("device", "threads", "batch_size", "rate_qps")
    base: dict[tuple[Any, ...], Document] = {}
    for result in results:
        if result["model"] == results[0]["model"]:
            base.setdefault(tuple(result[k] for k in keys), result)
    speeds: list[float | None] = []
    for result in results:
        other, paired = base.get(tuple(result[k] for k in keys)), result.get("first_comparison")
        if paired is not None:
            speeds.append(1 / paired["ratio"])
        else:
            speeds.append(None if other is None else _speed(result) / _speed(other))
    return speeds


def _main_table(results: Sequence[Document], percent: float) -> str:
    offline = results[0]["scenario"] == "offline"
    several = varies(results, "model")
    columns = [*_naming_columns(results), Column("batch", numeric=True)]
    tails = [key] if (key := percentile_key(percent)) != "p50" else []
    figures = ["ms/image"] if offline else ["p50 ms", "±%", *(f"{tail} ms" for tail in tails)]
    figures += ["images/s"] + (["±%"] if offline else []) + (["speed"] if several else [])
    columns += [Column(title, numeric=True) for title in figures]
    rows = []
    for result, speed in zip(results, relative_speeds(results), strict=True):
        row = [*_naming_cells(result, results), result["batch_size"]]
        if offline:
            row += [significant(1000 / result["throughput"])]
        else:
            latency = result["latency_ms"]
            row += [_figure(latency["p50"]), _half_width(latency["p50"], wider_interval(latency))]
            row += [_figure(latency[tail]) for tail in tails]
        row += [significant(result["throughput"])]
        row += [_half_width(result["throughput"], result["throughput_ci95"])] if offline else []
        row += [None if speed is None else f"{speed:.2f}×"] if several else []
        rows.append(row)
    return render(columns, rows)


def _cold_table(results: Sequence[Document]) -> str:
    columns = [
        *_naming_columns(results),
        Column("batch", numeric=True),
        Column("load ms", numeric=True),
        Column("first ms", numeric=True),
        Column("RSS MB", numeric=True),
        Column("file MB", numeric=True),
    ]
    rows = [
        [
            *_naming_cells(result, results),
            result["batch_size"],
            significant(result["load_ms"]),
            significant(result["first_inference_ms"]),
            significant(result["peak_rss_mb"]),
            significant(result["size_bytes"] / 1e6),
        ]
        for result in results
    ]
    title = f"Cold start (median of {count(results[0]['cold_starts'], 'fresh process')})"
    return render(columns, rows, title=title)


def _naming_columns(results: Sequence[Document]) -> list[Column]:
    """Columns that tell the rows apart; what all rows share stands above the table."""
    columns = [Column("model", fold=True)]
    columns += [Column("device")] if varies(results, "device") else []
    columns += [Column("threads", numeric=True)] if varies(results, "threads") else []
    return columns


def _naming_cells(result: Document, results: Sequence[Document]) -> list[Any]:
    cells: list[Any] = [model_label(result["model"], results)]
    cells += [result["device"]] if varies(results, "device") else []
    cells += [result["threads"]] if varies(results, "threads") else []
    return cells


def _speed(result: Document) -> float:
    if result["scenario"] == "offline" or result["latency_ms"]["p50"] is None:
        return float(result["throughput"])
    return 1 / float(result["latency_ms"]["p50"])


def wider_interval(latency: Document) -> Sequence[float] | None:
    """Return the wider 95 % interval of the median: that of its queries, or that over its processes."""
    known = [found for key in ("p50_ci95", "p50_processes_ci95") if (found := latency.get(key)) is not None]
    return max(known, key=lambda interval: float(interval[1] - interval[0]), default=None)


def _wrapped(sentence: str) -> str:
    # A figure and its sign stay on one line.
    text = sentence.replace(" %", "\N{NO-BREAK SPACE}%")
    text = textwrap.fill(text, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return text.replace("\N{NO-BREAK SPACE}%", " %")


def _figure(value: float | None) -> str | None:
    return None if value is None else significant(value)


def _half_width(value: float | None, interval: Sequence[float] | None) -> str | None:
    if not value or interval is None:
        return None
    half_pct = (interval[1] - interval[0]) / 2 / value * 100
    if half_pct > WIDEST_SHOWN_PCT:
        return f">{WIDEST_SHOWN_PCT}"
    return "<0.1" if half_pct < 0.05 else f"{half_pct:.1f}"
