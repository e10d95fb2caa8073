"""Limits that the user set: latency and regression."""

import math
from collections.abc import Sequence

from toolkit.bench.figures import Trial
from toolkit.bench.options import BenchOptions
from toolkit.bench.rate_search import highest_held, neighbours
from toolkit.bench.result import BLIND_PCT, TOO_FEW, CaseResult, Gate
from toolkit.stats.latency import percentile_key, queries_needed
from toolkit.wording import count


def judge(results: Sequence[CaseResult], options: BenchOptions) -> tuple[Gate, ...]:
    """Apply every gate to every case."""
    gates = []
    for result in results:
        if options.find_rate:
            gates.append(rate_gate(result, options))
        elif options.target_latency_ms is not None:
            gates.append(latency_gate(result, options.target_latency_ms, options.percentile))
        if options.max_regression_pct is not None:
            gates.append(regression_gate(result, options.max_regression_pct))
    return tuple(gates)


def latency_gate(result: CaseResult, target_ms: float, percent: float) -> Gate:
    """Compare a percentile with a target; a percentile that isn't supported can't meet one."""
    key = percentile_key(percent)
    value_ns = result.latency.percentiles.get(key)
    if any(r.overloaded for r in result.rounds):
        met, message = False, f"{key} has no bound at this rate: the queue only grows"
    elif value_ns is None:
        met = False
        message = (
            f"{key} can't be judged by {count(result.queries, 'query')}, it needs {queries_needed(percent):,}"
        )
    else:
        value_ms = value_ns / 1e6
        met = value_ms <= target_ms
        miss = f": missed by {_short(value_ms - target_ms)} ms, a factor of {_short(value_ms / target_ms)}"
        message = f"{key} is {_short(value_ms)} ms, the target {target_ms:g} ms" + ("" if met else miss)
    return Gate(name="latency", subject=case_name(result), met=met, message=message)


def rate_gate(result: CaseResult, options: BenchOptions) -> Gate:
    """Say which rate holds, with the rates tried next to it; not met where none does."""
    assert options.target_latency_ms is not None
    key = percentile_key(options.percentile)
    found, target = highest_held(result.trials), f"{key} within {options.target_latency_ms:g} ms"
    if found is None:
        lowest = result.trials[0] if result.trials else None
        tried = "" if lowest is None else f"; the lowest tried: {_trial(lowest, key)}"
        return Gate(
            name="rate", subject=case_name(result), met=False, message=f"no rate keeps {target}{tried}"
        )
    below, above = neighbours(result.trials, found)
    message = f"the highest rate with {target} is {_trial(found, key)}"
    message += "" if below is None else f"; below: {_trial(below, key)}"
    message += "" if above is None else f"; above: {_trial(above, key)}"
    return Gate(name="rate", subject=case_name(result), met=True, message=message)


def _trial(trial: Trial, key: str) -> str:
    value = "overloaded" if trial.overloaded else "untold"
    if trial.percentile_ns is not None and not trial.overloaded:
        value = f"{_short(trial.percentile_ns / 1e6)} ms"
    return f"{_short(trial.rate_qps)} queries/s ({key} {value})"


def regression_gate(result: CaseResult, most_pct: float) -> Gate:
    """Fail when a case is slower for sure and by more than allowed: noise alone never fails it.

    For sure means over all cases of the run together: ten that were each judged at 99 % would fail one run in twenty.
    """
    found = result.comparison
    subject = case_name(result)
    if found is None:
        return Gate(
            name="regression", subject=subject, met=False, message="the baseline has nothing to compare with"
        )
    slower_pct = (found.ratio - 1) * 100
    low, high = found.ratio_ci_gate or found.ratio_ci99
    met = low <= 1 or slower_pct <= most_pct
    together = f" over {found.cases} cases together" if found.cases > 1 else ""
    message = (
        f"{found.measure} changed by {slower_pct:+.1f} % in time (99 % interval{together} {(low - 1) * 100:+.1f} to "
        f"{(high - 1) * 100:+.1f}), allowed are {most_pct:g} %"
    )
    visible_pct = (math.sqrt(high / low) - 1) * 100
    if low <= 1 <= high and visible_pct > BLIND_PCT:
        message = f"{found.measure} changed by {slower_pct:+.1f} % in time, allowed are {most_pct:g} %, but {TOO_FEW}"
        return Gate(name="regression", subject=subject, met=True, message=message)
    if not met:
        message += f": missed by {slower_pct - most_pct:.1f} points"
    elif visible_pct > most_pct:
        message += f"; these rounds could only have shown {visible_pct:.1f} %"
    return Gate(name="regression", subject=subject, met=met, message=message)


def case_name(result: CaseResult) -> str:
    """Name a case in a message."""
    return f"{result.model}, {result.device}, {count(result.threads, 'thread')}, batch {result.batch_size}"


def _short(value: float) -> str:
    """Write a number with three significant digits, never as a power of ten."""
    return f"{float(f'{value:.3g}'):,.10g}"
