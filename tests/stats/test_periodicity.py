"""A disturbance in equal intervals is found, and noise, spikes and drift are none."""

import numpy as np
import pytest

from toolkit.stats.periodicity import strongest_period

MS = 1_000_000
BELIEVED = 0.4


def series(seed: int, count: int = 20_000) -> tuple[np.ndarray, np.random.Generator]:
    generator = np.random.default_rng(seed)
    return 50_000 * generator.lognormal(0, 0.03, count), generator


def period(values: np.ndarray) -> tuple[float, float]:
    found = strongest_period(np.cumsum(values).astype(np.int64), values.astype(np.int64))
    return (0.0, 0.0) if found is None else (found.interval_ns / MS, found.correlation)


@pytest.mark.parametrize("interval_ms", [10, 37, 100])
@pytest.mark.parametrize("seed", range(3))
def test_a_disturbance_in_equal_intervals_is_found_with_its_interval(interval_ms: int, seed: int) -> None:
    values, _ = series(seed)
    while_disturbed = np.cumsum(values) % (interval_ms * MS) < 0.1 * interval_ms * MS
    interval, correlation = period(values * np.where(while_disturbed, 1.3, 1))
    assert interval == pytest.approx(interval_ms, rel=0.06)
    assert correlation > 0.7


@pytest.mark.parametrize("seed", range(10))
def test_noise_spikes_and_drift_are_no_period(seed: int) -> None:
    values, generator = series(seed)
    spikes = values * np.where(generator.random(len(values)) < 0.002, 5, 1)
    drift = values * np.linspace(1, 1.2, len(values))
    walk = values * np.exp(np.cumsum(generator.normal(0, 0.001, len(values))))
    for each in (values, spikes, drift, walk):
        assert period(each)[1] < BELIEVED


def test_too_few_or_constant_values_have_no_period() -> None:
    assert strongest_period(np.arange(10) * MS, np.ones(10, np.int64)) is None
    assert strongest_period(np.arange(500) * MS, np.full(500, 7)) is None
    assert strongest_period(np.zeros(500, np.int64), np.arange(500)) is None
