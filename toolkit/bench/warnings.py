"""Signs of an untrustworthy figure, each with its cause and a remedy that fits the flags already given."""

from collections.abc import Iterable, Sequence

import numpy as np

from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.result import Caution, Nanoseconds, Round
from toolkit.bench.summary import latencies_ns
from toolkit.stats.intervals import median_of
from toolkit.stats.latency import queries_needed

FEWEST_SAMPLES = 20  # below, halves and tenths say nothing
DRIFT = 1.05  # median of one half over that of the other
ROUNDS_APART = 1.10  # median of the slowest round over that of the fastest
SPREAD = 0.5  # standard deviation over mean
WARMING = 1.10  # median of the first tenth over that of the rest
OTHERS_BUSY_CORES = 0.2
CLOCK_SHARE = 0.01  # of the median that one tick may be
FALLING_BEHIND = 1.1  # time until the last answer over time until the last arrival
HARNESS_SHARE = 0.02  # of the median that the harness may take


def check_case(
    rounds: Sequence[Round], options: BenchOptions, *, resolution_ns: int, harness_ns: int
) -> tuple[Caution, ...]:
    """Look for every sign that the samples of a case themselves can show."""
    latencies = latencies_ns(rounds)
    if not len(latencies):
        return ()
    return _found(
        drift(latencies, options),
        rounds_apart([median_of(r.latency_ns) for r in rounds if len(r.due_ns)], options),
        spread(latencies),
        warmup_unfinished(rounds[0].latency_ns, options),
        overloaded(rounds, options),
        too_few_queries(len(latencies), options),
        coarse_clock(median_of(latencies), resolution_ns),
        harness_dominates(median_of(latencies), harness_ns),
    )


def drift(latencies: Nanoseconds, options: BenchOptions) -> Caution | None:
    """Compare the first half of the queries with the second.

    Args:
        latencies: int64 [queries], in the order measured.
        options: what was asked for.
    """
    if len(latencies) < FEWEST_SAMPLES:
        return None
    first, second = (median_of(half) for half in np.array_split(latencies, 2))
    change = second / max(1, first)
    if 1 / DRIFT <= change <= DRIFT:
        return None
    direction = "slower" if change > 1 else "faster"
    return Caution(
        code="drift",
        message=f"the machine drifted: the second half was {abs(change - 1):.0%} {direction} than the first",
        remedy=(
            f"measure longer than --duration {options.duration_s:g}, and let the machine come to rest first"
        ),
    )


def rounds_apart(medians_ns: Sequence[int], options: BenchOptions) -> Caution | None:
    """Compare the rounds with each other."""
    if len(medians_ns) < 2:
        return None
    apart = max(medians_ns) / max(1, min(medians_ns))
    if apart <= ROUNDS_APART:
        return None
    return Caution(
        code="rounds-apart",
        message=f"the median of the slowest round is {apart - 1:.0%} above that of the fastest",
        remedy=f"something else uses the machine at times: stop it, or raise --runs above {options.runs}",
    )


def spread(latencies: Nanoseconds) -> Caution | None:
    """Look at the standard deviation over the mean.

    Args:
        latencies: int64 [queries].
    """
    if len(latencies) < FEWEST_SAMPLES:
        return None
    variation = float(latencies.std() / max(1.0, float(latencies.mean())))
    if variation <= SPREAD:
        return None
    slow = float(np.mean(latencies > 2 * median_of(latencies)))
    return Caution(
        code="spread",
        message=(
            f"times spread widely (standard deviation {variation:.0%} of the mean; "
            f"{slow:.2%} of the queries took over twice the median)"
        ),
        remedy="quote the median and its interval, not the mean, and stop what else runs on the machine",
    )


def warmup_unfinished(first_round: Nanoseconds, options: BenchOptions) -> Caution | None:
    """Compare the first tenth of the first round with the rest of it.

    Args:
        first_round: int64 [queries], in the order measured.
        options: what was asked for.
    """
    if len(first_round) < FEWEST_SAMPLES:
        return None
    tenth = max(3, len(first_round) // 10)
    excess = median_of(first_round[:tenth]) / max(1, median_of(first_round[tenth:]))
    if excess <= WARMING:
        return None
    remedy = (
        f"warm up longer than --warmup {options.warmup_s:g}"
        if options.warmup_s
        else "warm up first: leave --warmup 0 out"
    )
    return Caution(
        code="warmup-unfinished",
        message=f"the first tenth of the first round was {excess - 1:.0%} slower than the rest",
        remedy=remedy,
    )


def overloaded(rounds: Sequence[Round], options: BenchOptions) -> Caution | None:
    """Look for rounds whose queue only grew: cut short, or still at work long after the last arrival."""
    if options.scenario is not Scenario.SERVER:
        return None
    late = sum(
        r.overloaded or (len(r.due_ns) >= FEWEST_SAMPLES and r.wall_ns > FALLING_BEHIND * int(r.due_ns[-1]))
        for r in rounds
    )
    if not late:
        return None
    return Caution(
        code="overloaded",
        message=f"queries came faster than they were answered in {late} of {len(rounds)} rounds",
        remedy=f"the times only tell how long was measured: use less than --rate {options.rate_qps:g}",
    )


def too_few_queries(count: int, options: BenchOptions) -> Caution | None:
    """Tell when a percentile that was asked for isn't supported."""
    if options.target_latency_ms is None and options.percentile == BenchOptions.percentile:
        return None
    needed = queries_needed(options.percentile)
    if count >= needed:
        return None
    return Caution(
        code="too-few-queries",
        message=f"p{options.percentile:g} needs {needed:,} queries, and there are {count:,}",
        remedy=f"use --min-queries {needed}",
    )


def coarse_clock(median_ns: int, resolution_ns: int) -> Caution | None:
    """Compare a tick of the clock with the median."""
    if resolution_ns <= CLOCK_SHARE * median_ns:
        return None
    return Caution(
        code="coarse-clock",
        message=f"one tick of the clock ({resolution_ns:,} ns) is over 1 % of the median ({median_ns:,} ns)",
        remedy="use a larger --batch-size",
    )


def harness_dominates(median_ns: int, harness_ns: int) -> Caution | None:
    """Compare what a model that does nothing takes with the median."""
    if harness_ns <= HARNESS_SHARE * median_ns:
        return None
    return Caution(
        code="harness",
        message=f"{harness_ns:,} ns of the median ({median_ns:,} ns) are the cost of measuring",
        remedy="use a larger --batch-size",
    )


def too_many_threads(
    threads: Iterable[int], cores: int, quota: float | None, options: BenchOptions
) -> tuple[Caution, ...]:
    """Compare intra-op threads with the cores and the container's quota.

    Args:
        threads: as many as each session has.
        cores: physical cores that the affinity mask allows.
        quota: the container's CPU quota, cores; None where there is none.
        options: what was asked for.
    """
    most = max(threads, default=1)
    remedy = "use fewer --threads" if options.threads else "report this: the default should not exceed them"
    over_cores = over_quota = None
    if most > cores:
        over_cores = Caution(
            code="threads-over-cores",
            message=f"{most} threads share {cores} physical core{'s' if cores != 1 else ''}",
            remedy=remedy,
        )
    if quota is not None and most > np.ceil(quota):
        over_quota = Caution(
            code="threads-over-quota",
            message=f"{most} threads share a container quota of {quota:g} cores, so they are stopped at times",
            remedy=f"{remedy}, or raise the quota",
        )
    return _found(over_cores, over_quota)


def others_busy(busy: float, load: float | None) -> Caution | None:
    """Tell when others used the processor before the first query.

    Args:
        busy: logical processors in use while this process had nothing to do.
        load: load average of the last minute.
    """
    if busy <= OTHERS_BUSY_CORES:
        return None
    average = "" if load is None else f", load average {load:.1f}"
    return Caution(
        code="others-busy",
        message=f"other processes kept {busy:.1f} processors busy at the start{average}",
        remedy="stop them, and measure again",
    )


def _found(*cautions: Caution | None) -> tuple[Caution, ...]:
    return tuple(c for c in cautions if c is not None)
