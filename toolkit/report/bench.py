"""What a benchmark looks like on a terminal, and the series behind its charts; drawn from the record alone."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.bench.record import samples_ms
from toolkit.report.tables import Column, render

Document = Mapping[str, Any]

BYTES_PER_GB = 1_000_000_000
POINTS = 400  # of a curve: as many as a chart has pixels across, about
BINS = 80


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
    comparisons = comparison_lines(results)
    if comparisons:
        parts += ["", *comparisons]
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
    """Say in one line what was measured, with what all rows share."""
    results, settings = document["results"], document["settings"]
    first = results[0]
    shared = [settings["scenario"]]
    if first["rate_qps"] is not None:
        shared.append(f"{first['rate_qps']:g} queries/s ({first['arrivals']})")
    if settings["scenario"] == "multi-stream":
        shared.append(f"{first['images_per_query']} images a query")
    if not _varies(results, "device"):
        shared.append(first["provider"])
    if not _varies(results, "threads"):
        shared.append(_count(first["threads"], "thread"))
    queries = sum(r["queries"] for r in results)
    shared += [_count(len(first["rounds"]), "round"), f"{queries:,} queries"]
    return ", ".join(shared)


def warning_lines(document: Document) -> list[str]:
    """Return the warnings of a record: one line a kind, with the first case it concerns of several."""
    lines = [_warning(w) for w in document["warnings"]]
    results = document["results"]
    found: dict[str, list[tuple[Document, Document]]] = {}
    for result in results:
        for warning in result["warnings"]:
            found.setdefault(warning["code"], []).append((result, warning))
    for same in found.values():
        result, warning = same[0]
        others = f" (and {_count(len(same) - 1, 'other case')})" if len(same) > 1 else ""
        prefix = f"{case_label(result, results)}{others}: " if len(results) > 1 else ""
        lines.append(prefix + _warning(warning))
    return lines


def comparison_lines(results: Sequence[Document]) -> list[str]:
    """Say of each case that has a counterpart in the baseline whether it became faster or slower."""
    lines = []
    for result in results:
        found = result["comparison"]
        if found is None:
            continue
        low, high = ((bound - 1) * 100 for bound in found["ratio_ci95"])
        text = f"{(found['ratio'] - 1) * 100:+.1f} % in time (95 % interval {low:+.1f} to {high:+.1f})"
        if found["verdict"] == "no difference seen":
            text += f"; one of {found['smallest_visible_pct']:.1f} % would have shown"
        lines.append(f"{case_label(result, results)} against the baseline: {found['verdict']}, {text}")
    return lines


def closing_lines(
    document: Document, *, models: Sequence[str], output: Path | None, report: Path | None
) -> list[str]:
    """Say where the files went, and what is worth typing next."""
    lines = ["", *[f"wrote {path} ({path.stat().st_size:,} bytes)" for path in (output, report)
                   if path is not None and path.is_file()]]  # fmt: skip
    first = models[0]
    if document["interrupted"]:
        return lines[1:]
    if output is None:
        lines.append(f"next: toolkit bench {' '.join(models)} -o bench.json   keeps every query")
    elif document["settings"]["baseline"] is None:
        lines.append(f"next: toolkit bench {first} --baseline {output}   compares with this run")
    return lines


def case_label(result: Document, results: Sequence[Document]) -> str:
    """Name a case as shortly as the others allow."""
    parts = [model_label(result["model"])]
    if _varies(results, "device"):
        parts.append(result["device"])
    if _varies(results, "threads"):
        parts.append(_count(result["threads"], "thread"))
    if _varies(results, "batch_size"):
        parts.append(f"batch {result['batch_size']}")
    return ", ".join(parts)


def model_label(model: str) -> str:
    """Return a model's name as tables show it: a file's name without folder and ending."""
    return Path(model).stem if model.endswith(".onnx") else model


def relative_speeds(results: Sequence[Document]) -> list[float | None]:
    """Compare each case with the first model's under the same conditions: 2 is twice as fast.

    Returns:
        One per result; None where the first model has no such case.
    """
    keys = ("device", "threads", "batch_size")
    base: dict[tuple[Any, ...], Document] = {}
    for result in results:
        if result["model"] == results[0]["model"]:
            base.setdefault(tuple(result[k] for k in keys), result)
    speeds: list[float | None] = []
    for result in results:
        other = base.get(tuple(result[k] for k in keys))
        speeds.append(None if other is None else _speed(result) / _speed(other))
    return speeds


def histogram(result: Document, bins: int = BINS) -> dict[str, list[float]]:
    """Count latencies in bins of equal ratio, from the shortest to the longest: nothing is cut off.

    Args:
        result: one entry of `results`.
        bins: how many, at most.

    Returns:
        "edges_ms" (bins + 1) and "counts" (bins); the counts sum to the number of queries.
    """
    import numpy as np

    values = samples_ms(result)
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return {"edges_ms": [low, high], "counts": [len(values)]}
    edges = np.geomspace(max(low, 1e-6), high, bins + 1)
    edges[0], edges[-1] = low, high
    counts, _ = np.histogram(values, edges)
    return {"edges_ms": edges.tolist(), "counts": counts.tolist()}


def cumulative(result: Document, points: int = POINTS) -> dict[str, list[float]]:
    """Return the share of queries within each latency, densest where the tail is.

    Args:
        result: one entry of `results`.
        points: how many, at most.

    Returns:
        "latency_ms" and "share", both ascending, the last share is 1.
    """
    import numpy as np

    values = np.sort(samples_ms(result))
    tail = len(values) - np.unique(np.geomspace(1, len(values), points // 2).astype(np.int64))
    body = np.linspace(0, len(values) - 1, points // 2).astype(np.int64)
    ranks = np.union1d(tail, body)
    return {"latency_ms": values[ranks].tolist(), "share": ((ranks + 1) / len(values)).tolist()}


def over_time(result: Document, points: int = POINTS) -> dict[str, list[float]]:
    """Return median and longest latency of consecutive slices of the run, in the order measured.

    Args:
        result: one entry of `results`.
        points: how many slices, at most.

    Returns:
        "query" (number of the first one), "p50_ms" and "max_ms" of each slice.
    """
    import numpy as np

    values = samples_ms(result)
    slices = np.array_split(values, min(points, len(values)))
    starts = np.cumsum([0, *[len(s) for s in slices[:-1]]])
    return {
        "query": starts.tolist(),
        "p50_ms": [float(np.median(s)) for s in slices],
        "max_ms": [float(s.max()) for s in slices],
    }


def by_batch_size(results: Sequence[Document]) -> dict[str, dict[str, list[Any]]]:
    """Return throughput and median latency against batch size, one series per model, device and threads.

    Returns:
        series name -> "batch_size", "throughput", "throughput_ci95", "p50_ms", ascending batch sizes.
    """
    series: dict[str, list[Document]] = {}
    for result in results:
        parts = [model_label(result["model"])]
        parts += [result["device"]] if _varies(results, "device") else []
        parts += [_count(result["threads"], "thread")] if _varies(results, "threads") else []
        series.setdefault(", ".join(parts), []).append(result)
    drawn = {}
    for name, members in series.items():
        ordered = sorted(members, key=lambda r: int(r["batch_size"]))
        drawn[name] = {
            "batch_size": [r["batch_size"] for r in ordered],
            "throughput": [r["throughput"] for r in ordered],
            "throughput_ci95": [r["throughput_ci95"] for r in ordered],
            "p50_ms": [r["latency_ms"]["p50"] for r in ordered],
        }
    return drawn


def significant(value: float | None, digits: int = 3) -> str | None:
    """Write a number with at most three significant digits, never in powers of ten: 0.0475, 21,300."""
    if value is None:
        return None
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return f"{rounded:,.{max(0, places)}f}"


def _main_table(results: Sequence[Document], percent: float) -> str:
    offline = results[0]["scenario"] == "offline"
    several = _varies(results, "model")
    columns = [*_naming_columns(results), Column("batch", numeric=True)]
    figures = ["ms/image"] if offline else ["p50 ms", "±%", f"p{percent:g} ms"]
    figures += ["images/s"] + (["±%"] if offline else []) + (["speed"] if several else [])
    columns += [Column(title, numeric=True) for title in figures]
    rows = []
    for result, speed in zip(results, relative_speeds(results), strict=True):
        row = [*_naming_cells(result, results), result["batch_size"]]
        if offline:
            row += [significant(1000 / result["throughput"])]
        else:
            latency = result["latency_ms"]
            row += [significant(latency["p50"]), _half_width(latency["p50"], latency["p50_ci95"])]
            row += [significant(latency[f"p{percent:g}"])]
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
    title = f"Cold start (median of {_count(results[0]['cold_starts'], 'fresh process')})"
    return render(columns, rows, title=title)


def _naming_columns(results: Sequence[Document]) -> list[Column]:
    """Columns that tell the rows apart; what all rows share stands above the table."""
    columns = [Column("model", fold=True)]
    columns += [Column("device")] if _varies(results, "device") else []
    columns += [Column("threads", numeric=True)] if _varies(results, "threads") else []
    return columns


def _naming_cells(result: Document, results: Sequence[Document]) -> list[Any]:
    cells: list[Any] = [model_label(result["model"])]
    cells += [result["device"]] if _varies(results, "device") else []
    cells += [result["threads"]] if _varies(results, "threads") else []
    return cells


def _varies(results: Sequence[Document], key: str) -> bool:
    return len({result[key] for result in results}) > 1


def _speed(result: Document) -> float:
    if result["scenario"] == "offline" or result["latency_ms"]["p50"] is None:
        return float(result["throughput"])
    return 1 / float(result["latency_ms"]["p50"])


def _half_width(value: float | None, interval: Sequence[float] | None) -> str | None:
    if not value or interval is None:
        return None
    half_pct = (interval[1] - interval[0]) / 2 / value * 100
    return "<0.1" if half_pct < 0.05 else f"{half_pct:.1f}"


def _warning(warning: Mapping[str, str]) -> str:
    return f"{warning['message']}: {warning['remedy']}"


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
