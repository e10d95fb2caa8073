"""Percentiles of latency: nearest rank, and only where enough queries support them."""

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Nanoseconds = NDArray[np.int64]

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
CONFIDENCE = 0.99  # LoadGen's confidence that a claimed percentile holds


def percentile(sorted_ns: Nanoseconds, percent: float) -> int:
    """Return the nearest-rank percentile: the smallest sample that at least `percent` % don't exceed.

    Args:
        sorted_ns: latencies, int64 [N], ascending, nanoseconds, N >= 1.
        percent: above 0, at most 100.

    Returns:
        One of the samples, nanoseconds.

    Raises:
        ValueError: no samples, or a percentage out of range.

    Source: Hyndman & Fan, Sample Quantiles in Statistical Packages (1996), definition 1. The rank is
    computed in exact fractions: 0.99 * 100 in floating point would be rounded up to rank 100.
    """
    if not len(sorted_ns) or not 0 < percent <= 100:
        raise ValueError(f"percentile {percent} of {len(sorted_ns)} samples")
    rank = math.ceil(_fraction(percent) * len(sorted_ns))
    return int(sorted_ns[rank - 1])


def supported_percentile(sorted_ns: Nanoseconds, percent: float) -> int | None:
    """Return a percentile, or None where too few queries support it; see `queries_needed`.

    Args:
        sorted_ns: latencies, int64 [N], ascending, nanoseconds.
        percent: above 0, below 100.

    Source: MLPerf LoadGen, see `queries_needed`.
    """
    return percentile(sorted_ns, percent) if len(sorted_ns) >= queries_needed(percent) else None


@lru_cache
def queries_needed(percent: float, confidence: float = CONFIDENCE) -> int:
    """Return the smallest number of queries that supports a percentile.

    With that many, finding at most one query above the limit would have a probability of no more than
    1 - `confidence` if the true share of queries within the limit were only `percent`.

    Args:
        percent: above 0, below 100.
        confidence: between 0 and 1.

    Returns:
        11, 64, 130, 662 and 6,636 for 50, 90, 95, 99 and 99.9 at the default confidence.

    Raises:
        ValueError: a percentage out of range.

    Source: MLPerf Inference, loadgen/early_stopping.cc: the binomial distribution with one query over the
    limit allowed (t = 1) and no tolerance (d = 0).
    """
    if not 0 < percent < 100:
        raise ValueError(f"percentile {percent}")
    within = percent / 100

    def at_most_one_over(count: int) -> float:
        return float(within ** (count - 1) * (within + count * (1 - within)))

    low, high = 1, 2
    while at_most_one_over(high) > 1 - confidence:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at_most_one_over(middle) <= 1 - confidence else (middle, high)
    return high


def percentile_key(percent: float) -> str:
    """Name a percentile as records do: 99.0 -> "p99", 99.9 -> "p99.9"; every one has a name of its own.

    Args:
        percent: above 0, at most 100.

    Source: the command-line contract.
    """
    return f"p{float(percent)!r}".removesuffix(".0")


def interval_key(key: str) -> str:
    """Name the 95 % interval of a percentile as records do: "p99" -> "p99_ci95", "p99.9" -> "p99_9_ci95".

    Args:
        key: of the percentile.

    Source: the schema of the benchmark record.
    """
    return f"{key.replace('.', '_')}_ci95"


def _fraction(percent: float) -> Fraction:
    return Fraction(str(percent)) / 100
