"""The series behind the charts of a benchmark: bounded in size, computed from the raw samples of the record."""

from collections.abc import Sequence
from typing import Any

from toolkit.bench.record import samples_ms
from toolkit.report.bench_names import Document, model_label, varies
from toolkit.wording import count

POINTS = 400  # of a curve: about as many as a chart has pixels across
BINS = 80
LEAST_MS = 1e-6  # a nanosecond: what took no time has no place on a logarithmic axis


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


def swept(results: Sequence[Document], key: str) -> dict[str, dict[str, list[Any]]]:
    """Return throughput and median latency against one condition, one series per combination of the others.

    Args:
        results: the entries of `results`.
        key: "batch_size" or "threads".

    Returns:
        series name -> key, "throughput", "throughput_ci95", "p50_ms", ascending by key.
    """
    series: dict[str, list[Document]] = {}
    for result in results:
        parts = [model_label(result["model"], results)]
        parts += [result["device"]] if varies(results, "device") else []
        if key != "threads" and varies(results, "threads"):
            parts.append(count(result["threads"], "thread"))
        if key != "batch_size" and varies(results, "batch_size"):
            parts.append(f"batch {result['batch_size']}")
        series.setdefault(", ".join(parts), []).append(result)
    drawn = {}
    for name, members in series.items():
        ordered = sorted(members, key=lambda r: int(r[key]))
        drawn[name] = {
            key: [r[key] for r in ordered],
            "throughput": [r["throughput"] for r in ordered],
            "throughput_ci95": [r["throughput_ci95"] for r in ordered],
            "p50_ms": [r["latency_ms"]["p50"] for r in ordered],
        }
    return drawn


def shared_histogram(results: Sequence[Document]) -> tuple[list[float], list[list[int]]]:
    """Count the latencies of several cases in the same bins of equal ratio: nothing is cut off.

    Args:
        results: entries of `results`.

    Returns:
        (edges in milliseconds (BINS + 1), counts (BINS) of each case; they sum to its queries).
    """
    import numpy as np

    values = [samples_ms(result) for result in results]
    low = max(min(float(each.min()) for each in values), LEAST_MS)
    high = max(float(each.max()) for each in values)
    edges = np.geomspace(low, max(high, low * 1.01), BINS + 1)
    counts = [np.histogram(np.clip(each, edges[0], edges[-1]), edges)[0].tolist() for each in values]
    return edges.tolist(), counts
