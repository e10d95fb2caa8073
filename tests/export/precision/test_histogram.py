"""Histograms lose no value, and ranges read from them hold what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from toolkit.export.precision.histogram import BINS, Histogram

FINITE = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@given(st.lists(arrays.arrays(np.float32, st.integers(0, 30), elements=FINITE), min_size=1, max_size=6))
def test_a_histogram_counts_every_value_in_whatever_portions_they_arrive(parts: list[np.ndarray]) -> None:
    histogram = Histogram()
    for part in parts:
        histogram.add(part)
    assert histogram.counts.sum() == sum(part.size for part in parts)
    assert len(histogram.counts) == BINS


@given(arrays.arrays(np.float32, st.integers(1, 200), elements=FINITE))
def test_the_range_of_all_values_holds_all_values(data: np.ndarray) -> None:
    histogram = Histogram()
    for part in np.array_split(data, 4):
        histogram.add(part)
    span = histogram.range(100.0)
    width = 2 * max(histogram.limit, 1e-30) / BINS
    assert span.low <= data.min() + width
    assert span.high >= data.max() - width


def test_a_percentile_cuts_the_rarest_values_off() -> None:
    data = np.random.default_rng(0).normal(0, 1, 100_000).astype(np.float32)
    data[0] = 1000
    histogram = Histogram()
    for part in np.array_split(data, 10):
        histogram.add(part)
    assert histogram.range(99.9).high == pytest.approx(np.percentile(data, 99.95), abs=2000 / BINS)


def test_an_empty_histogram_has_an_empty_range() -> None:
    assert Histogram().range() == Histogram().range(50)
    zeros = Histogram()
    zeros.add(np.zeros(5, np.float32))
    assert (zeros.range().low, zeros.range().high) == (0.0, 0.0)


def test_zeros_that_came_first_are_counted_when_others_follow() -> None:
    histogram = Histogram()
    histogram.add(np.zeros(99, np.float32))
    histogram.add(np.array([4.0], np.float32))
    assert histogram.range(90.0).high < 0.01


@given(arrays.arrays(np.float32, st.integers(1, 200), elements=FINITE))
def test_no_range_goes_beyond_the_values(data: np.ndarray) -> None:
    histogram = Histogram()
    for part in np.array_split(data, 3):
        histogram.add(part)
    for span in (histogram.whole(), histogram.range(), histogram.entropy_range()):
        assert span.low >= min(float(data.min()), 0)
        assert span.high <= max(float(data.max()), 0)


def test_what_is_never_negative_has_a_range_from_zero() -> None:
    data = np.maximum(np.random.default_rng(0).normal(0, 1, 10_000), 0).astype(np.float32)
    histogram = Histogram()
    for part in np.array_split(data, 7):
        histogram.add(part)
    assert histogram.range().low == histogram.entropy_range().low == 0


def gaussian(outlier: float | None) -> Histogram:
    data = np.random.default_rng(1).normal(0, 1, 200_000).astype(np.float32)
    histogram = Histogram()
    histogram.add(data)
    if outlier is not None:
        histogram.add(np.full(3, outlier, np.float32))
    return histogram


def test_least_entropy_cuts_outliers_off_and_keeps_the_bulk() -> None:
    span = gaussian(outlier=60.0).entropy_range()
    assert 3 < span.high < 30
    assert -6 < span.low <= -3


def test_least_entropy_keeps_evenly_spread_values_whole() -> None:
    histogram = Histogram()
    histogram.add(np.linspace(-1, 1, 100_001, dtype=np.float32))
    assert histogram.entropy_range().high > 0.9


def divergence(data: np.ndarray, threshold: float, steps: int) -> float:
    """The definition, slowly: sizes clipped at a threshold, against the mean of each step's occupied bins."""
    edges = np.linspace(0, np.abs(data).max(), BINS // 2 + 1)
    counts = np.histogram(np.abs(data), edges)[0].astype(float)
    counts[0] = counts[1]
    bins = round(threshold / edges[1])
    clipped = counts[:bins].copy()
    clipped[-1] += counts[bins:].sum()
    quantized = np.zeros(bins)
    for step in range(steps):
        members = [b for b in range(bins) if b * steps // bins == step and counts[b]]
        for b in members:
            quantized[b] = sum(counts[m] for m in members) / len(members)
    p, q = clipped / clipped.sum(), quantized / quantized.sum()
    return float(sum(a * np.log(a / max(b, 1e-9)) for a, b in zip(p, q, strict=True) if a))


def test_no_other_threshold_has_clearly_less_entropy_by_the_slow_definition() -> None:
    data = np.random.default_rng(2).laplace(0, 1, 50_000).astype(np.float32)
    histogram = Histogram()
    histogram.add(data)
    chosen = histogram.entropy_range().high
    least = divergence(data, chosen, 128)
    largest = float(np.abs(data).max())
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0):
        assert least <= divergence(data, share * largest, 128) * 1.02
