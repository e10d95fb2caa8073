"""Confidence intervals: of percentiles, of throughput, of the ratio of two medians."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from toolkit.stats.latency import Nanoseconds, percentile

Floats = NDArray[np.float64]

RESAMPLES = 2000
FEWEST_BLOCKS = 5  # below, resampling blocks says nothing about their spread
MOST_FREEDOM = 1e6  # Student's distribution is the normal one long before
MOST_MARGIN = 100.0
"""Of a logarithm, to either side of its mean: what it is the logarithm of stays finite. No two times of 64 bits lie
further apart than by 44, so that an interval that is cut here excludes nothing that the whole one holds."""
WINDOW_SD = 12  # binomial terms further out are below 1e-30


def quantile_interval(sorted_ns: Nanoseconds, percent: float, level: float = 0.95) -> tuple[int, int] | None:
    """Bracket a percentile between two order statistics.

    No shape of the distribution is assumed; the queries are taken as independent, so the interval is too
    narrow where the machine drifts (`toolkit.bench.warnings` looks for that).

    Args:
        sorted_ns: latencies, int64 [N], ascending, nanoseconds.
        percent: which percentile, above 0, below 100.
        level: coverage wanted, between 0 and 1; the true coverage is at least that.

    Returns:
        (low, high), nanoseconds, or None where so few samples allow no such interval.

    Source: David & Nagaraja, Order Statistics (2003), section 7.1: the number of samples below the
    quantile is binomial.
    """
    count = len(sorted_ns)
    first, cumulative = _binomial_cdf(count, percent / 100)
    tail = (1 - level) / 2
    # P(at most `rank - 1` samples lie below) <= tail for the low rank, >= 1 - tail for the high one.
    low = first + int(np.searchsorted(cumulative, tail, side="right"))
    high = first + int(np.searchsorted(cumulative, 1 - tail, side="left")) + 1
    if low < 1 or high > count:
        return None
    return int(sorted_ns[low - 1]), int(sorted_ns[high - 1])


def throughput_interval(
    items: NDArray[np.int64],
    durations_ns: Nanoseconds,
    rounds: NDArray[np.int64] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Estimate an interval of throughput (items a second) by resampling blocks of consecutive queries.

    Blocks, not single queries, are drawn, because neighbours share the state of the machine. What differs between
    rounds as a whole (each is a process of its own) many blocks would average away, so the interval reaches at least
    as far as that of the rounds' own rates; rounds aren't resampled, since of three or five that is far too narrow.

    Args:
        items: items done in each block, int64 [blocks].
        durations_ns: wall time of each block, gaps included, int64 [blocks], nanoseconds.
        rounds: the round of each block, int64 [blocks]; None means one for all.
        level: coverage wanted, between 0 and 1.
        seed: of the resampling; the same samples give the same interval.

    Returns:
        (low, high), items a second, or None with fewer than five blocks.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentile
    interval) of a ratio estimator; Kuensch, The Jackknife and the Bootstrap for General Stationary
    Observations (1989), for blocks; `mean_interval` for the rounds.
    """
    blocks = len(items)
    if blocks < FEWEST_BLOCKS:
        return None
    drawn = np.random.default_rng(seed).integers(0, blocks, (RESAMPLES, blocks))
    rates = items[drawn].sum(axis=1) / (durations_ns[drawn].sum(axis=1) / 1e9)
    low, high = map(float, np.quantile(rates, [(1 - level) / 2, (1 + level) / 2]))
    if rounds is not None:
        ours = [rounds == each for each in np.unique(rounds)]
        by_round = np.array([items[mask].sum() / (durations_ns[mask].sum() / 1e9) for mask in ours])
        between = mean_interval(by_round, level) or (low, high)
        low, high = min(low, between[0]), max(high, between[1])
    return low, high


def ratio_interval(
    values: Floats, base_values: Floats, level: float = 0.95, *, group_sd: float = 0.0
) -> tuple[float, tuple[float, float] | None]:
    """Compare two groups of repeated measurements by the ratio of their typical values.

    Args:
        values: one positive value per round, float64 [rounds].
        base_values: the same of the baseline, float64 [rounds].
        level: coverage wanted, between 0 and 1.
        group_sd: known standard deviation, as a share, by which whole groups differ from each other
            although nothing was changed.

    Returns:
        (ratio, (low, high)): ratio of the geometric means, and its interval, or None in its place where
        one side has fewer than two rounds.

    Raises:
        ValueError: a value that isn't positive, or none at all.

    Source: Welch, The Generalization of Student's Problem (1947), on logarithms: rounds, not queries, are
    the independent units, because queries of one round share the state of the machine. A known deviation has the
    margin of the normal distribution, and the two add as squares: Zou & Donner, Construction of Confidence Limits
    about Effect Measures (2008). In one variance with it, a chance-small one of two rounds would count as well known.
    """
    if not len(values) or not len(base_values) or values.min() <= 0 or base_values.min() <= 0:
        raise ValueError("a ratio needs positive values on both sides")
    groups = (np.log(values), np.log(base_values))
    difference = float(groups[0].mean() - groups[1].mean())
    if min(map(len, groups)) < 2:
        return math.exp(difference), None
    parts = [float(group.var(ddof=1)) / len(group) for group in groups]
    variance = sum(parts)
    doubt = sum(part**2 / (len(group) - 1) for part, group in zip(parts, groups, strict=True))
    # Never below 1 but by rounding.
    freedom = max(1.0, min(MOST_FREEDOM, variance**2 / doubt)) if doubt > 0 else MOST_FREEDOM
    probability = (1 + level) / 2
    sampled = student_quantile(probability, freedom) * math.sqrt(variance)
    known = NormalDist().inv_cdf(probability) * math.sqrt(2) * group_sd
    return math.exp(difference), _around(difference, math.hypot(sampled, known))


def mean_interval(values: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Bracket the geometric mean of repeated measurements.

    Args:
        values: one positive value per process, float64 [processes].
        level: coverage wanted, between 0 and 1.

    Returns:
        (low, high), or None with fewer than two values, or one that isn't positive.

    Source: Student, The Probable Error of a Mean (1908), on logarithms.
    """
    if len(values) < 2 or values.min() <= 0:
        return None
    logs = np.log(values)
    margin = student_quantile((1 + level) / 2, len(logs) - 1) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    return _around(float(logs.mean()), margin)


def _around(log: float, margin: float) -> tuple[float, float]:
    """Return what lies a margin to either side of a logarithm; see `MOST_MARGIN`."""
    margin = min(margin, MOST_MARGIN)
    return math.exp(log - margin), math.exp(log + margin)


def student_quantile(probability: float, freedom: float) -> float:
    """Return a quantile of Student's t distribution.

    Args:
        probability: between 0.5 and 1.
        freedom: degrees of freedom, 1 or more; need not be whole.

    Raises:
        ValueError: fewer than one degree of freedom.

    Source: Student, The Probable Error of a Mean (1908). With t = sqrt(freedom) * tan(a) the integral of
    the density is that of cos(a)^(freedom - 1), which is summed numerically and inverted.
    """
    if freedom < 1:
        raise ValueError(f"{freedom} degrees of freedom")
    # With many degrees of freedom the density crowds near zero; beyond t = 60 nothing is left of it.
    last = math.pi / 2 if freedom < 30 else math.atan(60 / math.sqrt(freedom))
    angles = np.linspace(0, last, 20_001)
    density = np.cos(angles) ** (freedom - 1)
    cumulative = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    angle = np.interp((probability - 0.5) * 2 * cumulative[-1], cumulative, angles)
    return float(math.sqrt(freedom) * math.tan(angle))


def median_of(samples_ns: Nanoseconds) -> int:
    """Return the nearest-rank median of unsorted samples.

    Args:
        samples_ns: int64 [N], nanoseconds, N >= 1.

    Source: see `toolkit.stats.latency.percentile`.
    """
    return percentile(np.sort(samples_ns), 50)


def _binomial_cdf(count: int, share: float) -> tuple[int, Floats]:
    """Return (first, P(X <= first), P(X <= first + 1), ...) of X ~ Binomial(count, share)."""
    mean, deviation = count * share, math.sqrt(count * share * (1 - share))
    first = max(0, math.floor(mean - WINDOW_SD * deviation - 1))
    last = min(count, math.ceil(mean + WINDOW_SD * deviation + 1))
    start = (
        math.lgamma(count + 1) - math.lgamma(first + 1) - math.lgamma(count - first + 1)
        + first * math.log(share) + (count - first) * math.log1p(-share)
    )  # fmt: skip
    successes = np.arange(first, last, dtype=np.float64)
    steps = np.log((count - successes) / (successes + 1)) + math.log(share) - math.log1p(-share)
    logs = start + np.concatenate([[0.0], np.cumsum(steps)])
    return first, np.cumsum(np.exp(logs))
