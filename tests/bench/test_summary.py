"""Latency and throughput from raw samples."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.bench.figures import Round
from toolkit.bench.summary import latencies_ns, summarize, throughput
from toolkit.stats.latency import percentile_key

MS = 1_000_000


def test_throughput_counts_pauses_and_latency_does_not(made: Any) -> None:
    # Ten batches of eight, 20 ms each, with 5 ms between them: 245 ms in all.
    rounds = [made.round_of([20 * MS] * 10, gap_ns=5 * MS)]
    rate, _ = throughput(rounds, images_per_query=8)
    assert rate == pytest.approx(80 / 0.245)
    assert summarize(rounds).percentiles["p50"] is None  # ten queries are one too few
    assert (summarize(rounds).minimum, summarize(rounds).maximum) == (20 * MS, 20 * MS)


def test_the_pause_between_rounds_is_not_counted(made: Any) -> None:
    one = throughput([made.round_of([MS] * 100)], 1)[0]
    two = throughput([made.round_of([MS] * 100, number=k) for k in range(2)], 1)[0]
    assert one == pytest.approx(1000)
    assert two == pytest.approx(1000)


def test_summary_of_1_to_1000(made: Any) -> None:
    found = summarize([made.round_of(np.random.default_rng(0).permutation(np.arange(1, 1001)))], 97)
    assert found.percentiles == {"p50": 500, "p90": 900, "p95": 950, "p97": 970, "p99": 990, "p99.9": None}
    assert (found.minimum, found.maximum, found.mean) == (1, 1000, 500.5)
    assert found.std == pytest.approx(np.arange(1, 1001).std())
    assert found.p50_ci95 == (469, 532)
    assert found.ci95 == {
        "p50": (469, 532), "p90": (881, 919), "p95": (936, 964), "p97": (959, 981), "p99": (983, 997), "p99.9": None
    }  # fmt: skip


@pytest.mark.parametrize("percent", [99.90001, 99.9999999, 1e-5, 50.0])
def test_every_percentile_has_a_name_and_a_value_of_its_own(made: Any, percent: float) -> None:
    found = summarize([made.round_of(np.arange(1, 1001))], percent)
    assert len(found.percentiles) == len(found.ci95) == (5 if percent == 50 else 6)
    name = percentile_key(percent)
    assert name in found.percentiles
    assert float(name.removeprefix("p")) == percent


def test_a_percentile_that_is_not_supported_has_no_interval(made: Any) -> None:
    # Nine: enough for an interval of the median by themselves.
    found = summarize([made.round_of(np.arange(1, 10))])
    assert found.percentiles["p50"] is None
    assert set(found.ci95.values()) == {None}


def test_steady_rounds_have_a_narrow_interval_around_the_rate(made: Any) -> None:
    rate, interval = throughput([made.round_of([MS] * 100, number=k) for k in range(3)], 1)
    assert interval is not None
    assert interval[0] == pytest.approx(rate)
    assert interval[1] == pytest.approx(rate)


def test_a_slow_stretch_widens_the_interval(made: Any) -> None:
    mixed = [MS] * 150 + [3 * MS] * 50
    rate, interval = throughput([made.round_of(mixed)], 1)
    assert interval is not None
    assert interval[0] < 0.95 * rate < 1.05 * rate < interval[1]


def test_rounds_that_differ_as_a_whole_widen_the_interval(made: Any) -> None:
    rate, interval = throughput([made.round_of([(10 + k) * MS] * 100, number=k) for k in range(3)], 1)
    assert interval is not None
    # Student's t over three rates of 100, 90.9 and 83.3 a second: 4.3 standard errors, not a bootstrap's two.
    assert interval[0] < 0.85 * rate < 1.15 * rate < interval[1]


def test_too_few_queries_have_no_interval(made: Any) -> None:
    assert throughput([made.round_of([MS] * 10)], 1)[1] is None


@given(st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=60), min_size=1, max_size=4))
def test_blocks_never_lose_time_or_queries(groups: list[list[int]]) -> None:
    rounds = []
    for number, values in enumerate(groups):
        ends = np.cumsum(values)
        rounds.append(Round(number=number, warmup_runs=0, due_ns=ends - values, finished_ns=ends))
    rate, interval = throughput(rounds, 2)
    assert rate == pytest.approx(2 * sum(map(len, groups)) / (sum(map(sum, groups)) / 1e9))
    assert interval is None or interval[0] <= interval[1]
    assert latencies_ns(rounds).tolist() == [value for values in groups for value in values]
