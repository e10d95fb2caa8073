"""Confidence intervals: their coverage is tried, not believed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.stats.intervals import (
    mean_interval,
    median_of,
    quantile_interval,
    ratio_interval,
    student_quantile,
    throughput_interval,
)


@pytest.mark.parametrize(
    ("count", "ranks"), [(6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (100, (40, 61)), (1000, (469, 532))]
)
def test_ranks_of_the_median_are_those_of_the_binomial_table(count: int, ranks: tuple[int, int]) -> None:
    assert quantile_interval(np.arange(1, count + 1), 50) == ranks


def test_five_samples_allow_no_interval_of_the_median() -> None:
    assert quantile_interval(np.arange(5), 50) is None


@pytest.mark.parametrize("percent", [50, 90, 99])
def test_the_interval_covers_the_true_percentile_as_often_as_it_says(percent: float) -> None:
    generator = np.random.default_rng(0)
    truth = np.quantile(generator.lognormal(10, 1, 2_000_000), percent / 100)
    hits = 0
    for _ in range(400):
        interval = quantile_interval(np.sort(generator.lognormal(10, 1, 800).astype(np.int64)), percent)
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    assert 0.92 <= hits / 400 <= 1.0


@given(st.integers(6, 3000), st.floats(1, 99), st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_the_binomial_probability_between_the_ranks_is_at_least_the_level(
    count: int, percent: float, level: float
) -> None:
    interval = quantile_interval(np.arange(1, count + 1), percent, level)
    if interval is None:
        return
    low, high = interval
    share = percent / 100
    inside = math.fsum(
        math.exp(
            math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
            + k * math.log(share) + (count - k) * math.log1p(-share)
        )
        for k in range(low, high)
    )  # fmt: skip
    assert inside >= level - 1e-9


def test_a_million_samples_are_no_trouble() -> None:
    low, high = quantile_interval(np.arange(1_000_000), 99.9) or (0, 0)
    assert 998_930 < low < 999_000 < high < 999_070


def test_throughput_of_equal_blocks_has_no_width() -> None:
    assert throughput_interval(np.full(10, 8), np.full(10, 10**9)) == (8.0, 8.0)


def test_throughput_needs_five_blocks() -> None:
    assert throughput_interval(np.full(4, 8), np.full(4, 10**9)) is None


def test_the_same_blocks_give_the_same_interval() -> None:
    durations = np.random.default_rng(1).integers(10**8, 10**9, 30)
    first = throughput_interval(np.full(30, 8), durations)
    assert first == throughput_interval(np.full(30, 8), durations)
    assert first != throughput_interval(np.full(30, 8), durations, seed=1)


def test_the_throughput_interval_covers_the_true_rate() -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        durations = generator.gamma(4, 250_000_000, 60).astype(np.int64)  # mean one second
        interval = throughput_interval(np.full(60, 10), durations)
        assert interval is not None
        hits += interval[0] <= 10 <= interval[1]
    assert hits / 200 >= 0.88


def test_the_throughput_interval_covers_the_true_rate_where_whole_rounds_differ() -> None:
    # Five processes, each faster or slower as a whole by some 5 %: a hundred blocks don't make up for that.
    generator = np.random.default_rng(5)
    rounds, hits = np.repeat(np.arange(5), 20), 0
    for _ in range(200):
        pace = generator.lognormal(0, 0.05, 5)[rounds]
        durations = (1e9 * pace * generator.lognormal(0, 0.02, 100)).astype(np.int64)
        interval = throughput_interval(np.full(100, 10), durations, rounds)
        assert interval is not None
        hits += interval[0] <= 10 <= interval[1]
    assert hits / 200 >= 0.92


def test_rounds_that_are_alike_leave_the_interval_to_the_blocks() -> None:
    durations = np.tile(np.array([10**9, 3 * 10**9]), 20)
    rounds = np.repeat(np.arange(4), 10)
    assert throughput_interval(np.full(40, 8), durations, rounds) == throughput_interval(
        np.full(40, 8), durations
    )


@pytest.mark.parametrize(
    ("probability", "freedom", "table"),
    [
        (0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 4, 2.776), (0.95, 10, 1.812),
        (0.995, 30, 2.750), (0.975, 120, 1.980), (0.975, 1e6, 1.960),
    ],
)  # fmt: skip
def test_student_quantiles_are_those_of_the_table(probability: float, freedom: float, table: float) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(table, abs=6e-4)


def test_less_than_one_degree_of_freedom_is_refused() -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_quantile(0.9, 0.5)


def test_a_ratio_of_equal_groups_is_one_and_its_interval_holds_it() -> None:
    ratio, interval = ratio_interval(np.array([1.0, 1.1, 0.9]), np.array([1.1, 0.9, 1.0]))
    assert ratio == pytest.approx(1)
    assert interval is not None
    assert interval[0] < 1 < interval[1]


def test_one_round_has_no_interval() -> None:
    assert ratio_interval(np.array([2.0]), np.array([1.0, 1.0])) == (2.0, None)


def test_rounds_without_any_spread_give_a_point() -> None:
    assert ratio_interval(np.array([2.0, 2.0]), np.array([1.0, 1.0])) == (2.0, (2.0, 2.0))


def test_a_known_spread_of_groups_widens_the_interval_as_the_normal_distribution_has_it() -> None:
    _, interval = ratio_interval(np.array([1.0, 1.0]), np.array([1.0, 1.0]), group_sd=0.01)
    assert interval is not None
    assert math.log(interval[1]) == pytest.approx(1.96 * math.sqrt(2) * 0.01, rel=1e-3)
    assert interval[0] * interval[1] == pytest.approx(1)


def test_a_known_spread_and_that_of_two_rounds_add_as_squares_each_with_its_own_quantile() -> None:
    half = 0.01 * math.sqrt(2)  # deviation of two rounds whose logarithms lie 0.02 apart
    base = np.array([1.0, 1.0])
    _, interval = ratio_interval(np.exp(np.array([0.0, 0.02])), base, 0.95, group_sd=0.03)
    assert interval is not None
    margin = math.log(interval[1] / interval[0]) / 2
    # One degree of freedom: 12.706 of Student's table; 1.960 of the normal one.
    assert margin == pytest.approx(
        math.hypot(12.706 * half / math.sqrt(2), 1.960 * math.sqrt(2) * 0.03), rel=1e-3
    )


def test_two_rounds_of_chance_small_spread_do_not_tell_equal_groups_apart() -> None:
    generator = np.random.default_rng(6)
    wrong = 0
    for _ in range(2000):
        groups = np.exp(generator.normal(0, 0.015, (2, 1)) + generator.normal(0, 0.02, (2, 2)))
        _, interval = ratio_interval(groups[0], groups[1], 0.99, group_sd=0.015)
        assert interval is not None
        wrong += not interval[0] <= 1 <= interval[1]
    assert wrong <= 2000 // 100


def test_groups_that_differ_as_known_are_told_apart_as_rarely_as_it_says() -> None:
    generator = np.random.default_rng(4)
    wrong = 0
    for _ in range(1000):
        groups = [generator.lognormal(generator.normal(0, 0.01), 0.003, 5) for _ in range(2)]
        _, interval = ratio_interval(groups[0], groups[1], group_sd=0.01)
        assert interval is not None
        wrong += not interval[0] <= 1 <= interval[1]
    assert 0.02 <= wrong / 1000 <= 0.07


@given(st.lists(st.floats(1, 1e18), min_size=2, max_size=8), st.floats(0.5, 1 - 1e-9))
def test_the_bounds_of_wide_intervals_are_finite_and_above_zero(values: list[float], level: float) -> None:
    for found in (
        mean_interval(np.array(values), level),
        ratio_interval(np.array(values), np.ones(2), level)[1],
    ):
        assert found is not None
        assert 0 < found[0] <= found[1] < math.inf
        assert found[1] / found[0] < math.inf


def test_two_rounds_at_the_level_of_a_hundred_cases_have_a_wide_interval() -> None:
    found = mean_interval(np.array([1.0, 1.3]), 1 - 0.01 / 100)
    assert found is not None
    assert found[0] < 1e-40 < 1e40 < found[1]


def test_the_interval_of_a_mean_is_that_of_a_worked_example() -> None:
    # Logarithms 0, 0.1, 0.2: mean 0.1, deviation 0.1, of the mean 0.1 / sqrt(3); Student's t of two degrees is 4.303.
    found = mean_interval(np.exp(np.array([0.0, 0.1, 0.2])))
    assert found is not None
    margin = 4.303 * 0.1 / math.sqrt(3)
    assert np.log(found) == pytest.approx([0.1 - margin, 0.1 + margin], rel=1e-3)


@pytest.mark.parametrize("values", [[1.0], [0.0, 1.0]])
def test_a_mean_of_one_value_or_of_none_that_is_positive_has_no_interval(values: list[float]) -> None:
    assert mean_interval(np.array(values)) is None


@pytest.mark.parametrize("values", [[], [0.0, 1.0]])
def test_a_ratio_needs_positive_values(values: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        ratio_interval(np.array(values), np.array([1.0, 2.0]))


def test_the_ratio_interval_holds_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(1000):
        _, interval = ratio_interval(generator.lognormal(0.05, 0.02, 5), generator.lognormal(0, 0.03, 5))
        assert interval is not None
        hits += interval[0] <= math.exp(0.05) <= interval[1]
    assert 0.93 <= hits / 1000 <= 0.98


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=99))
def test_the_median_is_the_middle_sample(values: list[int]) -> None:
    assert median_of(np.array(values)) == sorted(values)[(len(values) - 1) // 2]
