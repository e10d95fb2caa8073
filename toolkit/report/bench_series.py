"""The series behind the charts of a benchmark: bounded in size, computed from the raw samples of the record."""

from collections.abc import Sequence
from typing import Any

from toolkit.bench.record import samples_ms
from toolkit.bench.wording import count
from toolkit.report.bench_names import Document, model_label, varies

POINTS = 400  # of a curve: about as many as a chart has pixels across
BINS = 80


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
        parts += [result["device"]] if varies(results, "device") else []
        parts += [count(result["threads"], "thread")] if varies(results, "threads") else []
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
