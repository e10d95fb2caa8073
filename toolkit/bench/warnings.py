"""Signs of an untrustworthy figure in the samples, each with its cause and a remedy that fits the flags given."""

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.bench.figures import Nanoseconds, Round
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.result import Caution
from toolkit.bench.summary import latencies_ns
from toolkit.runtime.placement import OTHER_EXPORT, on_cpu_instead
from toolkit.stats.intervals import median_of
from toolkit.stats.latency import percentile_key, queries_needed
from toolkit.stats.periodicity import strongest_period
from toolkit.wording import count

FEWEST_SAMPLES = 20  # below, halves and tenths say nothing
DRIFT = 1.05  # median of one half over that of the other
ROUNDS_APART = 1.10  # median of the slowest round over that of the fastest
SPREAD = 0.2  # standard deviation over mean
WARMING = 1.10  # median of the first tenth over that of the rest
CLOCK_SHARE = 0.01  # of the median that one tick may be
FALLING_BEHIND = 1.1  # time until the last answer over time until the last arrival
HARNESS_SHARE = 0.02  # of the median that the harness may take
WORTH_A_WORD = 0.02  # of the median, that a periodic disturbance must move it
PERIODIC = 0.4  # autocorrelation; noise, spikes and drift stay below 0.25, a 30 % disturbance reaches 0.85


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
        periodic(rounds, options),
        warmup_unfinished(rounds, options),
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
        message=f"the machine drifted: the second half was {100 * abs(change - 1):.0f} % {direction} than the first",
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
        message=f"the median of the slowest round is {100 * (apart - 1):.0f} % above that of the fastest",
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
            f"times spread widely (standard deviation {100 * variation:.0f} % of the mean; "
            f"{100 * slow:.2f} % of the queries took over twice the median)"
        ),
        remedy="quote the median and its interval, not the mean, and stop what else runs on the machine",
    )


def periodic(rounds: Sequence[Round], options: BenchOptions) -> Caution | None:
    """Look for a disturbance that comes back in equal intervals, in most of the rounds."""
    if options.scenario is Scenario.SERVER:
        return None  # queues that build up and drain have a rhythm of their own
    found = [p for r in rounds if (p := strongest_period(r.due_ns, r.latency_ns)) is not None]
    strong = sorted(
        (p for p in found if p.correlation > PERIODIC and p.amplitude > WORTH_A_WORD),
        key=lambda p: p.correlation,
    )
    if not strong or 2 * len(strong) <= len(rounds):
        return None
    typical = strong[len(strong) // 2]
    return Caution(
        code="periodic",
        message=f"something disturbs it every {typical.interval_ns / 1e6:.3g} ms "
        f"(autocorrelation {typical.correlation:.2f})",
        remedy="look for a timer, a monitor or a throttled container on this machine, and stop it",
    )


def warmup_unfinished(rounds: Sequence[Round], options: BenchOptions) -> Caution | None:
    """Compare the first tenth of each round with the rest of it; most rounds must agree."""
    lengths = [r.latency_ns for r in rounds if len(r.due_ns) >= FEWEST_SAMPLES]
    if not lengths:
        return None
    excesses = []
    for latencies in lengths:
        tenth = max(3, len(latencies) // 10)
        excesses.append(median_of(latencies[:tenth]) / max(1, median_of(latencies[tenth:])))
    excess = float(np.median(excesses))
    if excess <= WARMING:
        return None
    remedy = (
        f"warm up longer than --warmup {options.warmup_s:g}"
        if options.warmup_s
        else "warm up first: leave --warmup 0 out"
    )
    return Caution(
        code="warmup-unfinished",
        message=f"the first tenth of a round was {100 * (excess - 1):.0f} % slower than the rest",
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
        message=f"queries came faster than they were answered in {late} of {count(len(rounds), 'round')}",
        remedy="the times only tell how long was measured: "
        + (
            "use a lower --rate"
            if options.rate_qps is None
            else f"use less than --rate {options.rate_qps:.10g}"
        ),
    )


def too_few_queries(queries: int, options: BenchOptions) -> Caution | None:
    """Tell when a percentile that was asked for isn't supported."""
    if options.target_latency_ms is None and options.percentile == BenchOptions.percentile:
        return None
    needed = queries_needed(options.percentile)
    if queries >= needed:
        return None
    return Caution(
        code="too-few-queries",
        message=f"{percentile_key(options.percentile)} needs {needed:,} queries, and it has {queries:,}",
        remedy=f"use --min-queries {needed}",
    )


def imprecise(half_width_pct: float | None, options: BenchOptions) -> tuple[Caution, ...]:
    """Tell when the precision that was asked for wasn't reached.

    Args:
        half_width_pct: how far the wider interval of the median reaches, percent of it; None where untold.
        options: what was asked for.
    """
    wanted = options.precision_pct
    if wanted is None or (half_width_pct is not None and half_width_pct <= wanted):
        return ()
    reached = "can't be told" if half_width_pct is None else f"reaches {half_width_pct:.2g} % to either side"
    return (
        Caution(
            code="imprecise",
            message=f"the interval of p50 {reached}, and {wanted:g} % were asked for",
            remedy="measure longer: raise --duration or --runs, and quiet the machine",
        ),
    )


def partly_on_cpu(products: Mapping[str, int], provider: str) -> tuple[Caution, ...]:
    """Tell when a model on another provider has convolutions or matrix products that the CPU computes.

    Args:
        products: those on each provider.
        provider: that the session is on.
    """
    message = on_cpu_instead(products, provider)
    if message is None:
        return ()
    return (Caution(code="partly-on-cpu", message=message, remedy=f"use {OTHER_EXPORT}"),)


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


def _found(*cautions: Caution | None) -> tuple[Caution, ...]:
    return tuple(c for c in cautions if c is not None)
