"""The timing loops in virtual time, and the real clock as far as it can be tested without timing."""

import gc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from toolkit.bench.measure import (
    Limits,
    Recorder,
    SystemClock,
    back_to_back,
    clock_resolution_ns,
    closed_loop,
    harness_cost_ns,
    open_loop,
)

MS = 1_000_000
SECOND = 1000 * MS


def latencies(recorder: Recorder) -> list[int]:
    due, finished = recorder.spans()
    return (finished - due).tolist()


def test_a_model_of_seven_milliseconds_gives_seven_milliseconds_every_time(clock: Any, made: Any) -> None:
    recorder = Recorder()
    closed_loop(made.FakeModel(clock, 7 * MS).run, [0], clock, Limits(SECOND, 1), recorder)
    assert latencies(recorder) == [7 * MS] * 143  # 143 * 7 ms is the first multiple at or after 1 s


def test_a_loop_goes_on_until_both_limits_are_reached(clock: Any, made: Any) -> None:
    recorder = Recorder()
    closed_loop(made.FakeModel(clock, 7 * MS).run, [0], clock, Limits(10 * MS, 50), recorder)
    assert len(latencies(recorder)) == 50


def test_inputs_are_taken_in_turn(clock: Any, made: Any) -> None:
    model = made.FakeModel(clock, MS)
    closed_loop(model.run, ["a", "b", "c"], clock, Limits(0, 7), Recorder())
    assert model.seen == ["a", "b", "c", "a", "b", "c", "a"]


def test_a_query_of_several_runs_counts_as_one(clock: Any, made: Any) -> None:
    recorder, model = Recorder(), made.FakeModel(clock, 7 * MS)
    closed_loop(model.run, ["a", "b", "c"], clock, Limits(0, 3), recorder, runs_per_query=2)
    assert latencies(recorder) == [14 * MS] * 3
    assert model.seen == ["a", "b", "c", "a", "b", "c"]


def test_back_to_back_leaves_no_moment_out(clock: Any, made: Any) -> None:
    recorder, start = Recorder(), clock.now_ns()
    back_to_back(made.FakeModel(clock, 3 * MS).run, [0], clock, Limits(SECOND, 1), recorder)
    due, finished = recorder.spans()
    assert np.array_equal(due[1:], finished[:-1])
    assert sum(latencies(recorder)) == clock.now_ns() - start


def test_a_closed_loop_hides_a_stall_in_one_query(clock: Any, made: Any) -> None:
    recorder = Recorder()
    model = made.FakeModel(clock, MS, stall_after_ns=5 * SECOND, stall_ns=SECOND)
    closed_loop(model.run, [0], clock, Limits(10 * SECOND, 1), recorder)
    slow = [value for value in latencies(recorder) if value > MS]
    assert slow == [SECOND + MS]


def test_an_open_loop_shows_a_stall_in_every_query_that_waited(clock: Any, made: Any) -> None:
    recorder = Recorder()
    model = made.FakeModel(clock, MS, stall_after_ns=5 * SECOND, stall_ns=SECOND)
    every_10_ms = (10 * MS * k for k in range(1, 10**9))
    open_loop(model.run, [0], clock, every_10_ms, Limits(10 * SECOND, 1), recorder, 60 * SECOND)
    found = latencies(recorder)
    # The query at 5 s takes 1001 ms; the k-th after it starts 1 ms after its predecessor was done, and
    # arrived 10 ms after it, so each waits 9 ms less until the queue is empty.
    stalled = found.index(1001 * MS)
    assert found[stalled : stalled + 112] == [(1001 - 9 * k) * MS for k in range(112)]
    assert set(found[:stalled] + found[stalled + 112 :]) == {MS}
    assert len(found) == 999  # arrivals at 10 s and later are not served


def test_a_loop_whose_queue_only_grows_gives_up_and_says_so(clock: Any, made: Any) -> None:
    recorder = Recorder()
    every_ms = (MS * k for k in range(1, 10**9))
    model = made.FakeModel(clock, 10 * MS)
    open_loop(model.run, [0], clock, every_ms, Limits(60 * SECOND, 1), recorder, SECOND)
    assert recorder.overloaded
    assert len(latencies(recorder)) == 112  # the k-th query waits 9 ms longer than the one before


def test_an_interruption_keeps_the_queries_that_were_finished(clock: Any, made: Any) -> None:
    recorder, model = Recorder(), made.FakeModel(clock, 7 * MS)

    def run(batch: object) -> None:
        if len(model.seen) == 5:
            raise KeyboardInterrupt
        model.run(batch)

    with pytest.raises(KeyboardInterrupt):
        closed_loop(run, [0], clock, Limits(SECOND, 1), recorder)
    assert latencies(recorder) == [7 * MS] * 5
    assert gc.isenabled()


def test_the_garbage_collector_is_off_only_while_the_clock_runs(clock: Any, made: Any) -> None:
    seen = []

    def run(_: object) -> None:
        seen.append(gc.isenabled())
        clock.advance(MS)

    closed_loop(run, [0], clock, Limits(0, 3), Recorder())
    assert seen == [False] * 3
    assert gc.isenabled()


def test_spans_leave_a_half_recorded_query_out() -> None:
    recorder = Recorder()
    recorder.due_ns.extend([1, 5])
    recorder.finished_ns.append(4)
    due, finished = recorder.spans()
    assert (due.tolist(), finished.tolist()) == ([1], [4])


def test_the_resolution_of_a_clock_is_its_smallest_step() -> None:
    ticks = iter([0, 0, 100, 100, 130, 200])
    assert clock_resolution_ns(SimpleNamespace(now_ns=lambda: next(ticks)), readings=6) == 30  # type: ignore[arg-type]


def test_a_clock_that_stands_still_has_resolution_zero() -> None:
    assert clock_resolution_ns(SimpleNamespace(now_ns=lambda: 7)) == 0  # type: ignore[arg-type]


def test_the_cost_of_the_harness_is_measured_with_a_model_that_does_nothing() -> None:
    ticks = iter(range(0, 10**9, 40))
    assert harness_cost_ns(SimpleNamespace(now_ns=lambda: next(ticks)), duration_ns=400) == 40  # type: ignore[arg-type]


def test_the_system_clock_never_returns_before_the_moment() -> None:
    clock = SystemClock()
    for delay_ns in (-1, 0, 100_000, 3 * MS):
        moment = clock.now_ns() + delay_ns
        clock.wait_until_ns(moment)
        assert clock.now_ns() >= moment
