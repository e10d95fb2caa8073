"""The search for the highest rate, in virtual time: a model of 7 ms holds what queueing theory says."""

from collections.abc import Callable
from typing import Any

import pytest

from toolkit.bench.figures import Trial
from toolkit.bench.highest_rate import trial_of
from toolkit.bench.measure import Limits, Recorder
from toolkit.bench.options import Arrivals, BenchOptions, Scenario
from toolkit.bench.rate_search import (
    CLOSE_ENOUGH,
    MOST_TRIALS,
    highest_held,
    neighbours,
    next_lower,
    round_rate,
    search,
)
from toolkit.bench.scenarios import Traffic, send

MS = 1_000_000
SECOND = 1000 * MS


def trial(rate: float, held: bool) -> Trial:
    return Trial(rate_qps=rate, queries=1000, percentile_ns=1, overloaded=False, held=held)


def below(border: float) -> Callable[[float], Trial]:
    return lambda rate: trial(rate, rate <= border)


@pytest.mark.parametrize("border", [3.0, 99.0, 100.0, 101.0, 12_345.0])
def test_the_border_is_found_from_either_side(border: float) -> None:
    trials = search(below(border), 100.0)
    found = highest_held(trials)
    assert found is not None
    assert found.rate_qps <= border < found.rate_qps * CLOSE_ENOUGH
    lower, higher = neighbours(trials, found)
    assert higher is not None
    assert not higher.held
    assert lower is None or lower.held
    assert [t.rate_qps for t in trials] == sorted(t.rate_qps for t in trials)


def test_a_target_that_even_idle_queries_miss_ends_the_search_soon() -> None:
    trials = search(below(0), 100.0)
    assert highest_held(trials) is None
    assert len(trials) == 7  # 100 down to 100 / 64


def test_a_target_that_every_rate_keeps_ends_the_search_too() -> None:
    assert len(search(below(float("inf")), 1.0)) == MOST_TRIALS


def test_a_rate_that_holds_by_luck_above_one_that_did_not_is_not_believed() -> None:
    trials = [trial(10, True), trial(20, False), trial(30, True)]
    found = highest_held(trials)
    assert found is not None
    assert found.rate_qps == 10


@pytest.mark.parametrize(
    ("arrivals", "target_ms", "least", "most"),
    [
        # At equal distances nobody waits until the model is busy all the time: 1 / 7 ms = 142.86 a second.
        (Arrivals.CONSTANT, 7.5, 142.86 / CLOSE_ENOUGH, 142.86),
        # One server, Poisson arrivals, constant service: the 99th percentile reaches 21 ms near 41 % load (M/D/1).
        (Arrivals.POISSON, 21.0, 40.0, 80.0),
    ],
)
def test_a_model_of_seven_milliseconds_holds_what_arithmetic_says(
    made: Any, arrivals: Arrivals, target_ms: float, least: float, most: float
) -> None:
    options = BenchOptions(
        models=("a",), scenario=Scenario.SERVER, find_rate=True, target_latency_ms=target_ms, percentile=99
    )

    def attempt(rate_qps: float) -> Trial:
        clock, recorder = made.FakeClock(), Recorder()
        traffic = Traffic(scenario=Scenario.SERVER, batch_size=1, rate_qps=rate_qps, arrivals=arrivals)
        send(traffic, made.FakeModel(clock, 7 * MS).run, [0], clock, Limits(60 * SECOND, 2000), recorder, 0)
        due, finished = recorder.spans()
        return trial_of(rate_qps, finished - due, recorder.overloaded, options)

    found = highest_held(search(attempt, 50.0))
    assert found is not None
    assert least <= found.rate_qps <= most
    assert found.percentile_ns is not None
    assert found.percentile_ns <= target_ms * MS


def test_a_percentile_that_is_not_supported_does_not_hold(made: Any) -> None:
    options = BenchOptions(
        models=("a",), scenario=Scenario.SERVER, find_rate=True, target_latency_ms=5, percentile=99
    )
    latencies = made.round_of([MS] * 100).latency_ns
    assert not trial_of(10, latencies, False, options).held
    enough = made.round_of([MS] * 700).latency_ns
    assert trial_of(10, enough, False, options).held
    assert not trial_of(10, enough, True, options).held


def test_a_rate_that_was_refuted_is_followed_by_the_next_that_holds_or_by_half_the_lowest() -> None:
    assert next_lower([trial(10, True), trial(20, True), trial(30, False)]) == 20
    assert next_lower([trial(10, False), trial(20, False)]) == 5
    assert next_lower([trial(1, False), trial(100, False)]) is None
    assert round_rate(9900.0123) == 9900
