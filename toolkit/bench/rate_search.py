"""The highest rate that keeps a target latency, by bisection."""

from collections.abc import Callable, Sequence

import numpy as np

from toolkit.bench.figures import Trial

CLOSE_ENOUGH = 1.05  # the search ends when the rate above is within 5 % of the one that holds
MOST_TRIALS = 24
LOWEST_SHARE = 1 / 64  # of the first rate: so rarely queries don't wait for each other, and lower won't help
STEP = 2.0


def search(attempt: Callable[[float], Trial], first_qps: float) -> tuple[Trial, ...]:
    """Try rates until one that holds and one that doesn't lie close together.

    First in steps of two until both sides are known, then halfway between (of the logarithms).

    Args:
        attempt: serves queries at a rate, and tells how it went.
        first_qps: the rate to begin with, queries a second.

    Returns:
        Every trial, ascending by rate; none holds where even the lowest rate is too high for the target.

    Source: bisection of an assumed monotone border, as MLPerf LoadGen's FindPeakPerformance does.
    """
    trials: list[Trial] = []
    low = high = None
    rate = first_qps
    while len(trials) < MOST_TRIALS and rate >= LOWEST_SHARE * first_qps:
        trial = attempt(rate)
        trials.append(trial)
        if trial.held:
            low = rate
        else:
            high = rate
        if low is None:
            rate /= STEP
        elif high is None:
            rate *= STEP
        elif high / low <= CLOSE_ENOUGH:
            break
        else:
            rate = round_rate(float(np.sqrt(low * high)))
    return tuple(sorted(trials, key=lambda t: t.rate_qps))


def highest_held(trials: Sequence[Trial]) -> Trial | None:
    """Return the highest rate that held with every lower one holding too, or None.

    Noise may let a rate hold above one that didn't; that one is not believed.
    """
    best = None
    for trial in sorted(trials, key=lambda t: t.rate_qps):
        if not trial.held:
            break
        best = trial
    return best


def neighbours(trials: Sequence[Trial], found: Trial) -> tuple[Trial | None, Trial | None]:
    """Return the next lower and the next higher rate that were tried."""
    ordered = sorted(trials, key=lambda t: t.rate_qps)
    place = ordered.index(found)
    below = ordered[place - 1] if place else None
    above = ordered[place + 1] if place + 1 < len(ordered) else None
    return below, above


def next_lower(trials: Sequence[Trial]) -> float | None:
    """Return the rate to measure where the one that was found didn't hold after all.

    Args:
        trials: the refuted one among them, as not held.

    Returns:
        The highest that still holds, else half the lowest that was tried; None where that is too low to help.
    """
    held = highest_held(trials)
    if held is not None:
        return held.rate_qps
    rates = [t.rate_qps for t in trials]
    lower = round_rate(min(rates) / STEP)
    return lower if lower >= LOWEST_SHARE * max(rates) else None


def round_rate(rate_qps: float) -> float:
    """Return a rate with four significant digits, as people write one."""
    return float(f"{rate_qps:.4g}")
