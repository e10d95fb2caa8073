"""Percentiles: nearest rank, and only where enough queries support them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.stats.latency import (
    PERCENTILES,
    percentile,
    percentile_key,
    queries_needed,
    supported_percentile,
)

SAMPLES = st.lists(st.integers(0, 10**12), min_size=1, max_size=300)


def test_percentiles_of_1_to_100_are_their_own_numbers() -> None:
    values = np.arange(1, 101)
    assert [percentile(values, p) for p in (1, 50, 90, 95, 99, 99.9, 100)] == [1, 50, 90, 95, 99, 100, 100]


def test_one_sample_is_every_percentile() -> None:
    assert [percentile(np.array([7]), p) for p in PERCENTILES] == [7] * 5


@given(SAMPLES, st.sampled_from([*PERCENTILES, 0.1, 1.0, 33.3, 97.0, 100.0]))
def test_a_percentile_is_what_numpy_calls_the_inverted_cdf(values: list[int], percent: float) -> None:
    ordered = np.sort(np.array(values, np.int64))
    found = percentile(ordered, percent)
    share = np.mean(ordered <= found)
    assert found in values
    assert share >= percent / 100 - 1e-12
    assert np.mean(ordered < found) < percent / 100 + 1e-12
    if not math.isclose(percent * len(values) / 100, round(percent * len(values) / 100)):
        assert found == np.quantile(ordered, percent / 100, method="inverted_cdf")


@pytest.mark.parametrize("percent", [0, -1, 100.5])
def test_a_percentage_out_of_range_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(np.array([1, 2]), percent)


def test_no_samples_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="0 samples"):
        percentile(np.array([], np.int64), 50)


def test_the_counts_are_those_of_loadgen() -> None:
    assert [queries_needed(p) for p in PERCENTILES] == [11, 64, 130, 662, 6636]


@given(st.floats(1, 99.5), st.floats(0.5, 0.999))
def test_the_count_is_the_smallest_that_the_binomial_allows(percent: float, confidence: float) -> None:
    count = queries_needed(percent, confidence)
    within = percent / 100

    def at_most_one_over(queries: int) -> float:
        return sum(math.comb(queries, k) * (1 - within) ** k * within ** (queries - k) for k in range(2))

    assert at_most_one_over(count) <= (1 - confidence) * (1 + 1e-9)
    assert count == 2 or at_most_one_over(count - 1) > (1 - confidence) * (1 - 1e-9)


@pytest.mark.parametrize("percent", [0, 100])
def test_no_count_supports_the_ends(percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        queries_needed(percent)


@pytest.mark.parametrize(("percent", "needed"), [(50, 11), (90, 64), (95, 130), (99, 662), (99.9, 6636)])
def test_one_query_fewer_leaves_a_percentile_out(percent: float, needed: int) -> None:
    values = np.arange(1, needed + 1)
    assert supported_percentile(values[:-1], percent) is None
    assert supported_percentile(values, percent) == percentile(values, percent)


def test_keys_are_those_of_the_record() -> None:
    assert [percentile_key(p) for p in PERCENTILES] == ["p50", "p90", "p95", "p99", "p99.9"]
