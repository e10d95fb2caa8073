"""The highest rate that each case holds: tried in fresh processes, then confirmed by the whole measurement."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from toolkit.bench.figures import Nanoseconds, Trial
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.processes import in_process
from toolkit.bench.rate_search import highest_held, next_lower, round_rate, search
from toolkit.bench.request import Measured
from toolkit.bench.rounds import Running, min_queries_of, request_of
from toolkit.bench.summary import latencies_ns
from toolkit.observer import Observer
from toolkit.stats.intervals import median_of
from toolkit.stats.latency import percentile_key, supported_percentile

FIRST_LOAD = 0.5  # of what the model could do without a pause: where the search begins


def find_rates(running: Sequence[Running], options: BenchOptions, observer: Observer) -> None:
    """Look for the highest rate of each case; leaves trials and rate in it.

    Raises:
        ToolkitError: a process failed.
        KeyboardInterrupt: Ctrl-C.
    """
    for each in running:
        observer.step(
            f"Looking for the highest rate with {percentile_key(options.percentile)} <= "
            f"{options.target_latency_ms:g} ms"
        )
        attempt = _attempt(each, options, observer)
        each.trials = list(search(attempt, round_rate(FIRST_LOAD * 1e9 / _latency_alone_ns(each, options))))
        found = highest_held(each.trials)
        each.rate_qps = (found or each.trials[0]).rate_qps


def confirm(running: Sequence[Running], options: BenchOptions) -> list[Running]:
    """Judge the rates by the whole measurement.

    Returns:
        The cases whose rate didn't hold and that have a lower one to measure now; their rounds are dropped.
    """
    again = []
    for each in running:
        if each.rate_qps is None or not each.rounds:
            continue
        overloaded = any(r.overloaded for r in each.rounds)
        whole = trial_of(each.rate_qps, latencies_ns(each.rounds), overloaded, options)
        others = [t for t in each.trials if t.rate_qps != each.rate_qps]
        each.trials = sorted([*others, whole], key=lambda t: t.rate_qps)
        if whole.held:
            continue
        rate = next_lower(each.trials)
        if rate is not None:
            each.rate_qps, each.rounds = rate, []
            again.append(each)
    return again


def trial_of(rate_qps: float, latencies: Nanoseconds, overloaded: bool, options: BenchOptions) -> Trial:
    """Judge a rate by what was measured at it.

    Args:
        rate_qps: queries a second on average.
        latencies: int64 [queries], nanoseconds.
        overloaded: the queue only grew.
        options: target and percentile.
    """
    assert options.target_latency_ms is not None
    value = supported_percentile(np.sort(latencies), options.percentile)
    held = not overloaded and value is not None and value <= options.target_latency_ms * 1e6
    return Trial(
        rate_qps=rate_qps,
        queries=len(latencies),
        percentile_ns=value,
        overloaded=overloaded,
        held=held,
    )


def _attempt(each: Running, options: BenchOptions, observer: Observer) -> Callable[[float], Trial]:
    def attempt(rate_qps: float) -> Trial:
        number = len(each.trials)
        request = request_of(each, number, options, rate_qps=rate_qps)
        # A trial must support the percentile by itself; the rounds of a case only do together.
        measured = _whole(in_process(replace(request, min_queries=min_queries_of(options))))
        trial = trial_of(rate_qps, measured.finished_ns - measured.due_ns, measured.overloaded, options)
        each.trials.append(trial)
        observer.progress(len(each.trials), unit="rates tried")
        return trial

    return attempt


def _latency_alone_ns(each: Running, options: BenchOptions) -> int:
    request = request_of(each, 0, options)
    alone = replace(request, traffic=replace(request.traffic, scenario=Scenario.SINGLE_STREAM))
    measured = _whole(in_process(alone))
    return max(1, median_of(measured.finished_ns - measured.due_ns))


def _whole(measured: Measured) -> Measured:
    if measured.interrupted:
        raise KeyboardInterrupt
    return measured
