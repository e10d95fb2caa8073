"""When each scenario sends what; exact percentiles in virtual time."""

import itertools
from typing import Any

import numpy as np
import pytest

from toolkit.bench.measure import Limits, Recorder
from toolkit.bench.options import Arrivals, Scenario
from toolkit.bench.scenarios import Traffic, arrivals_ns, send, warm_up
from toolkit.stats.latency import percentile

MS = 1_000_000
SECOND = 1000 * MS


def sent(clock: Any, model: Any, seconds: int = 10, **fields: Any) -> Any:
    traffic = Traffic(**{"batch_size": 1, **fields})
    recorder = Recorder()
    send(traffic, model.run, ["a", "b"], clock, Limits(seconds * SECOND, 1), recorder, seed=0)
    due, finished = recorder.spans()
    return np.sort(finished - due)


def test_a_stall_shows_at_the_tail_of_server_latency_and_hides_in_single_stream(made: Any) -> None:
    found = {}
    for scenario, rate in ((Scenario.SERVER, 100.0), (Scenario.SINGLE_STREAM, None)):
        clock = made.FakeClock()
        model = made.FakeModel(clock, MS, stall_after_ns=5 * SECOND, stall_ns=SECOND)
        found[scenario] = percentile(
            sent(clock, model, scenario=scenario, rate_qps=rate, arrivals=Arrivals.CONSTANT), 95
        )
    assert found[Scenario.SINGLE_STREAM] == MS
    # 999 queries; rank 950 is the 50th from the top, and the k-th from the top waited 1001 - 9 (k - 1) ms.
    assert found[Scenario.SERVER] == (1001 - 9 * 49) * MS


def test_multi_stream_counts_the_time_until_the_last_picture_of_a_query(clock: Any, made: Any) -> None:
    traffic = Traffic(scenario=Scenario.MULTI_STREAM, batch_size=2, streams=8)
    found = sent(
        clock, made.FakeModel(clock, 7 * MS), scenario=Scenario.MULTI_STREAM, batch_size=2, streams=8
    )
    assert (traffic.runs_per_query, traffic.images_per_query) == (4, 8)
    assert set(found.tolist()) == {28 * MS}


def test_offline_runs_without_a_pause(clock: Any, made: Any) -> None:
    start = clock.now_ns()
    found = sent(clock, made.FakeModel(clock, 7 * MS), seconds=1, scenario=Scenario.OFFLINE, batch_size=32)
    assert found.sum() == clock.now_ns() - start
    assert Traffic(scenario=Scenario.OFFLINE, batch_size=32).images_per_query == 32


def test_a_server_that_keeps_up_answers_in_the_time_of_the_model(clock: Any, made: Any) -> None:
    model = made.FakeModel(clock, 7 * MS)
    found = sent(clock, model, scenario=Scenario.SERVER, rate_qps=100.0, arrivals=Arrivals.CONSTANT)
    assert set(found.tolist()) == {7 * MS}


@pytest.mark.parametrize(("seconds", "stall_s", "overloaded"), [(20, 8, False), (3, 4, False), (3, 8, True)])
def test_a_server_gives_up_on_a_queue_longer_than_five_seconds_and_than_the_round(
    clock: Any, made: Any, seconds: int, stall_s: int, overloaded: bool
) -> None:
    model = made.FakeModel(clock, MS, stall_after_ns=SECOND, stall_ns=stall_s * SECOND)
    traffic = Traffic(scenario=Scenario.SERVER, batch_size=1, rate_qps=100.0, arrivals=Arrivals.CONSTANT)
    recorder = Recorder()
    send(traffic, model.run, ["a"], clock, Limits(seconds * SECOND, 1), recorder, seed=0)
    assert recorder.overloaded is overloaded


def test_constant_arrivals_are_equally_spaced() -> None:
    moments = list(itertools.islice(arrivals_ns(1000, Arrivals.CONSTANT, 0), 3000))
    assert moments == [k * MS for k in range(1, 3001)]


def test_poisson_arrivals_have_the_rate_asked_for_and_exponential_gaps() -> None:
    gaps = np.diff(list(itertools.islice(arrivals_ns(1000, Arrivals.POISSON, 1), 20_000)))
    assert gaps.mean() == pytest.approx(MS, rel=0.03)
    assert gaps.std() == pytest.approx(MS, rel=0.03)  # an exponential's deviation is its mean
    assert np.mean(gaps < MS) == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_arrivals_depend_on_the_seed_alone() -> None:
    first, again, other = (
        list(itertools.islice(arrivals_ns(10, Arrivals.POISSON, seed), 5)) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_warm_up_runs_for_its_time_and_returns_its_count(clock: Any, made: Any) -> None:
    model = made.FakeModel(clock, 7 * MS)
    assert warm_up(model.run, [0], clock, 50 * MS) == 8
    assert warm_up(model.run, [0], clock, 0) == 0
    assert len(model.seen) == 8


def test_slow_first_runs_stay_in_the_warm_up(clock: Any, made: Any) -> None:
    model = made.FakeModel(clock, 7 * MS)

    def run(batch: object) -> None:
        if len(model.seen) < 5:
            clock.advance(100 * MS)
        model.run(batch)

    traffic = Traffic(scenario=Scenario.SINGLE_STREAM, batch_size=1)
    assert warm_up(run, [0], clock, 500 * MS) == 5
    recorder = Recorder()
    send(traffic, run, [0], clock, Limits(SECOND, 1), recorder, 0)
    due, finished = recorder.spans()
    assert (finished - due).max() == 7 * MS
