"""Single-stream, multi-stream, server, offline, pipeline: when to send what."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.bench.measure import Clock, Limits, Recorder, Run, back_to_back, closed_loop, open_loop
from toolkit.bench.options import Arrivals, Scenario

ARRIVALS_AT_ONCE = 1024
LONGEST_WAIT_NS = 5_000_000_000  # a queue this long, and longer than the round, will only grow


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """How queries are sent.

    Args:
        scenario: who sends the next query, and when.
        batch_size: pictures a run.
        streams: pictures a query; multi-stream only.
        rate_qps: queries a second on average; server only.
        arrivals: how they are spaced; server only.
    """

    scenario: Scenario
    batch_size: int
    streams: int = 1
    rate_qps: float | None = None
    arrivals: Arrivals = Arrivals.POISSON

    @property
    def runs_per_query(self) -> int:
        """Runs of the model that one query takes."""
        return math.ceil(self.streams / self.batch_size) if self.scenario is Scenario.MULTI_STREAM else 1

    @property
    def images_per_query(self) -> int:
        """Pictures that one query brings."""
        return self.streams if self.scenario is Scenario.MULTI_STREAM else self.batch_size


def send(
    traffic: Traffic,
    run: Run,
    batches: Sequence[Any],
    clock: Clock,
    limits: Limits,
    recorder: Recorder,
    seed: int,
) -> None:
    """Send queries as a scenario has it, until both limits are reached.

    Args:
        traffic: the scenario and its figures.
        run: runs one batch and returns when the answer is there.
        batches: inputs, taken in turn.
        clock: the time.
        limits: when to stop.
        recorder: receives every query.
        seed: of the arrivals.
    """
    if traffic.scenario is Scenario.SERVER:
        assert traffic.rate_qps is not None
        schedule = arrivals_ns(traffic.rate_qps, traffic.arrivals, seed)
        give_up = max(LONGEST_WAIT_NS, limits.duration_ns)
        open_loop(run, batches, clock, schedule, limits, recorder, give_up)
    elif traffic.scenario is Scenario.OFFLINE:
        back_to_back(run, batches, clock, limits, recorder)
    else:
        closed_loop(run, batches, clock, limits, recorder, traffic.runs_per_query)


def warm_up(run: Run, batches: Sequence[Any], clock: Clock, duration_ns: int) -> int:
    """Run without a schedule for a while, at least once where it warms up at all; return the number of runs."""
    if duration_ns <= 0:
        return 0
    recorder = Recorder()
    back_to_back(run, batches, clock, Limits(duration_ns, 1), recorder)
    return len(recorder.finished_ns)


def arrivals_ns(rate_qps: float, arrivals: Arrivals, seed: int) -> Iterator[int]:
    """Yield arrivals without end, nanoseconds after the start.

    Source: a Poisson process has independent, exponentially distributed gaps of mean 1 / rate (Ross,
    Introduction to Probability Models, chapter 5); MLPerf's server scenario uses it.
    """
    generator = np.random.default_rng(seed)
    moment_s = 0.0
    while True:
        if arrivals is Arrivals.POISSON:
            gaps = generator.exponential(1 / rate_qps, ARRIVALS_AT_ONCE)
        else:
            gaps = np.full(ARRIVALS_AT_ONCE, 1 / rate_qps)
        moments = moment_s + np.cumsum(gaps)
        moment_s = float(moments[-1])
        yield from np.rint(moments * 1e9).astype(np.int64).tolist()
