"""Raw samples -> percentiles, throughput, intervals, stage shares."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.figures import Latency, Nanoseconds, Round, Stage
from toolkit.stats.intervals import mean_interval, median_of, quantile_interval, throughput_interval
from toolkit.stats.latency import PERCENTILES, percentile_key, supported_percentile

BLOCKS = 100  # of consecutive queries, over all rounds; enough for a 95 % interval to settle
FEWEST_QUERIES_A_BLOCK = 4


def latencies_ns(rounds: Sequence[Round]) -> Nanoseconds:
    """Return the time of every query of all rounds, in the order measured, int64 [queries], nanoseconds."""
    return np.concatenate([r.latency_ns for r in rounds]) if rounds else np.empty(0, np.int64)


def summarize(rounds: Sequence[Round], asked_percent: float | None = None) -> Latency:
    """Summarise the queries of all rounds; at least one query is needed.

    Args:
        rounds: raw samples.
        asked_percent: one more percentile that the user named.
    """
    ordered = np.sort(latencies_ns(rounds))
    wanted = sorted({*PERCENTILES, *(() if asked_percent is None else (asked_percent,))})
    percentiles = {percentile_key(p): supported_percentile(ordered, p) for p in wanted}
    return Latency(
        minimum=int(ordered[0]),
        percentiles=percentiles,
        maximum=int(ordered[-1]),
        mean=float(ordered.mean()),
        std=float(ordered.std()),
        ci95={
            key: None if value is None else quantile_interval(ordered, p)
            for p, (key, value) in zip(wanted, percentiles.items(), strict=True)
        },
        p50_processes_ci95=mean_interval(medians_of(rounds)),
    )


def throughput(
    rounds: Sequence[Round], images_per_query: int, seed: int = 0
) -> tuple[float, tuple[float, float] | None]:
    """Return pictures a second of wall time, and its 95 % interval: see `throughput_interval`.

    Pauses between queries count: one over the latency would leave them out.

    Args:
        rounds: raw samples; at least one query.
        images_per_query: pictures a query.
        seed: of the resampling.
    """
    images = images_per_query * sum(len(r.due_ns) for r in rounds)
    wall_s = max(1, sum(r.wall_ns for r in rounds)) / 1e9
    counts, durations, numbers = _blocks(rounds)
    return images / wall_s, throughput_interval(counts * images_per_query, durations, numbers, seed=seed)


def _blocks(rounds: Sequence[Round]) -> tuple[Nanoseconds, Nanoseconds, Nanoseconds]:
    """Cut rounds into blocks of consecutive queries: (queries, wall time, place of its round), int64 [blocks] each."""
    counts, durations, places = ([np.empty(0, np.int64)] for _ in range(3))
    share = max(1, BLOCKS // max(1, len(rounds)))
    for place, each in enumerate(rounds):
        queries = len(each.due_ns)
        blocks = min(share, queries // FEWEST_QUERIES_A_BLOCK)
        if blocks == 0:
            continue
        ends = np.linspace(0, queries, blocks + 1).astype(np.int64)[1:]
        counts.append(np.diff(ends, prepend=0))
        # From the last answer of the block before to the last of this one: the pauses are in it.
        durations.append(np.diff(each.finished_ns[ends - 1], prepend=each.due_ns[0]))
        places.append(np.full(blocks, place))
    return np.concatenate(counts), np.concatenate(durations), np.concatenate(places)


def stage_shares(rounds: Sequence[Round], names: Sequence[str]) -> tuple[Stage, ...]:
    """Summarise the stages of a pipeline: median and mean time per query, and share of the whole.

    Args:
        rounds: raw samples; those without stages are left out.
        names: of the stages, in order.
    """
    parts = [r.stages_ns for r in rounds if r.stages_ns is not None and len(r.stages_ns)]
    if not parts:
        return ()
    times = np.concatenate(parts)
    total = max(1, int(times.sum()))
    return tuple(
        Stage(
            name=name,
            p50=median_of(column),
            mean=float(column.mean()),
            share=float(column.sum()) / total,
        )
        for name, column in zip(names, times.T, strict=True)
    )


def medians_of(rounds: Sequence[Round], *, offline: bool = False) -> NDArray[np.float64]:
    """Return one time per round, float64 [rounds], nanoseconds: the median, or offline the wall time a query.

    Args:
        rounds: raw samples; those without a query are left out.
        offline: there latency means nothing.
    """
    done = [r for r in rounds if len(r.due_ns)]
    if offline:
        return np.array([r.wall_ns / len(r.due_ns) for r in done], np.float64)
    return np.array([median_of(r.latency_ns) for r in done], np.float64)


def half_width_pct(latency: Latency) -> float | None:
    """Return how far the wider interval of the median reaches to either side, percent of the median.

    Returns:
        None where one of the intervals can't be told yet.
    """
    median = latency.percentiles.get("p50")
    if not median or latency.p50_ci95 is None or latency.p50_processes_ci95 is None:
        return None
    return max(high - low for low, high in (latency.p50_ci95, latency.p50_processes_ci95)) / 2 / median * 100
