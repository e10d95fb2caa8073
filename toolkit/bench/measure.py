"""The timing loops: a clock and run(batch) in, nanoseconds out.

They know nothing of models, devices or files, so each of them is tested in virtual time.
"""

import contextlib
import gc
import itertools
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Run = Callable[[Any], object]

SLEEP_MARGIN_NS = 2_000_000  # sleeping overshoots by up to a scheduler tick; the rest is spun away


class Clock(Protocol):
    """What the loops know about time."""

    @property
    def now_ns(self) -> Callable[[], int]:
        """A function that returns the time in nanoseconds and never runs backwards."""

    def wait_until_ns(self, moment_ns: int) -> None:
        """Return at `moment_ns`, or at once when it has passed."""


class SystemClock:
    """The machine's monotonic clock."""

    now_ns = staticmethod(time.perf_counter_ns)

    def wait_until_ns(self, moment_ns: int) -> None:
        """Sleep while the moment is far, then spin: sleeping alone would come back late."""
        left = moment_ns - time.perf_counter_ns()
        if left > SLEEP_MARGIN_NS:
            time.sleep((left - SLEEP_MARGIN_NS) / 1e9)
        while time.perf_counter_ns() < moment_ns:
            pass


@dataclass(frozen=True)
class Limits:
    """When a loop may stop: not before both are reached.

    Args:
        duration_ns: how long it must have run.
        min_queries: how many queries it must have done.
    """

    duration_ns: int
    min_queries: int


@dataclass
class Recorder:
    """Grows while a loop runs, so that an interrupted loop loses nothing but the query under way.

    Args:
        due_ns: when each query should have started: its scheduled arrival, or when it was sent.
        finished_ns: when each was done.
        overloaded: the loop gave up because the queue only grew.
    """

    due_ns: "array[int]" = field(default_factory=lambda: array("q"))
    finished_ns: "array[int]" = field(default_factory=lambda: array("q"))
    overloaded: bool = False

    def spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (due_ns, finished_ns), both int64 [queries], of the queries that were finished."""
        count = min(len(self.due_ns), len(self.finished_ns))
        return (
            np.frombuffer(self.due_ns, np.int64).copy()[:count],
            np.frombuffer(self.finished_ns, np.int64).copy()[:count],
        )


def closed_loop(
    run: Run,
    batches: Sequence[Any],
    clock: Clock,
    limits: Limits,
    recorder: Recorder,
    runs_per_query: int = 1,
) -> None:
    """Send a query when the last one is done; its time is that of its runs alone.

    Args:
        run: runs one batch and returns when the answer is there.
        batches: inputs, taken in turn.
        clock: the time.
        limits: when to stop.
        recorder: receives every query.
        runs_per_query: batches that make up one query.
    """
    now, note_due, note_finished = clock.now_ns, recorder.due_ns.append, recorder.finished_ns.append
    inputs = itertools.cycle(batches)
    left = limits.min_queries
    with _no_collection():
        end = now() + limits.duration_ns
        if runs_per_query == 1:
            # The same loop as below without its inner one, whose steps the clock would count in every latency.
            for batch in inputs:
                due = now()
                run(batch)
                finished = now()
                note_due(due)
                note_finished(finished)
                left -= 1
                if finished >= end and left <= 0:
                    return
        while True:
            query = list(itertools.islice(inputs, runs_per_query))
            due = now()
            for batch in query:
                run(batch)
            finished = now()
            note_due(due)
            note_finished(finished)
            left -= 1
            if finished >= end and left <= 0:
                return


def back_to_back(run: Run, batches: Sequence[Any], clock: Clock, limits: Limits, recorder: Recorder) -> None:
    """Run batches without a pause; no moment between them is left out of the account.

    The clock is read once a batch: where one ends, the next begins, so the times add up to the wall time.
    """
    now, note_due, note_finished = clock.now_ns, recorder.due_ns.append, recorder.finished_ns.append
    left = limits.min_queries
    with _no_collection():
        begun = now()
        end = begun + limits.duration_ns
        for batch in itertools.cycle(batches):
            run(batch)
            finished = now()
            note_due(begun)
            note_finished(finished)
            begun = finished
            left -= 1
            if finished >= end and left <= 0:
                return


def open_loop(
    run: Run,
    batches: Sequence[Any],
    clock: Clock,
    arrivals_ns: Iterable[int],
    limits: Limits,
    recorder: Recorder,
    give_up_ns: int,
) -> None:
    """Serve queries that arrive on their own schedule; a late start counts against the model.

    One query is served at a time, in the order of arrival; those that arrive meanwhile wait.

    Args:
        run: runs one batch and returns when the answer is there.
        batches: inputs, taken in turn.
        clock: the time.
        arrivals_ns: scheduled arrivals, ascending, nanoseconds after the start; without end.
        limits: arrivals after both limits are reached are not served.
        recorder: receives every query; `due_ns` is the scheduled arrival.
        give_up_ns: a query that waited longer than this ends the loop: the queue only grows.
    """
    now, note_due, note_finished = clock.now_ns, recorder.due_ns.append, recorder.finished_ns.append
    with _no_collection():
        start = now()
        for count, (arrival, batch) in enumerate(zip(arrivals_ns, itertools.cycle(batches), strict=False)):
            if arrival >= limits.duration_ns and count >= limits.min_queries:
                return
            due = start + arrival
            begun = now()
            if begun < due:
                clock.wait_until_ns(due)
            elif begun - due > give_up_ns:
                recorder.overloaded = True
                return
            run(batch)
            note_due(due)
            note_finished(now())


def clock_resolution_ns(clock: Clock, readings: int = 1000) -> int:
    """Return the smallest step between two different readings of a clock, nanoseconds; 0 if it stood still."""
    times = np.array([clock.now_ns() for _ in range(readings)], np.int64)
    steps = np.diff(times)
    steps = steps[steps > 0]
    return int(steps.min()) if len(steps) else 0


def harness_cost_ns(clock: Clock, duration_ns: int = 20_000_000) -> int:
    """Return what a query of a model that does nothing takes: the part of every latency that is ours."""
    recorder = Recorder()
    closed_loop(lambda _: None, [None], clock, Limits(duration_ns, 100), recorder)
    due, finished = recorder.spans()
    return int(np.median(finished - due))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    # A garbage collection that falls into a query is ours, not the model's; `timeit` does the same.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
